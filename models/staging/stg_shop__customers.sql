with

base as (
    select
        customer_id,
        gender,
        region,
        acquisition_channel,
        email_hash,
        phone_hash,
        birth_year,
        signed_up_at
    from {{ ref('base_shop__customers') }}
    where duplicate_rank = 1
)

select * from base

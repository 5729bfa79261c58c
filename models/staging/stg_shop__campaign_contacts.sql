with

base as (
    select
        campaign_contact_id,
        campaign_id,
        customer_id,
        is_holdout,
        contacted_at
    from {{ ref('base_shop__campaign_contacts') }}
    where duplicate_rank = 1
)

select * from base

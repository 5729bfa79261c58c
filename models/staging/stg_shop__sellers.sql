with

base as (
    select
        seller_id,
        seller_name,
        category,
        joined_at
    from {{ ref('base_shop__sellers') }}
    where duplicate_rank = 1
)

select * from base

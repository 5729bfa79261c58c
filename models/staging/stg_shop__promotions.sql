with

base as (
    select
        promotion_id,
        product_id,
        promotion_kind,
        discount_rate,
        starts_at,
        ends_at
    from {{ ref('base_shop__promotions') }}
    where duplicate_rank = 1
)

select * from base

with

base as (
    select
        product_id,
        on_hand,
        on_order,
        lead_time_days,
        inventory_date
    from {{ ref('base_shop__inventory_daily') }}
    where duplicate_rank = 1
)

select * from base

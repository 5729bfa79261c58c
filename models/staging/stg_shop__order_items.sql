with

base as (
    select
        order_item_id,
        order_id,
        product_id,
        quantity,
        unit_price_amount,
        discount_amount,
        returned_quantity
    from {{ ref('base_shop__order_items') }}
    where duplicate_rank = 1
)

select * from base

with

base as (
    select
        product_id,
        seller_id,
        product_name,
        product_description,
        brand,
        category_path,
        image_url,
        list_price_amount,
        unit_cost_amount,
        launched_at
    from {{ ref('base_shop__products') }}
    where duplicate_rank = 1
)

select * from base

with products as (

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
    from {{ ref('stg_shop__products') }}

),

order_items as (

    select
        product_id,
        is_sale,
        order_date
    from {{ ref('fct_order_items') }}

),

events as (

    select product_id
    from {{ ref('fct_events') }}
    where product_id is not null

),

reviews as (

    select product_id
    from {{ ref('fct_reviews') }}

),

promotions as (

    select product_id
    from {{ ref('fct_promotions') }}

),

inventory as (

    select product_id
    from {{ ref('fct_inventory_daily') }}

),

-- Every product that any fact names, so that no sale is lost for want of master data.
members as (

    select product_id from products
    union distinct
    select product_id from order_items
    union distinct
    select product_id from events
    union distinct
    select product_id from reviews
    union distinct
    select product_id from promotions
    union distinct
    select product_id from inventory

),

first_sales as (

    select
        product_id,
        min(order_date) as first_sale_date
    from order_items
    where is_sale
    group by product_id

),

final as (

    select
        members.product_id,
        products.seller_id,
        products.product_name,
        products.product_description,
        products.brand,
        products.category_path,
        coalesce({{ split_path('products.category_path', ' > ', 1) }}, 'unknown') as category,
        {{ split_path('products.category_path', ' > ', 2) }} as subcategory,
        products.image_url,
        products.list_price_amount,
        products.unit_cost_amount,
        products.product_id is null as is_inferred,
        -- A sale before the stated launch proves the statement wrong.
        case
            when first_sales.first_sale_date < cast(products.launched_at as date) then first_sales.first_sale_date
            else coalesce(cast(products.launched_at as date), first_sales.first_sale_date)
        end as launched_date
    from members
    left join products
        on members.product_id = products.product_id
    left join first_sales
        on members.product_id = first_sales.product_id

)

select * from final

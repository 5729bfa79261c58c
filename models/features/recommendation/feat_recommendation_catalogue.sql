-- The same dates as feat_recommendation_interactions: the two are read together.
with as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where
        is_monthly
        and weeks_ago <= 24

),

products as (

    select
        product_id,
        seller_id,
        product_name,
        product_description,
        category,
        subcategory,
        brand,
        list_price_amount,
        is_inferred,
        launched_date
    from {{ ref('dim_products') }}

),

final as (

    select
        products.product_id,
        products.seller_id,
        products.product_name as name,
        products.product_description as description,
        -- What has no category is not alike for that.
        nullif(products.category, 'unknown') as category,
        products.subcategory,
        products.brand,
        products.list_price_amount,
        as_of_dates.as_of_date
    from products
    inner join as_of_dates
        on products.launched_date < as_of_dates.as_of_date
    where not products.is_inferred

)

select * from final

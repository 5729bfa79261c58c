with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

products as (

    select
        product_id,
        category,
        subcategory,
        category_path,
        list_price_amount
    from {{ ref('dim_products') }}

),

cells as (

    select
        product_id,
        regular_price_amount,
        units,
        period_start_date
    from {{ ref('feat_pricing_cells') }}

),

-- On a day on which the price changed, the lower one is taken for today's: a plan that starts too low steps up too little, not too far.
current_prices as (

    select
        product_id,
        regular_price_amount
    from (
        select
            product_id,
            regular_price_amount,
            row_number() over (
                partition by product_id order by period_start_date desc nulls last, regular_price_amount asc nulls last
            ) as recency
        from cells
    ) as ranked
    where recency = 1

),

sold as (

    select
        product_id,
        round(sum(units), 6) as units
    from cells
    group by product_id

),

final as (

    select
        products.product_id,
        products.category,
        coalesce(products.subcategory, 'unknown') as subcategory,
        coalesce(products.category_path, 'unknown') as category_path,
        coalesce(current_prices.regular_price_amount, products.list_price_amount) as price_amount,
        coalesce(sold.units, 0) as units,
        as_of.as_of_date
    from products
    cross join as_of
    left join current_prices
        on products.product_id = current_prices.product_id
    left join sold
        on products.product_id = sold.product_id

)

select * from final

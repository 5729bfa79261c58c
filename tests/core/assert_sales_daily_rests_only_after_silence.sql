-- A returned row is a day on which a product comes back to fct_sales_daily after a rest although nothing sold on it, or after a rest
-- that began too early or too late. A product rests after exactly trendhouse_demand_active_days days without a sale since its last one
-- (or since its launch), and only a sale brings it back: look at its days around the returned one, and at the ranges in
-- fct_sales_daily.
with sales_daily as (

    select
        product_id,
        sales_date,
        orders,
        lag(sales_date) over (partition by product_id order by sales_date asc nulls last) as previous_date,
        max(case when orders > 0 then sales_date end) over (
            partition by product_id
            order by sales_date asc nulls last
            rows between unbounded preceding and 1 preceding
        ) as last_sold_date
    from {{ ref('fct_sales_daily') }}

),

products as (

    select
        product_id,
        launched_date
    from {{ ref('dim_products') }}

),

rests as (

    select
        sales_daily.product_id,
        sales_daily.previous_date,
        sales_daily.sales_date,
        sales_daily.orders,
        coalesce(sales_daily.last_sold_date, products.launched_date) as last_sign_of_life_date
    from sales_daily
    inner join products
        on sales_daily.product_id = products.product_id
    where {{ days_between('sales_daily.previous_date', 'sales_daily.sales_date') }} > 1

)

select *
from rests
where
    orders = 0
    or {{ days_between('last_sign_of_life_date', 'previous_date') }} != {{ var('trendhouse_demand_active_days') }}

-- A returned row is a day in fct_sales_daily before the product's launch, before the shop's first order or after the last day that the
-- table may hold. Features would count it as a day without sales: find out which of the three bounds fct_sales_daily has missed.
with sales_daily as (

    select
        product_id,
        sales_date
    from {{ ref('fct_sales_daily') }}

),

products as (

    select
        product_id,
        launched_date
    from {{ ref('dim_products') }}

),

as_of as (

    select
        first_order_date,
        greatest({{ add_days('as_of_date', -1) }}, last_order_date) as last_spine_date
    from {{ ref('dim_as_of') }}

)

select
    sales_daily.product_id,
    sales_daily.sales_date,
    products.launched_date
from sales_daily
cross join as_of
left join products
    on sales_daily.product_id = products.product_id
where
    products.launched_date is null
    or sales_daily.sales_date < products.launched_date
    or sales_daily.sales_date < as_of.first_order_date
    or sales_daily.sales_date > as_of.last_spine_date

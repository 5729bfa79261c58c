-- A returned row is a product whose days in fct_sales_daily do not add up to its sale lines in fct_order_items: a sale fell off the
-- spine, or was counted twice. Compare the days of the product in both tables; the ranges in fct_sales_daily are the place to look.
with sold_by_day as (

    select
        product_id,
        sum(units) as units,
        sum(net_amount) as net_amount
    from {{ ref('fct_sales_daily') }}
    group by product_id

),

sold_by_line as (

    select
        product_id,
        sum(quantity) as units,
        sum(net_amount) as net_amount
    from {{ ref('fct_order_items') }}
    where is_sale
    group by product_id

)

select
    coalesce(sold_by_day.product_id, sold_by_line.product_id) as product_id,
    sold_by_day.units as units_by_day,
    sold_by_line.units as units_by_line,
    sold_by_day.net_amount as net_amount_by_day,
    sold_by_line.net_amount as net_amount_by_line
from sold_by_day
full outer join sold_by_line
    on sold_by_day.product_id = sold_by_line.product_id
where
    abs(coalesce(sold_by_day.units, 0) - coalesce(sold_by_line.units, 0)) > 0.001
    or abs(coalesce(sold_by_day.net_amount, 0) - coalesce(sold_by_line.net_amount, 0)) > 0.01

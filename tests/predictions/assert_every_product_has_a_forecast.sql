-- A returned row is a product without exactly 28 days of forecast from the as-of date on (`days` says how many it has, `first_date` which is the
-- first). Someone who reorders by the table would overlook it: find the join in pred_demand_daily that drops or multiplies it.
with products as (

    select product_id
    from {{ ref('dim_products') }}

),

as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

forecasts as (

    select
        product_id,
        count(distinct target_date) as days,
        min(target_date) as first_date,
        max(target_date) as last_date
    from {{ ref('pred_demand_daily') }}
    group by product_id

)

select
    products.product_id,
    forecasts.days,
    forecasts.first_date
from products
cross join as_of
left join forecasts
    on products.product_id = forecasts.product_id
where
    forecasts.days is null
    or forecasts.days <> 28
    or forecasts.first_date <> as_of.as_of_date
    or forecasts.last_date <> {{ add_days('as_of.as_of_date', 27) }}

-- A returned row is a product that was on sale the day before the current as-of date and lacks some of its 28 horizons as of now, so that it would
-- get no forecast. Something in feat_demand_weeks, feat_demand_products or feat_demand_horizons drops rows: compare their counts for it.
with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

on_sale as (

    select sales.product_id
    from {{ ref('fct_sales_daily') }} as sales
    cross join as_of
    where sales.sales_date = {{ add_days('as_of.as_of_date', -1) }}

),

horizons as (

    select
        horizons.product_id,
        count(*) as horizon_count
    from {{ ref('feat_demand_horizons') }} as horizons
    inner join as_of
        on horizons.as_of_date = as_of.as_of_date
    group by horizons.product_id

)

select
    on_sale.product_id,
    horizons.horizon_count
from on_sale
left join horizons
    on on_sale.product_id = horizons.product_id
where coalesce(horizons.horizon_count, 0) != 28

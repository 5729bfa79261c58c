-- A returned row is a row of the demand matrix that does not hold what feat_demand_products says of its product and as-of date, or whose target
-- date is not horizon_days - 1 after it. A join in feat_demand_horizons has lost its date: the forecast for one day would be made from
-- another's past.
select
    horizons.product_id,
    horizons.as_of_date,
    horizons.horizon_days,
    horizons.target_date
from {{ ref('feat_demand_horizons') }} as horizons
left join {{ ref('feat_demand_products') }} as products
    on
        horizons.product_id = products.product_id
        and horizons.as_of_date = products.as_of_date
where
    products.product_id is null
    or horizons.base_units != products.base_units
    or horizons.price_amount != products.price_amount
    or horizons.age_days != products.age_days
    or coalesce(horizons.units_mean_7d, -1) != coalesce(products.units_mean_7d, -1)
    or {{ days_between('horizons.as_of_date', 'horizons.target_date') }} + 1 != horizons.horizon_days

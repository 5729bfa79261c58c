-- A returned row is a row of the demand matrix whose label contradicts time: it has one though its target date is not past, or has none though
-- it is. The first would train and judge on days that are not over, the second throws training rows away. Look at the label in
-- feat_demand_horizons.
with as_of as (

    select as_of_date as current_as_of_date
    from {{ ref('dim_as_of') }}

)

select
    horizons.product_id,
    horizons.as_of_date,
    horizons.horizon_days,
    horizons.target_date,
    horizons.units
from {{ ref('feat_demand_horizons') }} as horizons
cross join as_of
where
    (horizons.target_date < as_of.current_as_of_date) != (horizons.units is not null)
    or (horizons.units is null) != (horizons.is_censored is null)

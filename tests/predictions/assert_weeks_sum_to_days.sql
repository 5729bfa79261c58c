-- A returned row is a week of the shop whose forecast in pred_demand_weekly differs from the sum of its days in pred_demand_daily. A category
-- is lost or counted twice in one of them.
with weekly as (

    select
        horizon_week,
        sum(mean_units) as units
    from {{ ref('pred_demand_weekly') }}
    group by horizon_week

),

daily as (

    select
        ceil(horizon_days / 7.0e0) as horizon_week,
        sum(mean_units) as units
    from {{ ref('pred_demand_daily') }}
    group by ceil(horizon_days / 7.0e0)

)

select
    daily.horizon_week,
    daily.units as daily_units,
    weekly.units as weekly_units
from daily
left join weekly
    on daily.horizon_week = weekly.horizon_week
where
    weekly.units is null
    or abs(daily.units - weekly.units) > 0.000001 * (1 + abs(daily.units))

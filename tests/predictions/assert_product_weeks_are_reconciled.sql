-- A returned row is a product's week that pred_demand_daily sums to `daily_units` while ml_demand__reconciliation holds `reconciled_units` for it
-- (null: not at all). Days and sums would then speak of different weeks: the reconciliation is not of this build's scores, or its factor is not
-- applied.
{{ config(group='modelling') }}

with reconciled as (

    select
        reconciliation.product_id,
        reconciliation.horizon_week,
        reconciliation.reconciled_units
    from {{ ref('ml_demand__reconciliation') }} as reconciliation
    inner join {{ ref('dim_as_of') }} as as_of
        on reconciliation.as_of_date = as_of.as_of_date

),

daily as (

    select
        product_id,
        cast(ceil(horizon_days / 7.0e0) as integer) as horizon_week,
        sum(mean_units) as daily_units
    from {{ ref('pred_demand_daily') }}
    where fallback_level = 'model'
    group by product_id, cast(ceil(horizon_days / 7.0e0) as integer)

)

select
    daily.product_id,
    daily.horizon_week,
    daily.daily_units,
    reconciled.reconciled_units
from daily
left join reconciled
    on
        daily.product_id = reconciled.product_id
        and daily.horizon_week = reconciled.horizon_week
where
    reconciled.reconciled_units is null
    or abs(daily.daily_units - reconciled.reconciled_units) > 0.00001 * (1 + abs(daily.daily_units))

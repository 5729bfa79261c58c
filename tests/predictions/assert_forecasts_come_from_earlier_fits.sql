-- A returned row is a fit_id of pred_demand_daily that the registry does not know, or whose training saw data of the forecast's own as-of date or
-- later. Such a forecast cannot be traced, or knows what it claims to predict: see which fit ml_demand__standings calls champion.
select distinct
    forecasts.fit_id,
    forecasts.as_of_date,
    registry.data_to
from {{ ref('pred_demand_daily') }} as forecasts
left join {{ ref('mon_model_registry') }} as registry
    on forecasts.fit_id = registry.fit_id
where
    forecasts.fit_id is not null
    and (registry.fit_id is null or registry.data_to >= forecasts.as_of_date)

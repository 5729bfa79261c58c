-- A returned row is a fit_id of pred_product_recommendations that the registry does not know, or whose training saw data of the list's own as-of date
-- or later. Such a list cannot be traced, or knows what it claims to predict: see which fit ml_recommendation__standings calls champion.
select distinct
    recommendations.fit_id,
    recommendations.as_of_date,
    registry.data_to
from {{ ref('pred_product_recommendations') }} as recommendations
left join {{ ref('mon_model_registry') }} as registry
    on recommendations.fit_id = registry.fit_id
where
    recommendations.fit_id is not null
    and (registry.fit_id is null or registry.data_to >= recommendations.as_of_date)

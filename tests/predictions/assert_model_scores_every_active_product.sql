-- A returned row is a product of the feature table, on the current as-of date, that pred_demand_daily serves by a fallback although a
-- champion exists, or a product served by the model that the feature table lacks. The scores are not of this build's features: build them again.
with champion as (

    select count(*) as champions
    from {{ ref('mon_model_registry') }}
    where topic = 'demand' and is_champion

),

features as (

    select
        features.product_id,
        count(*) as days
    from {{ ref('feat_demand_horizons') }} as features
    inner join {{ ref('dim_as_of') }} as as_of
        on features.as_of_date = as_of.as_of_date
    cross join champion
    where champion.champions > 0
    group by features.product_id

),

served as (

    select
        product_id,
        count(*) as days
    from {{ ref('pred_demand_daily') }}
    where fallback_level = 'model'
    group by product_id

)

select
    coalesce(features.product_id, served.product_id) as product_id,
    features.days as feature_days,
    served.days as served_days
from features
full outer join served
    on features.product_id = served.product_id
where features.days is null or served.days is null or features.days <> served.days

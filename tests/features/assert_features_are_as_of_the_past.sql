-- A returned row is a feature model with rows as of a date after the current as-of date (or without a date): features of a day that has not begun.
-- Filter it to dim_as_of_dates, or to events before the as-of date.
{% set models = [
    'feat_demand_weeks', 'feat_demand_categories', 'feat_demand_shop', 'feat_demand_calendar', 'feat_demand_products', 'feat_demand_horizons',
    'feat_demand_fusion_inputs', 'feat_demand_fusion_scaling', 'feat_demand_fusion',
    'feat_demand_stock',
    'feat_marketing_customers', 'feat_recommendation_products', 'feat_recommendation_interactions', 'feat_recommendation_sessions',
    'feat_recommendation_visits', 'feat_recommendation_catalogue', 'feat_recommendation_pairs', 'feat_recommendation_sellers',
    'feat_recommendation_seller_pairs',
    'feat_pricing_cells',
] %}

with as_of as (

    select as_of_date as current_as_of_date
    from {{ ref('dim_as_of') }}

),

latest as (

    {% for model in models %}
        select
            '{{ model }}' as feature_model,
            max(as_of_date) as last_as_of_date,
            count(*) - count(as_of_date) as rows_without_date
        from {{ ref(model) }}
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select
    latest.feature_model,
    latest.last_as_of_date,
    latest.rows_without_date
from latest
cross join as_of
where
    latest.last_as_of_date > as_of.current_as_of_date
    or latest.rows_without_date > 0

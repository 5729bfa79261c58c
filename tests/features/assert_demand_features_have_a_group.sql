-- A returned row is a feature of the demand matrix without a row in seeds/reference/demand_feature_groups.csv (or a row there that is no feature
-- any more), so that mon_feature_selection shows it as other. Add the row, or remove it.
with features as (

    {% for column in adapter.get_columns_in_relation(ref('feat_demand_horizons')) %}
        {% if column.name not in ['product_id', 'as_of_date', 'target_date', 'units', 'is_censored'] %}
            select '{{ column.name }}' as feature
            union all
        {% endif %}
    {% endfor %}
    select cast(null as varchar) as feature
    where 1 = 0

),

feature_groups as (

    select feature
    from {{ ref('demand_feature_groups') }}

),

-- A build with --empty reads no row of the seed either.
seed_rows as (

    select count(*) as seed_count
    from feature_groups

)

select
    features.feature,
    feature_groups.feature as feature_in_seed
from features
full outer join feature_groups
    on features.feature = feature_groups.feature
cross join seed_rows
where
    (features.feature is null or feature_groups.feature is null)
    and seed_rows.seed_count > 0

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

selections as (

    select
        selection_id,
        feature,
        reason,
        selection_rows,
        mutual_information,
        mutual_information_probe,
        pca_1_loading,
        pca_2_loading,
        pca_3_loading,
        pca_4_loading,
        pca_5_loading,
        pca_1_variance_share,
        pca_2_variance_share,
        pca_3_variance_share,
        pca_4_variance_share,
        pca_5_variance_share,
        random_forest_importance,
        random_forest_probe,
        lightgbm_gain_share,
        lightgbm_gain_probe,
        permutation_importance,
        permutation_error,
        is_kept,
        judged_before_date,
        data_to,
        trained_at
    from {{ ref('ml_demand__feature_selection') }}

),

feature_groups as (

    select
        feature,
        feature_group
    from {{ ref('demand_feature_groups') }}

),

-- The rule of trendhouse.demand.feature_selection.kept, which the trainings read.
latest as (

    select
        selections.selection_id,
        row_number() over (
            order by selections.data_to desc nulls last, selections.trained_at desc nulls last, selections.selection_id desc nulls last
        ) as place
    from selections
    cross join as_of
    where selections.data_to < as_of.as_of_date

),

valued as (

    select
        selections.*,
        {%- for component in range(1, 6) %}
            {{ '+ ' if not loop.first }}coalesce(selections.pca_{{ component }}_variance_share * power(selections.pca_{{ component }}_loading, 2), 0)
        {%- endfor %} as pca_importance
    from selections
    inner join latest
        on
            selections.selection_id = latest.selection_id
            and latest.place = 1

),

{% set methods = {
    'mutual_information': 'mutual_information',
    'pca': 'pca_importance',
    'random_forest': 'random_forest_importance',
    'lightgbm_gain': 'lightgbm_gain_share',
    'permutation': 'permutation_importance',
} %}
ranked as (

    select
        {%- for method, value in methods.items() %}
            case
                when {{ 'pca_1_loading' if method == 'pca' else value }} is not null
                    then cast(rank() over (order by {{ value }} desc nulls last) as integer)
            end as {{ method }}_rank,
        {%- endfor %}
        valued.*
    from valued

),

final as (

    select
        ranked.feature,
        coalesce(feature_groups.feature_group, 'other') as feature_group,
        ranked.selection_id,
        ranked.reason,
        ranked.mutual_information_rank,
        ranked.pca_rank,
        ranked.random_forest_rank,
        ranked.lightgbm_gain_rank,
        ranked.permutation_rank,
        {{ safe_divide(
            'coalesce(ranked.' ~ methods | join('_rank, 0) + coalesce(ranked.') ~ '_rank, 0)',
            'case when ranked.' ~ methods | join('_rank is null then 0 else 1 end + case when ranked.') ~ '_rank is null then 0 else 1 end'
        ) }} as mean_rank,
        ranked.selection_rows,
        ranked.mutual_information,
        ranked.mutual_information_probe,
        ranked.pca_1_loading,
        ranked.pca_2_loading,
        ranked.pca_3_loading,
        ranked.pca_4_loading,
        ranked.pca_5_loading,
        ranked.pca_1_variance_share,
        ranked.pca_2_variance_share,
        ranked.pca_3_variance_share,
        ranked.pca_4_variance_share,
        ranked.pca_5_variance_share,
        ranked.random_forest_importance,
        ranked.random_forest_probe,
        ranked.lightgbm_gain_share,
        ranked.lightgbm_gain_probe,
        ranked.permutation_importance,
        ranked.permutation_error,
        ranked.is_kept,
        ranked.judged_before_date,
        ranked.data_to,
        ranked.trained_at
    from ranked
    left join feature_groups
        on ranked.feature = feature_groups.feature

)

select * from final

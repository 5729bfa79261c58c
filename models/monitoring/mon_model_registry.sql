with fits as (

    {% for model in [
        'ml_demand__fits', 'ml_demand__ensembles', 'ml_recommendation__fits', 'ml_recommendation__rankers', 'ml_recommendation__next_basket_fits',
    ] %}
        select
            fit_id,
            fit_key,
            topic,
            algorithm,
            parameters,
            features,
            metrics,
            library_versions,
            artifact_sha256,
            length(artifact) as artifact_characters,
            is_baseline,
            data_from,
            data_to,
            trained_at
        from {{ ref(model) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

standings as (

    select
        fit_id,
        'mean of weekly_wape and category_weekly_wape' as backtest_metric,
        origins,
        standing,
        mean_wape as backtest_value,
        false as is_higher_better,
        is_latest,
        is_champion
    from {{ ref('ml_demand__standings') }}
    union all
    select
        fit_id,
        'ndcg_at_10' as backtest_metric,
        origins,
        standing,
        mean_ndcg_at_10 as backtest_value,
        true as is_higher_better,
        is_latest,
        is_champion
    from {{ ref('ml_recommendation__standings') }}
    union all
    select
        fit_id,
        'ndcg_at_10' as backtest_metric,
        origins,
        standing,
        ndcg_at_10 as backtest_value,
        true as is_higher_better,
        is_latest,
        is_champion
    from {{ ref('ml_recommendation__next_basket_standings') }}

),

final as (

    select
        fits.fit_id,
        fits.fit_key,
        fits.topic,
        fits.algorithm,
        standings.backtest_metric,
        fits.parameters,
        fits.features,
        fits.metrics,
        fits.library_versions,
        fits.artifact_sha256,
        cast(fits.artifact_characters as bigint) as artifact_characters,
        standings.origins as backtest_origins,
        standings.backtest_value,
        standings.standing,
        standings.is_higher_better,
        fits.is_baseline,
        standings.is_latest,
        standings.is_champion,
        fits.data_from,
        fits.data_to,
        fits.trained_at
    from fits
    inner join standings
        on fits.fit_id = standings.fit_id

)

select * from final

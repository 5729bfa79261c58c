-- A returned row is a trained model whose error in the registry is not the mean of its errors by origin in mon_backtests. Two tables would tell
-- two stories about one model: see which rows one of them leaves out.
with backtests as (

    select
        fit_id,
        avg(metric_value) as mean_value,
        count(distinct origin_date) as origins
    from {{ ref('mon_backtests') }}
    where cut = 'origin' and metric in ('weekly_wape', 'category_weekly_wape', 'ndcg_at_10')
    group by fit_id

)

select
    registry.fit_id,
    registry.backtest_value,
    backtests.mean_value
from {{ ref('mon_model_registry') }} as registry
left join backtests
    on registry.fit_id = backtests.fit_id
where
    registry.backtest_metric in ('mean of weekly_wape and category_weekly_wape', 'ndcg_at_10')
    and (
        abs(coalesce(registry.backtest_value, -1) - coalesce(backtests.mean_value, -1)) > 0.000001
        or registry.backtest_origins <> coalesce(backtests.origins, 0)
    )

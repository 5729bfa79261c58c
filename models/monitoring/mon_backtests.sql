-- Topics differ in their metrics and cuts: rows, not columns, tell them apart.
select
    fit_id,
    'demand' as topic,
    algorithm,
    cut,
    category,
    demand_class,
    metric,
    horizon_week,
    predictions,
    actual_total,
    metric_value,
    origin_date
from {{ ref('ml_demand__backtest_metrics') }}
union all
select
    fit_id,
    'recommendation' as topic,
    algorithm,
    'origin' as cut,
    cast(null as varchar) as category,
    cast(null as varchar) as demand_class,
    metric || '_at_10' as metric,
    cast(null as integer) as horizon_week,
    customers * k as predictions,
    cast(bought_products as double) as actual_total,
    metric_value,
    origin_date
from {{ ref('ml_recommendation__backtest') }}
where
    k = 10
    and metric in ('precision', 'recall', 'f1', 'ndcg', 'map', 'mrr', 'hit_rate')
union all
select
    fit_id,
    'next_basket' as topic,
    algorithm,
    'origin' as cut,
    cast(null as varchar) as category,
    cast(null as varchar) as demand_class,
    metric || '_at_10' as metric,
    cast(null as integer) as horizon_week,
    customers * k as predictions,
    cast(null as double) as actual_total,
    metric_value,
    origin_date
from {{ ref('ml_recommendation__next_basket_backtest') }}
where
    k = 10
    and metric in ('precision', 'recall', 'f1', 'ndcg', 'map', 'mrr', 'hit_rate')

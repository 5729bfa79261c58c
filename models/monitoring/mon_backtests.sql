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

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
{% for topic, model, bought in [
    ('recommendation', 'ml_recommendation__backtest', 'bought_products'),
    ('next_basket', 'ml_recommendation__next_basket_backtest', 'null'),
] %}
    union all
    select
        fit_id,
        '{{ topic }}' as topic,
        algorithm,
        'origin' as cut,
        cast(null as varchar) as category,
        cast(null as varchar) as demand_class,
        metric || '_at_10' as metric,
        cast(null as integer) as horizon_week,
        customers * k as predictions,
        cast({{ bought }} as double) as actual_total,
        metric_value,
        origin_date
    from {{ ref(model) }}
    where
        k = 10
        and metric in ('precision', 'recall', 'f1', 'ndcg', 'map', 'mrr', 'hit_rate')
{% endfor %}

with backtest as (

    select
        fit_id,
        product_id,
        algorithm,
        demand_class,
        cast(ceil(horizon_days / 7.0e0) as integer) as horizon_week,
        actual_units,
        mean_units,
        p10_units,
        p50_units,
        p90_units,
        as_of_date
    from {{ ref('ml_demand__backtest') }}
    where not is_censored and not is_warm_up

),

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

demand as (

    select
        backtest.*,
        coalesce(products.category, 'unknown') as category,
        -- A week's error, spread over its rows, so that every cut below can add it up.
        abs(sum(backtest.actual_units) over product_week - sum(backtest.mean_units) over product_week)
        / nullif(count(*) over product_week, 0) as week_error,
        abs(sum(backtest.actual_units) over category_week - sum(backtest.mean_units) over category_week)
        / nullif(count(*) over category_week, 0) as category_week_error
    from backtest
    left join products
        on backtest.product_id = products.product_id
    window
        product_week as (partition by backtest.fit_id, backtest.as_of_date, backtest.product_id, backtest.horizon_week),
        category_week as (partition by backtest.fit_id, backtest.as_of_date, products.category, backtest.horizon_week)

),

cuts as (

    select
        fit_id,
        algorithm,
        as_of_date,
        horizon_week,
        category,
        demand_class,
        case
            when grouping(demand_class) = 0 then 'demand_class'
            when grouping(horizon_week) = 1 and grouping(category) = 1 then 'origin'
            when grouping(horizon_week) = 1 then 'category'
            when grouping(category) = 1 then 'horizon_week'
            else 'category_horizon_week'
        end as cut,
        count(*) as predictions,
        sum(actual_units) as actual_units,
        {{ safe_divide('sum(week_error)', 'sum(actual_units)') }} as weekly_wape,
        -- A class has no part of its own in the error of a category.
        case
            when grouping(demand_class) = 1 then {{ safe_divide('sum(category_week_error)', 'sum(actual_units)') }}
        end as category_weekly_wape,
        {{ wape('actual_units', 'mean_units') }} as wape,
        {{ relative_bias('actual_units', 'mean_units') }} as bias,
        {{ rmse('actual_units', 'mean_units') }} as rmse,
        {{ pinball_loss('actual_units', 'p10_units', 0.1) }} as pinball_p10,
        {{ pinball_loss('actual_units', 'p50_units', 0.5) }} as pinball_p50,
        {{ pinball_loss('actual_units', 'p90_units', 0.9) }} as pinball_p90,
        {{ share_of('actual_units between p10_units and p90_units') }} as coverage_p10_p90,
        {{ share_of('actual_units < p10_units') }} as share_below_p10,
        {{ share_of('actual_units > p90_units') }} as share_above_p90
    from demand
    group by fit_id, algorithm, as_of_date, cube(horizon_week, category, demand_class)
    having grouping(demand_class) = 1 or (grouping(horizon_week) = 1 and grouping(category) = 1)

),

{% set metrics = [
    'weekly_wape', 'category_weekly_wape', 'wape', 'bias', 'rmse', 'pinball_p10', 'pinball_p50', 'pinball_p90',
    'coverage_p10_p90', 'share_below_p10', 'share_above_p90',
] %}
-- Topics differ in their metrics: one row per metric, so that a further topic adds rows and no columns.
final as (

    {% for metric in metrics %}
        select
            fit_id,
            algorithm,
            cut,
            category,
            demand_class,
            '{{ metric }}' as metric,
            horizon_week,
            predictions,
            cast(actual_units as double) as actual_total,
            -- Rounded, because sums of fractions differ in the last digit with the order of the rows, and two builds must be equal.
            round(cast({{ metric }} as double), 9) as metric_value,
            as_of_date as origin_date
        from cuts
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select * from final

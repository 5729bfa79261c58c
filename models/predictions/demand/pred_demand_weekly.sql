with daily as (

    select
        product_id,
        category,
        horizon_days,
        mean_units,
        as_of_date,
        target_date,
        scored_at
    from {{ ref('pred_demand_daily') }}

),

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

champion as (

    select
        fit_id,
        algorithm
    from {{ ref('ml_demand__standings') }}
    where is_champion

),

backtest as (

    select
        fit_id,
        product_id,
        horizon_days,
        actual_units,
        mean_units,
        as_of_date
    from {{ ref('ml_demand__backtest') }}
    where not is_censored

),

-- ---- How far sums of a category's week were off, out of sample. Sums are rounded here and below, because the last digit of a sum of fractions
-- depends on the order of the rows, and two builds must be equal. ----
past_weeks as (

    select
        backtest.as_of_date,
        products.category,
        ceil(backtest.horizon_days / 7.0e0) as horizon_week,
        round(sum(backtest.actual_units), 6) as actual_units,
        round(sum(backtest.mean_units), 6) as mean_units
    from backtest
    inner join champion
        on backtest.fit_id = champion.fit_id
    inner join products
        on backtest.product_id = products.product_id
    group by backtest.as_of_date, products.category, ceil(backtest.horizon_days / 7.0e0)

),

-- Pooled over categories, weeks ahead and origins: one category alone has too few weeks to tell a tail.
ratios as (

    select
        count(*) as weeks,
        percentile_cont(0.1) within group (order by actual_units / nullif(mean_units, 0)) as p10_ratio,
        percentile_cont(0.5) within group (order by actual_units / nullif(mean_units, 0)) as p50_ratio,
        percentile_cont(0.9) within group (order by actual_units / nullif(mean_units, 0)) as p90_ratio
    from past_weeks
    where mean_units > 0

),

weekly as (

    select
        category,
        as_of_date,
        cast(ceil(horizon_days / 7.0e0) as integer) as horizon_week,
        min(target_date) as week_start_date,
        max(target_date) as week_end_date,
        count(distinct product_id) as products,
        round(sum(mean_units), 6) as mean_units,
        max(scored_at) as scored_at
    from daily
    group by category, as_of_date, cast(ceil(horizon_days / 7.0e0) as integer)

),

-- Without ten weeks to learn from, the spread of a Poisson sum (1.2816 standard deviations either way).
final as (

    select
        weekly.category,
        champion.algorithm,
        champion.fit_id,
        weekly.horizon_week,
        weekly.products,
        weekly.mean_units,
        case
            when ratios.weeks >= 10 then weekly.mean_units * ratios.p10_ratio
            else greatest(weekly.mean_units - 1.2816e0 * sqrt(weekly.mean_units), 0)
        end as p10_units,
        case
            when ratios.weeks >= 10 then weekly.mean_units * ratios.p50_ratio
            else weekly.mean_units
        end as p50_units,
        case
            when ratios.weeks >= 10 then weekly.mean_units * ratios.p90_ratio
            else weekly.mean_units + 1.2816e0 * sqrt(weekly.mean_units)
        end as p90_units,
        weekly.as_of_date,
        weekly.week_start_date,
        weekly.week_end_date,
        weekly.scored_at
    from weekly
    cross join ratios
    left join champion
        on true

)

select * from final

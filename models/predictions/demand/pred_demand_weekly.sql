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

-- Pooled over categories, weeks ahead and origins, in four classes by size: one category alone has too few weeks to tell a tail, and a small sum
-- is off by more of itself than a large one.
sized_weeks as (

    select
        actual_units,
        mean_units,
        ntile(4) over (
            order by mean_units asc nulls last, category asc nulls last, as_of_date asc nulls last, horizon_week asc nulls last
        ) as size_class
    from past_weeks
    where mean_units > 0

),

ranked_weeks as (

    select
        size_class,
        mean_units,
        actual_units / nullif(mean_units, 0) as ratio,
        row_number() over (partition by size_class order by actual_units / nullif(mean_units, 0) asc nulls last) as place,
        count(*) over (partition by size_class) as weeks
    from sized_weeks

),

-- Order statistics with the finite-sample step outwards of split conformal prediction (Vovk et al. 2005): among few weeks the plain quantiles
-- lie too close together.
class_ratios as (

    select
        size_class,
        max(weeks) as weeks,
        {%- for level in quantile_levels() %}
            max(
                case
                    when place = {{ 'least(ceil((weeks + 1) * ' ~ level ~ 'e0), weeks)' if level >= 0.5
                                    else 'greatest(floor((weeks + 1) * ' ~ level ~ 'e0), 1)' }} then ratio
                end
            ) as {{ quantile_column(level) | replace('_units', '_ratio') }},
        {%- endfor %}
        min(mean_units) as least_units
    from ranked_weeks
    group by size_class

),

-- Each class reaches from its smallest week to the next class's; the outer ones are open.
ratios as (

    select
        class_ratios.*,
        case when size_class = 1 then 0 else least_units end as from_units,
        lead(least_units) over (order by size_class asc nulls last) as below_units
    from class_ratios

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

-- Without ten weeks of its size to learn from, the normal approximation of a Poisson sum.
final as (

    select
        weekly.category,
        champion.algorithm,
        champion.fit_id,
        weekly.horizon_week,
        weekly.products,
        weekly.mean_units,
        {% for level in quantile_levels() %}
            case
                when ratios.weeks >= 10 then weekly.mean_units * ratios.{{ quantile_column(level) | replace('_units', '_ratio') }}
                else greatest(weekly.mean_units + {{ standard_normal_quantile(level) }} * sqrt(weekly.mean_units), 0)
            end as {{ quantile_column(level) }},
        {% endfor %}
        weekly.as_of_date,
        weekly.week_start_date,
        weekly.week_end_date,
        weekly.scored_at
    from weekly
    left join ratios
        on
            weekly.mean_units >= ratios.from_units
            and (weekly.mean_units < ratios.below_units or ratios.below_units is null)
    left join champion
        on true

)

select * from final

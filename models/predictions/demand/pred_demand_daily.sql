with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

fallbacks as (

    select
        product_id,
        fallback_level,
        daily_units,
        sale_day_share,
        sells_from_date
    from {{ ref('ml_demand__fallbacks') }}

),

scores as (

    select
        product_id,
        fallback_level,
        fit_id,
        horizon_days,
        mean_units,
        {%- for level in quantile_levels() %}
            {{ quantile_column(level) }},
        {%- endfor %}
        as_of_date,
        scored_at
    from {{ ref('ml_demand__scores') }}

),

standings as (

    select
        fit_id,
        algorithm
    from {{ ref('ml_demand__standings') }}

),

-- One factor for all days of a product's week, so that levels add up and days add up to weeks.
reconciliation as (

    select
        product_id,
        horizon_week,
        factor,
        as_of_date
    from {{ ref('ml_demand__reconciliation') }}

),

days as (

    select
        spine.date_day as target_date,
        as_of.as_of_date,
        {{ days_between('as_of.as_of_date', 'spine.date_day') }} + 1 as horizon_days
    from {{ date_spine_between('(select as_of_date from as_of)', '(select ' ~ add_days('as_of_date', 27) ~ ' from as_of)') }} as spine
    cross join as_of

),

current_scores as (

    select
        scores.*,
        standings.algorithm,
        coalesce(reconciliation.factor, 1) as factor
    from scores
    inner join as_of
        on scores.as_of_date = as_of.as_of_date
    inner join standings
        on scores.fit_id = standings.fit_id
    left join reconciliation
        on
            scores.as_of_date = reconciliation.as_of_date
            and scores.product_id = reconciliation.product_id
            and cast(ceil(scores.horizon_days / 7.0e0) as integer) = reconciliation.horizon_week

),

last_scoring as (

    select max(scored_at) as scored_at
    from current_scores

),

-- Before its launch a product sells nothing.
fallback_days as (

    select
        fallbacks.product_id,
        fallbacks.fallback_level,
        days.horizon_days,
        days.as_of_date,
        days.target_date,
        case when days.target_date < fallbacks.sells_from_date then 0 else fallbacks.daily_units end as daily_units,
        case when days.target_date < fallbacks.sells_from_date then 0 else fallbacks.sale_day_share end as sale_day_share
    from fallbacks
    cross join days

),

-- The quantiles of a fallback: no unit where a day without a sale is likelier than the level, else the mean of a day with one.
final as (

    select
        products.product_id,
        products.category,
        coalesce(current_scores.fallback_level, fallback_days.fallback_level) as fallback_level,
        coalesce(current_scores.algorithm, 'history') as algorithm,
        current_scores.fit_id,
        fallback_days.horizon_days,
        coalesce(current_scores.mean_units * current_scores.factor, fallback_days.daily_units) as mean_units,
        {% for level in quantile_levels() %}
            coalesce(
                current_scores.{{ quantile_column(level) }} * current_scores.factor,
                case
                    when 1 - fallback_days.sale_day_share >= {{ level }} then 0
                    else fallback_days.daily_units / nullif(fallback_days.sale_day_share, 0)
                end
            ) as {{ quantile_column(level) }},
        {% endfor %}
        fallback_days.as_of_date,
        fallback_days.target_date,
        coalesce(current_scores.scored_at, last_scoring.scored_at) as scored_at
    from products
    cross join last_scoring
    inner join fallback_days
        on products.product_id = fallback_days.product_id
    left join current_scores
        on
            products.product_id = current_scores.product_id
            and fallback_days.horizon_days = current_scores.horizon_days

)

select * from final

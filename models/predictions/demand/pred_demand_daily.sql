with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

past_dates as (

    select
        as_of_date,
        weeks_ago
    from {{ ref('dim_as_of_dates') }}
    where is_monthly and not is_current

),

products as (

    select
        product_id,
        category,
        launched_date
    from {{ ref('dim_products') }}

),

sales as (

    select
        product_id,
        units - outlier_units as units,
        sales_date
    from {{ ref('fct_sales_daily') }}

),

scores as (

    select
        product_id,
        fallback_level,
        fit_id,
        horizon_days,
        mean_units,
        p10_units,
        p50_units,
        p90_units,
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

-- ---- What products sell that sold nothing lately. ----
-- Each past date is 28 days after the one before: its four weeks are a block that no other date shares.
block_sales as (

    select
        sales.product_id,
        past_dates.as_of_date,
        round(sum(sales.units), 6) as units,
        sum(case when sales.units > 0 then 1 else 0 end) as sale_days
    from sales
    cross join as_of
    inner join past_dates
        on
            past_dates.weeks_ago
            = 4 * cast(ceil({{ days_between('sales.sales_date', 'as_of.as_of_date') }} / 28.0e0) as integer)
    group by sales.product_id, past_dates.as_of_date

),

-- Every date from launch on which a product sells, or lately sold, has a row of sales: one the day before means it is no case for the fallback.
selling as (

    select
        sales.product_id,
        past_dates.as_of_date
    from sales
    inner join past_dates
        on {{ add_days('sales.sales_date', 1) }} = past_dates.as_of_date

),

resting as (

    select
        products.category,
        cast(coalesce(block_sales.units, 0) as double) as units,
        cast(coalesce(block_sales.sale_days, 0) as double) as sale_days
    from products
    inner join past_dates
        on products.launched_date < past_dates.as_of_date
    left join selling
        on
            products.product_id = selling.product_id
            and past_dates.as_of_date = selling.as_of_date
    left join block_sales
        on
            products.product_id = block_sales.product_id
            and past_dates.as_of_date = block_sales.as_of_date
    where selling.product_id is null

),

category_rates as (

    select
        category,
        round(sum(units), 6) / nullif(28.0e0 * count(*), 0) as daily_units,
        sum(sale_days) / nullif(28.0e0 * count(*), 0) as sale_day_share
    from resting
    group by category

),

shop_rates as (

    select
        round(sum(units), 6) / (28.0e0 * nullif(count(*), 0)) as daily_units,
        sum(sale_days) / (28.0e0 * nullif(count(*), 0)) as sale_day_share
    from resting

),

rates as (

    select
        products.product_id,
        case when category_rates.category is not null then 'category' else 'global' end as fallback_level,
        coalesce(category_rates.daily_units, shop_rates.daily_units, 0) as daily_units,
        coalesce(category_rates.sale_day_share, shop_rates.sale_day_share, 0) as sale_day_share
    from products
    cross join shop_rates
    left join category_rates
        on products.category = category_rates.category

),

-- ---- Every product, every day. ----
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
        standings.algorithm
    from scores
    inner join as_of
        on scores.as_of_date = as_of.as_of_date
    inner join standings
        on scores.fit_id = standings.fit_id

),

last_scoring as (

    select max(scored_at) as scored_at
    from current_scores

),

-- The quantiles of a fallback: no unit where a day without a sale is likelier than the level, else the mean of a day with one.
final as (

    select
        products.product_id,
        products.category,
        coalesce(current_scores.fallback_level, rates.fallback_level) as fallback_level,
        coalesce(current_scores.algorithm, 'history') as algorithm,
        current_scores.fit_id,
        days.horizon_days,
        coalesce(current_scores.mean_units, rates.daily_units) as mean_units,
        {% for level, column in [(0.1, 'p10_units'), (0.5, 'p50_units'), (0.9, 'p90_units')] %}
            coalesce(
                current_scores.{{ column }},
                case when 1 - rates.sale_day_share >= {{ level }} then 0 else rates.daily_units / nullif(rates.sale_day_share, 0) end
            ) as {{ column }},
        {% endfor %}
        days.as_of_date,
        days.target_date,
        coalesce(current_scores.scored_at, last_scoring.scored_at) as scored_at
    from products
    cross join days
    cross join last_scoring
    inner join rates
        on products.product_id = rates.product_id
    left join current_scores
        on
            products.product_id = current_scores.product_id
            and days.horizon_days = current_scores.horizon_days

)

select * from final

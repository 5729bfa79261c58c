{% set backtest_weeks_ago = [] %}
{# One origin more than are judged: the ensembles learn from it first. #}
{% for origin in range(1, var('trendhouse_demand_backtest_origins') + 2) %}
    {% do backtest_weeks_ago.append(4 * origin) %}
{% endfor %}

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

as_of_dates as (

    select
        as_of_date,
        weeks_ago,
        is_current
    from {{ ref('dim_as_of_dates') }}

),

products as (

    select *
    from {{ ref('feat_demand_products') }}

),

calendar as (

    select *
    from {{ ref('feat_demand_calendar') }}

),

categories as (

    select
        category,
        {%- for week in range(1, 5) %}
            week_{{ week }}_lift_year_ago_ratio,
        {%- endfor %}
        {%- for weekday in range(1, 8) %}
            weekday_{{ weekday }}_units_ratio,
        {%- endfor %}
        as_of_date
    from {{ ref('feat_demand_categories') }}

),

fusion as (

    select
        product_id,
        behaviour_mean_index,
        behaviour_weighted_index,
        product_mean_index,
        product_weighted_index,
        marketing_mean_index,
        marketing_weighted_index,
        fused_mean,
        fused_weighted,
        fused_decision,
        as_of_date
    from {{ ref('feat_demand_fusion') }}

),

weeks as (

    select
        product_id,
        days_observed,
        clean_units,
        as_of_date
    from {{ ref('feat_demand_weeks') }}

),

promotions as (

    select
        product_id,
        discount_rate,
        start_date,
        end_date
    from {{ ref('fct_promotions') }}

),

sales as (

    select
        product_id,
        units,
        outlier_units,
        is_stock_out,
        sales_date
    from {{ ref('fct_sales_daily') }}

),

-- ---- Which rows stay. Sampling comes first: the whole matrix is 28 times the products' table. ----
candidates as (

    select
        products.product_id,
        products.as_of_date,
        as_of_dates.is_current,
        {{ 'as_of_dates.weeks_ago in (' ~ backtest_weeks_ago | join(', ') ~ ')' if backtest_weeks_ago else 'false' }} as is_backtest_origin,
        row_number() over (
            partition by products.as_of_date order by {{ stable_fraction('products.product_id') }} asc, products.product_id asc
        ) as product_rank
    from products
    inner join as_of_dates
        on products.as_of_date = as_of_dates.as_of_date

),

-- One rate for all: it says how many rows are kept and has no part in what a row holds.
sampling as (

    select {{ var('trendhouse_demand_training_rows') }} / nullif(28.0e0 * count(*), 0) as rate
    from candidates
    where not is_current

),

phases as (

    select 0 as phase
    union all
    select 1 as phase
    union all
    select 2 as phase
    union all
    select 3 as phase

),

-- What is drawn is a product, an as-of date and every fourth horizon. Seven horizons four days apart meet each weekday once and all
-- four weeks; whole sets of 28 would be fewer independent draws, single horizons 28 times the hashing.
kept as (

    select
        candidates.product_id,
        candidates.as_of_date,
        phases.phase
    from candidates
    cross join phases
    cross join sampling
    where
        candidates.is_current
        or (candidates.is_backtest_origin and candidates.product_rank <= {{ var('trendhouse_demand_backtest_products') }})
        or sampling.rate >= 1
        or {{ stable_fraction(
            "candidates.product_id || '|' || cast(candidates.as_of_date as varchar) || '|' || cast(phases.phase as varchar)"
        ) }} < sampling.rate

),

keys as (

    select
        kept.product_id,
        kept.as_of_date,
        calendar.horizon_days,
        calendar.target_date,
        -- The week a year ago in which the target's day lies, by the date that ends it.
        {{ add_days('kept.as_of_date', '7 * cast(ceil(calendar.horizon_days / 7.0e0) as integer) - 364') }} as year_ago_as_of_date
    from kept
    inner join calendar
        on
            kept.as_of_date = calendar.as_of_date
            and kept.phase = mod(calendar.horizon_days, 4)

),

-- ---- What is planned for the target's day. ----
target_days as (

    select distinct
        product_id,
        target_date
    from keys

),

promoted_days as (

    select
        target_days.product_id,
        target_days.target_date,
        max(coalesce(promotions.discount_rate, 0)) as promotion_discount_rate
    from target_days
    inner join promotions
        on
            target_days.product_id = promotions.product_id
            and target_days.target_date between promotions.start_date and promotions.end_date
    group by target_days.product_id, target_days.target_date

),

-- ---- The weekday's own level, and last year's. ----
joined as (

    select
        products.*,
        keys.horizon_days,
        keys.target_date,
        calendar.festival_name,
        calendar.day_of_week,
        calendar.day_of_month,
        calendar.month,
        calendar.week_of_year,
        calendar.year_sine,
        calendar.year_cosine,
        calendar.days_to_festival,
        calendar.days_since_festival,
        calendar.campaigns,
        calendar.campaign_discount_rate,
        calendar.normal_temperature_c,
        calendar.normal_humidity_percent,
        calendar.normal_rainfall_mm,
        calendar.temperature_change_c,
        calendar.is_weekend,
        calendar.is_public_holiday,
        calendar.is_festival_day,
        fusion.behaviour_mean_index,
        fusion.behaviour_weighted_index,
        fusion.product_mean_index,
        fusion.product_weighted_index,
        fusion.marketing_mean_index,
        fusion.marketing_weighted_index,
        fusion.fused_mean,
        fusion.fused_weighted,
        fusion.fused_decision,
        coalesce(promoted_days.promotion_discount_rate, 0) as promotion_discount_rate,
        promoted_days.product_id is not null as is_promoted,
        case calendar.day_of_week
            {%- for weekday in range(1, 8) %}
                when {{ weekday }} then products.weekday_{{ weekday }}_units
            {%- endfor %}
        end as last_same_weekday_units,
        case calendar.day_of_week
            {%- for weekday in range(1, 8) %}
                when {{ weekday }} then products.weekday_{{ weekday }}_units_mean_56d
            {%- endfor %}
        end as same_weekday_units_mean_56d,
        case calendar.day_of_week
            {%- for weekday in range(1, 8) %}
                when {{ weekday }} then categories.weekday_{{ weekday }}_units_ratio
            {%- endfor %}
        end as category_weekday_units_ratio,
        case cast(ceil(keys.horizon_days / 7.0e0) as integer)
            {%- for week in range(1, 5) %}
                when {{ week }} then categories.week_{{ week }}_lift_year_ago_ratio
            {%- endfor %}
        end as category_lift_year_ago_ratio,
        {{ safe_divide('weeks.clean_units', 'weeks.days_observed') }} as units_year_ago,
        case
            when keys.target_date < as_of.as_of_date then coalesce(greatest(sales.units - sales.outlier_units, 0), 0)
        end as target_units,
        case
            when keys.target_date < as_of.as_of_date then coalesce(sales.is_stock_out, false)
        end as is_censored
    from keys
    cross join as_of
    inner join products
        on
            keys.product_id = products.product_id
            and keys.as_of_date = products.as_of_date
    inner join calendar
        on
            keys.as_of_date = calendar.as_of_date
            and keys.horizon_days = calendar.horizon_days
    left join categories
        on
            products.category = categories.category
            and products.as_of_date = categories.as_of_date
    left join fusion
        on
            keys.product_id = fusion.product_id
            and keys.as_of_date = fusion.as_of_date
    left join weeks
        on
            keys.product_id = weeks.product_id
            and keys.year_ago_as_of_date = weeks.as_of_date
    left join promoted_days
        on
            keys.product_id = promoted_days.product_id
            and keys.target_date = promoted_days.target_date
    left join sales
        on
            keys.product_id = sales.product_id
            and keys.target_date = sales.sales_date

),

final as (

    select
        product_id,
        category,
        subcategory,
        brand,
        horizon_days,
        -- Where a forecast starts from, and the two baselines.
        base_units,
        moving_average_units,
        coalesce(last_same_weekday_units, moving_average_units) as seasonal_naive_units,
        -- How much it sells.
        units_mean_7d,
        units_mean_14d,
        units_mean_28d,
        units_mean_56d,
        units_mean_91d,
        units_mean_182d,
        units_mean_364d,
        units_recent_ratio,
        units_trend_ratio,
        units_median_91d,
        units_sd_28d,
        units_sd_91d,
        units_skewness_91d,
        units_kurtosis_91d,
        zero_day_share_28d,
        zero_day_share_91d,
        days_since_last_sale,
        age_days,
        orders_28d,
        order_frequency_91d,
        units_per_order_91d,
        -- The same day's level, and last year's.
        same_weekday_units_mean_56d,
        category_weekday_units_ratio,
        units_year_ago,
        units_year_ago * category_units_growth_ratio as units_year_ago_adjusted,
        category_lift_year_ago_ratio,
        -- Its category and the shop.
        category_units_mean_28d,
        category_units_trend_ratio,
        category_units_growth_ratio,
        units_to_category_ratio,
        shop_units_trend_ratio,
        -- What it costs.
        price_amount,
        price_mean_91d_amount,
        price_to_mean_91d_ratio,
        price_to_list_ratio,
        price_to_category_ratio,
        discount_rate_7d,
        discount_rate_28d,
        -- What is planned, and what stirred the last weeks.
        is_promoted,
        promotion_discount_rate,
        campaigns,
        campaign_discount_rate,
        greatest(promotion_discount_rate, campaign_discount_rate) - coalesce(discount_rate_28d, 0) as planned_discount_change,
        promotion_days_28d,
        promotion_days_next_28d,
        festival_days_28d,
        campaign_days_28d,
        coupons_issued_28d,
        coupons_redeemed_28d,
        ad_clicks_28d,
        ad_cost_28d_amount,
        ad_cost_trend_ratio,
        -- Who looks at it.
        views_28d,
        favourites_28d,
        add_to_carts_28d,
        views_trend_ratio,
        add_to_cart_rate_28d,
        conversion_rate_28d,
        -- Behaviour, product and marketing, fused.
        behaviour_mean_index,
        behaviour_weighted_index,
        product_mean_index,
        product_weighted_index,
        marketing_mean_index,
        marketing_weighted_index,
        fused_mean,
        fused_weighted,
        fused_decision,
        -- How much is left.
        on_hand,
        stock_out_days_28d,
        days_of_cover,
        -- The day.
        festival_name,
        days_to_festival,
        days_since_festival,
        is_festival_day,
        is_public_holiday,
        is_weekend,
        day_of_week,
        day_of_month,
        month,
        week_of_year,
        year_sine,
        year_cosine,
        -- The weather: what it usually is then, and what it was lately.
        normal_temperature_c,
        normal_humidity_percent,
        normal_rainfall_mm,
        temperature_change_c,
        temperature_mean_7d_c,
        humidity_mean_7d_percent,
        rainfall_mean_7d_mm,
        -- What came of it: the label and whether it can be trusted. Neither is a feature.
        target_units as units,
        is_censored,
        as_of_date,
        target_date
    from joined

)

select * from final

{% set base_units_floor = '1 / 28.0e0' %}

with as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}

),

products as (

    select
        product_id,
        brand,
        category,
        subcategory,
        list_price_amount,
        launched_date
    from {{ ref('dim_products') }}

),

promotions as (

    select
        product_id,
        start_date,
        end_date
    from {{ ref('fct_promotions') }}

),

categories as (

    select
        category,
        units_mean_28d,
        units_trend_ratio,
        units_growth_ratio,
        price_mean_amount,
        as_of_date
    from {{ ref('feat_demand_categories') }}

),

shop as (

    select
        units_trend_ratio,
        coupons_issued_28d,
        coupons_redeemed_28d,
        ad_clicks_28d,
        ad_cost_28d_amount,
        ad_cost_trend_ratio,
        festival_days_28d,
        campaign_days_28d,
        temperature_mean_7d_c,
        humidity_mean_7d_percent,
        rainfall_mean_7d_mm,
        as_of_date
    from {{ ref('feat_demand_shop') }}

),

-- Weeks are numbered, so that windows count weeks and not rows: a product that went silent for a while has no rows in between.
weeks as (

    select
        product_id,
        days_on_sale,
        days_observed,
        zero_days,
        stock_out_days,
        units,
        clean_units,
        clean_units_power_2,
        clean_units_power_3,
        clean_units_power_4,
        orders,
        gross_amount,
        discount_amount,
        net_amount,
        views,
        favourites,
        add_to_carts,
        {%- for weekday in range(1, 8) %}
            weekday_{{ weekday }}_clean_units,
        {%- endfor %}
        last_price_amount,
        last_on_hand,
        as_of_date,
        last_day_date,
        last_sale_date,
        cast(floor({{ days_between("cast('2000-01-03' as date)", 'as_of_date') }} / 7.0e0) as integer) as week_number
    from {{ ref('feat_demand_weeks') }}

),

windowed as (

    select
        product_id,
        as_of_date,
        last_day_date,
        last_price_amount,
        last_on_hand,
        {%- for weekday in range(1, 8) %}
            weekday_{{ weekday }}_clean_units as weekday_{{ weekday }}_units,
            avg(weekday_{{ weekday }}_clean_units) over last_8_weeks as weekday_{{ weekday }}_units_mean_56d,
        {%- endfor %}
        {%- for weeks in [1, 2, 4, 8, 13, 26, 52] %}
            {{ safe_divide('sum(clean_units) over last_' ~ weeks ~ '_weeks', 'sum(days_observed) over last_' ~ weeks ~ '_weeks') }}
                as units_mean_{{ 7 * weeks }}d,
        {%- endfor %}
        {%- for weeks in [4, 13] %}
            sum(days_observed) over last_{{ weeks }}_weeks as days_observed_{{ 7 * weeks }}d,
            sum(zero_days) over last_{{ weeks }}_weeks as zero_days_{{ 7 * weeks }}d,
            sum(clean_units_power_2) over last_{{ weeks }}_weeks as power_2_{{ 7 * weeks }}d,
            sum(net_amount) over last_{{ weeks }}_weeks as net_amount_{{ 7 * weeks }}d,
            sum(units) over last_{{ weeks }}_weeks as units_{{ 7 * weeks }}d,
            sum(orders) over last_{{ weeks }}_weeks as orders_{{ 7 * weeks }}d,
        {%- endfor %}
        {{ median_over(safe_divide('clean_units', 'days_observed'), 'last_13_weeks') }} as units_median_91d,
        sum(days_on_sale) over last_13_weeks as days_on_sale_91d,
        sum(clean_units_power_3) over last_13_weeks as power_3_91d,
        sum(clean_units_power_4) over last_13_weeks as power_4_91d,
        sum(stock_out_days) over last_4_weeks as stock_out_days_28d,
        {{ safe_divide('discount_amount', 'gross_amount') }} as discount_rate_7d,
        {{ safe_divide('sum(discount_amount) over last_4_weeks', 'sum(gross_amount) over last_4_weeks') }} as discount_rate_28d,
        views as views_7d,
        sum(views) over last_4_weeks as views_28d,
        sum(favourites) over last_4_weeks as favourites_28d,
        sum(add_to_carts) over last_4_weeks as add_to_carts_28d,
        max(last_sale_date) over all_weeks as last_sale_date
    from weeks
    window
        {%- for weeks in [1, 2, 4, 8, 13, 26, 52] %}
            last_{{ weeks }}_weeks as (
                partition by product_id order by week_number asc nulls last range between {{ weeks - 1 }} preceding and current row
            ),
        {%- endfor %}
        all_weeks as (partition by product_id order by week_number asc nulls last range between unbounded preceding and current row)

),

-- On sale means: the spine reaches the day before the as-of date. Squares and cubes about the mean come from sums of powers; a spread
-- that is only rounding noise counts as none.
on_sale as (

    select
        windowed.*,
        windowed.units_mean_91d as mean_91d,
        {{ safe_divide('windowed.power_2_28d', 'windowed.days_observed_28d') }} - power(windowed.units_mean_28d, 2) as variance_28d,
        {{ safe_divide('windowed.power_2_91d', 'windowed.days_observed_91d') }} - power(windowed.units_mean_91d, 2) as variance_91d,
        {{ safe_divide('windowed.power_2_91d', 'windowed.days_observed_91d') }} as moment_2_91d,
        {{ safe_divide('windowed.power_3_91d', 'windowed.days_observed_91d') }} as moment_3_91d,
        {{ safe_divide('windowed.power_4_91d', 'windowed.days_observed_91d') }} as moment_4_91d
    from windowed
    inner join as_of_dates
        on windowed.as_of_date = as_of_dates.as_of_date
    where windowed.last_day_date = {{ add_days('windowed.as_of_date', -1) }}

),

promotion_periods as (

    select distinct
        product_id,
        start_date,
        end_date
    from promotions

),

-- Promotions are planned: the next four weeks' are known as well as the last four weeks'. Overlapping ones of one product add up to 28
-- at most.
promotion_days as (

    select
        promotion_periods.product_id,
        as_of_dates.as_of_date,
        least(
            sum(
                greatest(
                    {{ days_between(
                        'greatest(promotion_periods.start_date, ' ~ add_days('as_of_dates.as_of_date', -28) ~ ')',
                        'least(promotion_periods.end_date, ' ~ add_days('as_of_dates.as_of_date', -1) ~ ')'
                    ) }} + 1, 0
                )
            ), 28
        ) as promotion_days_28d,
        least(
            sum(
                greatest(
                    {{ days_between(
                        'greatest(promotion_periods.start_date, as_of_dates.as_of_date)',
                        'least(promotion_periods.end_date, ' ~ add_days('as_of_dates.as_of_date', 27) ~ ')'
                    ) }} + 1, 0
                )
            ), 28
        ) as promotion_days_next_28d
    from promotion_periods
    inner join as_of_dates
        on
            promotion_periods.start_date <= {{ add_days('as_of_dates.as_of_date', 27) }}
            and promotion_periods.end_date >= {{ add_days('as_of_dates.as_of_date', -28) }}
    group by promotion_periods.product_id, as_of_dates.as_of_date

),

final as (

    select
        on_sale.product_id,
        products.category,
        coalesce(products.subcategory, 'unknown') as subcategory,
        coalesce(products.brand, 'unknown') as brand,
        -- How much it sells.
        on_sale.units_mean_7d,
        on_sale.units_mean_14d,
        on_sale.units_mean_28d,
        on_sale.units_mean_56d,
        on_sale.units_mean_91d,
        on_sale.units_mean_182d,
        on_sale.units_mean_364d,
        {{ safe_divide('on_sale.units_mean_7d', 'on_sale.units_mean_28d') }} as units_recent_ratio,
        {{ safe_divide('on_sale.units_mean_28d', 'on_sale.units_mean_91d') }} as units_trend_ratio,
        on_sale.units_median_91d,
        case
            when on_sale.days_observed_28d > 1
                then sqrt(greatest(on_sale.variance_28d, 0) * on_sale.days_observed_28d / nullif(on_sale.days_observed_28d - 1, 0))
        end as units_sd_28d,
        case
            when on_sale.days_observed_91d > 1
                then sqrt(greatest(on_sale.variance_91d, 0) * on_sale.days_observed_91d / nullif(on_sale.days_observed_91d - 1, 0))
        end as units_sd_91d,
        case
            when on_sale.variance_91d > 0.000001
                then
                    (
                        on_sale.moment_3_91d
                        - 3 * on_sale.mean_91d * on_sale.moment_2_91d
                        + 2 * power(on_sale.mean_91d, 3)
                    ) / power(on_sale.variance_91d, 1.5)
        end as units_skewness_91d,
        case
            when on_sale.variance_91d > 0.000001
                then
                    (
                        on_sale.moment_4_91d
                        - 4 * on_sale.mean_91d * on_sale.moment_3_91d
                        + 6 * power(on_sale.mean_91d, 2) * on_sale.moment_2_91d
                        - 3 * power(on_sale.mean_91d, 4)
                    ) / power(on_sale.variance_91d, 2) - 3
        end as units_kurtosis_91d,
        {{ safe_divide('on_sale.zero_days_28d', 'on_sale.days_observed_28d') }} as zero_day_share_28d,
        {{ safe_divide('on_sale.zero_days_91d', 'on_sale.days_observed_91d') }} as zero_day_share_91d,
        {{ days_between('on_sale.last_sale_date', 'on_sale.as_of_date') }} as days_since_last_sale,
        {{ days_between('products.launched_date', 'on_sale.as_of_date') }} as age_days,
        cast(on_sale.orders_28d as bigint) as orders_28d,
        {{ safe_divide('on_sale.orders_91d', 'on_sale.days_on_sale_91d') }} as order_frequency_91d,
        {{ safe_divide('on_sale.units_91d', 'on_sale.orders_91d') }} as units_per_order_91d,
        -- Its category and the shop.
        categories.units_mean_28d as category_units_mean_28d,
        categories.units_trend_ratio as category_units_trend_ratio,
        categories.units_growth_ratio as category_units_growth_ratio,
        {{ safe_divide('on_sale.units_mean_28d', 'categories.units_mean_28d') }} as units_to_category_ratio,
        shop.units_trend_ratio as shop_units_trend_ratio,
        -- What it costs.
        on_sale.last_price_amount as price_amount,
        {{ safe_divide('on_sale.net_amount_91d', 'on_sale.units_91d') }} as price_mean_91d_amount,
        {{ safe_divide(
            'on_sale.last_price_amount', safe_divide('on_sale.net_amount_91d', 'on_sale.units_91d')
        ) }} as price_to_mean_91d_ratio,
        {{ safe_divide('on_sale.last_price_amount', 'products.list_price_amount') }} as price_to_list_ratio,
        {{ safe_divide('on_sale.last_price_amount', 'categories.price_mean_amount') }} as price_to_category_ratio,
        on_sale.discount_rate_7d,
        on_sale.discount_rate_28d,
        cast(coalesce(promotion_days.promotion_days_28d, 0) as integer) as promotion_days_28d,
        cast(coalesce(promotion_days.promotion_days_next_28d, 0) as integer) as promotion_days_next_28d,
        shop.festival_days_28d,
        shop.campaign_days_28d,
        shop.coupons_issued_28d,
        shop.coupons_redeemed_28d,
        shop.ad_clicks_28d,
        shop.ad_cost_28d_amount,
        shop.ad_cost_trend_ratio,
        -- Who looks at it.
        cast(on_sale.views_28d as bigint) as views_28d,
        cast(on_sale.favourites_28d as bigint) as favourites_28d,
        cast(on_sale.add_to_carts_28d as bigint) as add_to_carts_28d,
        {{ safe_divide('4 * on_sale.views_7d', 'on_sale.views_28d') }} as views_trend_ratio,
        {{ safe_divide('on_sale.add_to_carts_28d', 'on_sale.views_28d') }} as add_to_cart_rate_28d,
        {{ safe_divide('on_sale.orders_28d', 'on_sale.views_28d') }} as conversion_rate_28d,
        -- How much is left.
        on_sale.last_on_hand as on_hand,
        cast(on_sale.stock_out_days_28d as integer) as stock_out_days_28d,
        greatest(on_sale.last_on_hand, 0) / greatest(coalesce(on_sale.units_mean_28d, on_sale.units_mean_91d, 0), {{ base_units_floor }})
            as days_of_cover,
        -- The weather it sold in.
        shop.temperature_mean_7d_c,
        shop.humidity_mean_7d_percent,
        shop.rainfall_mean_7d_mm,
        -- What a forecast starts from.
        greatest(coalesce(on_sale.units_mean_28d, on_sale.units_mean_91d, 0), {{ base_units_floor }}) as base_units,
        coalesce(on_sale.units_mean_28d, on_sale.units_mean_91d, 0) as moving_average_units,
        {%- for weekday in range(1, 8) %}
            on_sale.weekday_{{ weekday }}_units,
            on_sale.weekday_{{ weekday }}_units_mean_56d,
        {%- endfor %}
        on_sale.as_of_date
    from on_sale
    inner join products
        on on_sale.product_id = products.product_id
    left join promotion_days
        on
            on_sale.product_id = promotion_days.product_id
            and on_sale.as_of_date = promotion_days.as_of_date
    left join categories
        on
            products.category = categories.category
            and on_sale.as_of_date = categories.as_of_date
    left join shop
        on on_sale.as_of_date = shop.as_of_date

)

select * from final

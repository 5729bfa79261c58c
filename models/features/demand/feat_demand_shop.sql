with as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}

),

weeks as (

    select
        days_observed,
        clean_units,
        as_of_date
    from {{ ref('feat_demand_weeks') }}

),

coupons as (

    select
        issue_date,
        redemption_date
    from {{ ref('fct_coupons') }}

),

ad_spend as (

    select
        clicks,
        cost_amount,
        spend_date
    from {{ ref('fct_ad_spend_daily') }}

),

campaigns as (

    select
        start_date,
        end_date
    from {{ ref('dim_campaigns') }}

),

dates as (

    select
        date_day,
        festival_name
    from {{ ref('dim_dates') }}

),

weather as (

    select
        temperature_c,
        humidity,
        rainfall_mm,
        weather_date
    from {{ ref('fct_weather_daily') }}

),

shop_weeks as (

    select
        as_of_date as week_as_of_date,
        sum(days_observed) as days_observed,
        round(sum(clean_units), 6) as clean_units
    from weeks
    group by as_of_date

),

shop_units as (

    select
        as_of_dates.as_of_date,
        sum(case when {{ days_between('shop_weeks.week_as_of_date', 'as_of_dates.as_of_date') }} < 28 then shop_weeks.clean_units end)
            as units_28d,
        sum(case when {{ days_between('shop_weeks.week_as_of_date', 'as_of_dates.as_of_date') }} < 28 then shop_weeks.days_observed end)
            as days_28d,
        sum(shop_weeks.clean_units) as units_91d,
        sum(shop_weeks.days_observed) as days_91d
    from as_of_dates
    inner join shop_weeks
        on
            as_of_dates.as_of_date >= shop_weeks.week_as_of_date
            and shop_weeks.week_as_of_date > {{ add_days('as_of_dates.as_of_date', -91) }}
    group by as_of_dates.as_of_date

),

-- The sums below run over everything before the as-of date and count the last weeks only: they are null when the shop has never brought
-- such data, and 0 when it has but nothing happened lately.
coupon_days as (

    select
        issue_date as coupon_date,
        count(*) as issued,
        0 as redeemed
    from coupons
    group by issue_date
    union all
    select
        redemption_date as coupon_date,
        0 as issued,
        count(*) as redeemed
    from coupons
    where redemption_date is not null
    group by redemption_date

),

shop_coupons as (

    select
        as_of_dates.as_of_date,
        cast(
            sum(
                case when {{ days_between('coupon_days.coupon_date', 'as_of_dates.as_of_date') }} <= 28 then coupon_days.issued else 0 end
            ) as bigint
        ) as coupons_issued_28d,
        cast(
            sum(
                case when {{ days_between('coupon_days.coupon_date', 'as_of_dates.as_of_date') }} <= 28 then coupon_days.redeemed else 0 end
            ) as bigint
        ) as coupons_redeemed_28d
    from as_of_dates
    inner join coupon_days
        on as_of_dates.as_of_date > coupon_days.coupon_date
    group by as_of_dates.as_of_date

),

ad_days as (

    select
        spend_date,
        round(sum(clicks), 6) as clicks,
        round(sum(cost_amount), 6) as cost_amount
    from ad_spend
    group by spend_date

),

shop_ads as (

    select
        as_of_dates.as_of_date,
        round(
            sum(case when {{ days_between('ad_days.spend_date', 'as_of_dates.as_of_date') }} <= 28 then ad_days.clicks else 0 end), 6
        ) as ad_clicks_28d,
        round(
            sum(case when {{ days_between('ad_days.spend_date', 'as_of_dates.as_of_date') }} <= 28 then ad_days.cost_amount else 0 end), 6
        ) as ad_cost_28d_amount,
        round(
            sum(case when {{ days_between('ad_days.spend_date', 'as_of_dates.as_of_date') }} <= 7 then ad_days.cost_amount else 0 end), 6
        ) as ad_cost_7d_amount
    from as_of_dates
    inner join ad_days
        on as_of_dates.as_of_date > ad_days.spend_date
    group by as_of_dates.as_of_date

),

campaign_days as (

    select distinct dates.date_day
    from dates
    inner join campaigns
        on dates.date_day between campaigns.start_date and campaigns.end_date

),

-- How far the last four weeks were out of the ordinary: a level measured over a festival is too high for the weeks after it.
shop_events as (

    select
        as_of_dates.as_of_date,
        count(dates.festival_name) as festival_days_28d,
        count(campaign_days.date_day) as campaign_days_28d
    from as_of_dates
    inner join dates
        on
            dates.date_day >= {{ add_days('as_of_dates.as_of_date', -28) }}
            and as_of_dates.as_of_date > dates.date_day
    left join campaign_days
        on dates.date_day = campaign_days.date_day
    group by as_of_dates.as_of_date

),

-- Every region counts the same: how the shop's sales are spread over regions would be one more thing to know as of each date.
weather_days as (

    select
        weather_date,
        avg(cast(temperature_c as decimal(18, 6))) as temperature_c,
        avg(cast(humidity as decimal(18, 6))) as humidity,
        avg(cast(rainfall_mm as decimal(18, 6))) as rainfall_mm
    from weather
    group by weather_date

),

recent_weather as (

    select
        as_of_dates.as_of_date,
        {{ days_between('weather_days.weather_date', 'as_of_dates.as_of_date') }} as days_before,
        weather_days.temperature_c,
        weather_days.humidity,
        weather_days.rainfall_mm
    from as_of_dates
    inner join weather_days
        on
            as_of_dates.as_of_date > weather_days.weather_date
            and weather_days.weather_date >= {{ add_days('as_of_dates.as_of_date', -28) }}

),

shop_weather as (

    select
        as_of_date,
        round(avg(case when days_before <= 7 then temperature_c end), 6) as temperature_mean_7d_c,
        round(avg(case when days_before <= 7 then humidity end), 6) as humidity_mean_7d_percent,
        round(avg(case when days_before <= 7 then rainfall_mm end), 6) as rainfall_mean_7d_mm,
        round(avg(temperature_c), 6) as temperature_mean_28d_c,
        round(avg(humidity), 6) as humidity_mean_28d_percent,
        round(avg(rainfall_mm), 6) as rainfall_mean_28d_mm
    from recent_weather
    group by as_of_date

),

final as (

    select
        {{ safe_divide('shop_units.units_28d', 'shop_units.days_28d') }} as units_mean_28d,
        {{ safe_divide(
            safe_divide('shop_units.units_28d', 'shop_units.days_28d'), safe_divide('shop_units.units_91d', 'shop_units.days_91d')
        ) }} as units_trend_ratio,
        shop_coupons.coupons_issued_28d,
        shop_coupons.coupons_redeemed_28d,
        shop_ads.ad_clicks_28d,
        shop_ads.ad_cost_28d_amount,
        -- 1 when the last week's spend is the average week's of the last four.
        {{ safe_divide('4 * shop_ads.ad_cost_7d_amount', 'shop_ads.ad_cost_28d_amount') }} as ad_cost_trend_ratio,
        coalesce(shop_events.festival_days_28d, 0) as festival_days_28d,
        coalesce(shop_events.campaign_days_28d, 0) as campaign_days_28d,
        shop_weather.temperature_mean_7d_c,
        shop_weather.humidity_mean_7d_percent,
        shop_weather.rainfall_mean_7d_mm,
        shop_weather.temperature_mean_28d_c,
        shop_weather.humidity_mean_28d_percent,
        shop_weather.rainfall_mean_28d_mm,
        as_of_dates.as_of_date
    from as_of_dates
    left join shop_units
        on as_of_dates.as_of_date = shop_units.as_of_date
    left join shop_coupons
        on as_of_dates.as_of_date = shop_coupons.as_of_date
    left join shop_ads
        on as_of_dates.as_of_date = shop_ads.as_of_date
    left join shop_events
        on as_of_dates.as_of_date = shop_events.as_of_date
    left join shop_weather
        on as_of_dates.as_of_date = shop_weather.as_of_date

)

select * from final

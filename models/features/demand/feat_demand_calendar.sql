with as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}

),

dates as (

    select
        date_day,
        month,
        week_of_year,
        day_of_month,
        day_of_week,
        festival_name,
        days_to_festival,
        days_since_festival,
        is_weekend,
        is_public_holiday,
        is_festival_day
    from {{ ref('dim_dates') }}

),

campaigns as (

    select
        discount_rate,
        start_date,
        end_date
    from {{ ref('dim_campaigns') }}

),

weather as (

    select
        temperature_c,
        humidity,
        rainfall_mm,
        weather_date
    from {{ ref('fct_weather_daily') }}

),

shop as (

    select
        as_of_date,
        temperature_mean_7d_c,
        temperature_mean_28d_c,
        humidity_mean_28d_percent,
        rainfall_mean_28d_mm
    from {{ ref('feat_demand_shop') }}

),

-- Horizon 1 is the as-of date itself, the first day not known.
targets as (

    select
        as_of_dates.as_of_date,
        dates.date_day as target_date,
        {{ days_between('as_of_dates.as_of_date', 'dates.date_day') }} + 1 as horizon_days
    from as_of_dates
    inner join dates
        on
            as_of_dates.as_of_date <= dates.date_day
            and dates.date_day < {{ add_days('as_of_dates.as_of_date', 28) }}

),

campaign_days as (

    select
        dates.date_day,
        count(*) as campaigns,
        max(campaigns.discount_rate) as campaign_discount_rate
    from dates
    inner join campaigns
        on dates.date_day between campaigns.start_date and campaigns.end_date
    group by dates.date_day

),

weather_days as (

    select
        weather_date,
        avg(cast(temperature_c as decimal(18, 6))) as temperature_c,
        avg(cast(humidity as decimal(18, 6))) as humidity,
        avg(cast(rainfall_mm as decimal(18, 6))) as rainfall_mm
    from weather
    group by weather_date

),

-- What the weather at this time of the year used to be: days within a week of the target's date in earlier years, all before the as-of
-- date. The next few days' weather is not known, so no forecast and no measurement of it enters.
normal_weather as (

    select
        targets.as_of_date,
        targets.horizon_days,
        round(avg(weather_days.temperature_c), 6) as temperature_c,
        round(avg(weather_days.humidity), 6) as humidity,
        round(avg(weather_days.rainfall_mm), 6) as rainfall_mm
    from targets
    inner join weather_days
        on
            targets.as_of_date > weather_days.weather_date
            and {{ days_between('weather_days.weather_date', 'targets.target_date') }} > 180
            and mod({{ days_between('weather_days.weather_date', 'targets.target_date') }} + 7, 365) <= 14
    group by targets.as_of_date, targets.horizon_days

),

final as (

    select
        targets.horizon_days,
        coalesce(dates.festival_name, 'none') as festival_name,
        dates.day_of_week,
        dates.day_of_month,
        dates.month,
        dates.week_of_year,
        -- One turn a year: the last day of December lies beside the first of January.
        round(sin(2 * pi() * extract(doy from targets.target_date) / 365.25e0), 9) as year_sine,
        round(cos(2 * pi() * extract(doy from targets.target_date) / 365.25e0), 9) as year_cosine,
        dates.days_to_festival,
        dates.days_since_festival,
        cast(coalesce(campaign_days.campaigns, 0) as integer) as campaigns,
        coalesce(campaign_days.campaign_discount_rate, 0) as campaign_discount_rate,
        coalesce(normal_weather.temperature_c, shop.temperature_mean_28d_c) as normal_temperature_c,
        coalesce(normal_weather.humidity, shop.humidity_mean_28d_percent) as normal_humidity_percent,
        coalesce(normal_weather.rainfall_mm, shop.rainfall_mean_28d_mm) as normal_rainfall_mm,
        coalesce(normal_weather.temperature_c, shop.temperature_mean_28d_c) - shop.temperature_mean_7d_c as temperature_change_c,
        dates.is_weekend,
        dates.is_public_holiday,
        dates.is_festival_day,
        targets.as_of_date,
        targets.target_date
    from targets
    inner join dates
        on targets.target_date = dates.date_day
    left join campaign_days
        on targets.target_date = campaign_days.date_day
    left join normal_weather
        on
            targets.as_of_date = normal_weather.as_of_date
            and targets.horizon_days = normal_weather.horizon_days
    left join shop
        on targets.as_of_date = shop.as_of_date

)

select * from final

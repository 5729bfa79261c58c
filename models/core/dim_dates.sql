with as_of as (

    select
        {{ add_days('first_order_date', -365) }} as first_date,
        {{ add_days('greatest(as_of_date, last_order_date)', 366) }} as last_date
    from {{ ref('dim_as_of') }}

),

public_holidays as (

    select
        holiday_date,
        min(holiday_name) as holiday_name
    from {{ ref('public_holidays') }}
    where country_code = '{{ var("trendhouse_country") }}'
    group by holiday_date

),

festivals as (

    select
        festival_date,
        festival_name,
        run_up_days,
        after_days
    from {{ ref('shopping_festivals') }}
    where country_code in ('ALL', '{{ var("trendhouse_country") }}')

),

days as (

    select date_day
    from {{ date_spine_between('(select first_date from as_of)', '(select last_date from as_of)') }} as spine

),

festival_days as (

    select
        days.date_day,
        festivals.festival_name,
        case when days.date_day <= festivals.festival_date then {{ days_between('days.date_day', 'festivals.festival_date') }} end
            as days_to_festival,
        case when days.date_day >= festivals.festival_date then {{ days_between('festivals.festival_date', 'days.date_day') }} end
            as days_since_festival
    from days
    inner join festivals
        on
            days.date_day >= {{ add_days('festivals.festival_date', '-festivals.run_up_days') }}
            and days.date_day <= {{ add_days('festivals.festival_date', 'festivals.after_days') }}

),

-- Windows overlap (the weekend between Black Friday and Cyber Monday). The festival ahead names the day, the nearest first, because
-- people buy towards it; the two distances are kept apart, so that the dip after the one is not lost in the run-up to the other.
ranked as (

    select
        date_day,
        festival_name,
        row_number() over (
            partition by date_day
            order by days_to_festival asc nulls last, days_since_festival asc nulls last, festival_name asc nulls last
        ) as festival_rank,
        min(days_to_festival) over (partition by date_day) as days_to_festival,
        min(days_since_festival) over (partition by date_day) as days_since_festival
    from festival_days

),

final as (

    select
        days.date_day,
        {{ week_start('days.date_day') }} as week_start_date,
        cast(extract(year from days.date_day) as integer) as year,
        cast(extract(quarter from days.date_day) as integer) as quarter,
        cast(extract(month from days.date_day) as integer) as month,
        cast(extract(week from days.date_day) as integer) as week_of_year,
        cast(extract(day from days.date_day) as integer) as day_of_month,
        cast({{ day_of_week('days.date_day') }} as integer) as day_of_week,
        public_holidays.holiday_name,
        ranked.festival_name,
        cast(ranked.days_to_festival as integer) as days_to_festival,
        cast(ranked.days_since_festival as integer) as days_since_festival,
        {{ day_of_week('days.date_day') }} >= 6 as is_weekend,
        public_holidays.holiday_date is not null as is_public_holiday,
        coalesce(ranked.days_to_festival = 0, false) as is_festival_day
    from days
    left join public_holidays
        on days.date_day = public_holidays.holiday_date
    left join ranked
        on
            days.date_day = ranked.date_day
            and ranked.festival_rank = 1

)

select * from final

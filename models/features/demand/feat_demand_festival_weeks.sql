with as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}

),

dates as (

    select
        date_day,
        coalesce(festival_name, 'none') as festival_name,
        days_to_festival,
        days_since_festival,
        is_public_holiday
    from {{ ref('dim_dates') }}

),

-- A day pulls the more, the nearer its festival is: 1 on the day itself, a half the day before, a third two days before.
final as (

    select
        dates.festival_name,
        cast(count(*) as integer) as days,
        round(sum(coalesce(1 / (dates.days_to_festival + 1.0e0), 0)), 6) as pull,
        cast(sum(case when dates.days_since_festival > 0 then 1 else 0 end) as integer) as after_days,
        cast(sum(case when dates.is_public_holiday then 1 else 0 end) as integer) as public_holidays,
        as_of_dates.as_of_date
    from as_of_dates
    inner join dates
        on
            as_of_dates.as_of_date > dates.date_day
            and dates.date_day >= {{ add_days('as_of_dates.as_of_date', -7) }}
    group by dates.festival_name, as_of_dates.as_of_date

)

select * from final

{% set history_days = 7 * var('trendhouse_demand_history_weeks') %}

with as_of as (

    select
        as_of_date,
        first_order_date,
        {{ add_days('as_of_date', -history_days) }} as history_from_date
    from {{ ref('dim_as_of') }}

),

days as (

    select date_day
    from {{ date_spine_between('(select history_from_date from as_of)', '(select as_of_date from as_of)') }} as spine

),

dated as (

    select
        days.date_day as as_of_date,
        as_of.first_order_date,
        {{ days_between('days.date_day', 'as_of.as_of_date') }} as days_ago
    from days
    cross join as_of

),

-- On the first day with orders nothing is known yet. The current date stays even so: it says what the build calls today.
final as (

    select
        as_of_date,
        cast(round(days_ago / 7.0e0) as integer) as weeks_ago,
        days_ago = 0 as is_current,
        mod(days_ago, 28) = 0 as is_monthly
    from dated
    where
        mod(days_ago, 7) = 0
        and (as_of_date > first_order_date or days_ago = 0)

)

select * from final

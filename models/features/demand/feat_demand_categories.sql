with weeks as (

    select
        product_id,
        days_observed,
        clean_units,
        {%- for weekday in range(1, 8) %}
            weekday_{{ weekday }}_clean_units,
        {%- endfor %}
        last_price_amount,
        as_of_date
    from {{ ref('feat_demand_weeks') }}

),

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}

),

category_weeks as (

    select
        products.category,
        weeks.as_of_date,
        sum(weeks.days_observed) as days_observed,
        round(sum(weeks.clean_units), 6) as clean_units,
        {%- for weekday in range(1, 8) %}
            round(sum(weeks.weekday_{{ weekday }}_clean_units), 6) as weekday_{{ weekday }}_units,
            count(weeks.weekday_{{ weekday }}_clean_units) as weekday_{{ weekday }}_days,
        {%- endfor %}
        round(sum(weeks.last_price_amount), 6) as price_sum_amount,
        count(weeks.last_price_amount) as priced_products
    from weeks
    inner join products
        on weeks.product_id = products.product_id
    group by products.category, weeks.as_of_date

),

-- Weeks are numbered, so that windows count weeks and not rows: a category may have weeks with nothing on sale.
numbered_weeks as (

    select
        *,
        cast(floor({{ days_between("cast('2000-01-03' as date)", 'as_of_date') }} / 7.0e0) as integer) as week_number
    from category_weeks

),

windowed as (

    select
        category,
        as_of_date,
        {{ safe_divide('clean_units', 'days_observed') }} as week_units_mean,
        {{ safe_divide('price_sum_amount', 'priced_products') }} as price_mean_amount,
        {{ safe_divide('sum(clean_units) over last_4_weeks', 'sum(days_observed) over last_4_weeks') }} as units_mean_28d,
        {{ safe_divide('sum(clean_units) over last_8_weeks', 'sum(days_observed) over last_8_weeks') }} as units_mean_56d,
        {{ safe_divide('sum(clean_units) over last_13_weeks', 'sum(days_observed) over last_13_weeks') }} as units_mean_91d,
    {%- for weekday in range(1, 8) %}
        {{ safe_divide(
            'sum(weekday_' ~ weekday ~ '_units) over last_8_weeks', 'sum(weekday_' ~ weekday ~ '_days) over last_8_weeks'
        ) }} as weekday_{{ weekday }}_units_mean_56d{{ "," if not loop.last }}
    {%- endfor %}
    from numbered_weeks
    window
        last_4_weeks as (partition by category order by week_number asc nulls last range between 3 preceding and current row),
        last_8_weeks as (partition by category order by week_number asc nulls last range between 7 preceding and current row),
        last_13_weeks as (partition by category order by week_number asc nulls last range between 12 preceding and current row)

),

-- The same four weeks a year ago. A year is 52 weeks here, so that weekdays agree; all of it is past by the as-of date.
years_ago as (

    select
        windowed.category,
        windowed.as_of_date,
        max(case when {{ days_between('past.as_of_date', 'windowed.as_of_date') }} = 364 then past.units_mean_28d end) as units_mean_28d,
        max(case when {{ days_between('past.as_of_date', 'windowed.as_of_date') }} = 364 then past.units_mean_56d end) as units_mean_56d,
        max(case when {{ days_between('past.as_of_date', 'windowed.as_of_date') }} = 357 then past.week_units_mean end)
            as week_1_units_mean,
        max(case when {{ days_between('past.as_of_date', 'windowed.as_of_date') }} = 350 then past.week_units_mean end)
            as week_2_units_mean,
        max(case when {{ days_between('past.as_of_date', 'windowed.as_of_date') }} = 343 then past.week_units_mean end)
            as week_3_units_mean,
        max(case when {{ days_between('past.as_of_date', 'windowed.as_of_date') }} = 336 then past.week_units_mean end)
            as week_4_units_mean
    from windowed
    inner join windowed as past
        on
            windowed.category = past.category
            and past.as_of_date >= {{ add_days('windowed.as_of_date', -364) }}
            and past.as_of_date <= {{ add_days('windowed.as_of_date', -336) }}
    group by windowed.category, windowed.as_of_date

),

final as (

    select
        windowed.category,
        windowed.units_mean_28d,
        windowed.units_mean_91d,
        {{ safe_divide('windowed.units_mean_28d', 'windowed.units_mean_91d') }} as units_trend_ratio,
        -- Held within a factor of four: a year ago the category may have been a handful of products.
        case
            when years_ago.units_mean_56d > 0
                then least(greatest({{ safe_divide('windowed.units_mean_56d', 'years_ago.units_mean_56d') }}, 0.25e0), 4.0e0)
        end as units_growth_ratio,
        {%- for week in range(1, 5) %}
            {{ safe_divide('years_ago.week_' ~ week ~ '_units_mean', 'years_ago.units_mean_28d') }} as week_{{ week }}_lift_year_ago_ratio,
        {%- endfor %}
        {%- for weekday in range(1, 8) %}
            {{ safe_divide('windowed.weekday_' ~ weekday ~ '_units_mean_56d', 'windowed.units_mean_56d') }}
                as weekday_{{ weekday }}_units_ratio,
        {%- endfor %}
        windowed.price_mean_amount,
        windowed.as_of_date
    from windowed
    inner join as_of_dates
        on windowed.as_of_date = as_of_dates.as_of_date
    left join years_ago
        on
            windowed.category = years_ago.category
            and windowed.as_of_date = years_ago.as_of_date

)

select * from final

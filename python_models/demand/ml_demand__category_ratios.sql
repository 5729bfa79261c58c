with weeks as (

    select
        category,
        horizon_week,
        actual_units,
        mean_units,
        as_of_date
    from {{ ref('ml_demand__category_weeks') }}

),

as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

served_dates as (

    select as_of_date
    from as_of
    union distinct
    select as_of_date
    from weeks

),

-- Pooled over categories, weeks ahead and origins, in four classes by size: one category alone has too few weeks to tell a tail, and a small sum
-- is off by more of itself than a large one. An origin learns nothing from its own weeks.
sized_weeks as (

    select
        served_dates.as_of_date,
        weeks.mean_units,
        weeks.actual_units / nullif(weeks.mean_units, 0) as ratio,
        ntile(4) over (
            partition by served_dates.as_of_date
            order by
                weeks.mean_units asc nulls last,
                weeks.category asc nulls last,
                weeks.as_of_date asc nulls last,
                weeks.horizon_week asc nulls last
        ) as size_class
    from served_dates
    inner join weeks
        on served_dates.as_of_date <> weeks.as_of_date
    where weeks.mean_units > 0

),

ranked_weeks as (

    select
        as_of_date,
        size_class,
        mean_units,
        ratio,
        row_number() over (partition by as_of_date, size_class order by ratio asc nulls last) as place,
        count(*) over (partition by as_of_date, size_class) as weeks
    from sized_weeks

),

class_ratios as (

    select
        as_of_date,
        size_class,
        max(weeks) as weeks,
        {%- for level in quantile_levels() %}
            round({{ ranked_quantile('ratio', 'place', 'weeks', level) }}, 9) as {{ quantile_column(level, 'ratio') }},
        {%- endfor %}
        min(mean_units) as least_units
    from ranked_weeks
    group by as_of_date, size_class

),

-- Each class reaches from its smallest week to the next class's; the outer ones are open.
final as (

    select
        cast(size_class as integer) as size_class,
        weeks,
        case when size_class = 1 then 0 else least_units end as from_units,
        lead(least_units) over (partition by as_of_date order by size_class asc nulls last) as below_units,
        {%- for level in quantile_levels() %}
            {{ quantile_column(level, 'ratio') }},
        {%- endfor %}
        as_of_date
    from class_ratios

)

select * from final

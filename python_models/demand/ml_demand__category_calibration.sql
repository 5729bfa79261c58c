with weeks as (

    select
        fit_id,
        category,
        horizon_week,
        actual_units,
        mean_units,
        as_of_date
    from {{ ref('ml_demand__category_weeks') }}

),

ratios as (

    select
        weeks,
        from_units,
        below_units,
        {%- for level in quantile_levels() %}
            {{ quantile_column(level, 'ratio') }},
        {%- endfor %}
        as_of_date
    from {{ ref('ml_demand__category_ratios') }}

),

final as (

    select
        weeks.fit_id,
        weeks.category,
        weeks.horizon_week,
        weeks.actual_units,
        weeks.mean_units,
        {% for level in quantile_levels() %}
            {{ quantile_of_sum('weeks.mean_units', 'ratios.' ~ quantile_column(level, 'ratio'), 'ratios.weeks', level) }}
                as {{ quantile_column(level) }},
        {% endfor %}
        weeks.as_of_date
    from weeks
    left join ratios
        on
            weeks.as_of_date = ratios.as_of_date
            and weeks.mean_units >= ratios.from_units
            and (weeks.mean_units < ratios.below_units or ratios.below_units is null)

)

select * from final

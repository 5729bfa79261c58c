with daily as (

    select
        product_id,
        category,
        horizon_days,
        mean_units,
        as_of_date,
        target_date,
        scored_at
    from {{ ref('pred_demand_daily') }}

),

champion as (

    select
        fit_id,
        algorithm
    from {{ ref('ml_demand__standings') }}
    where is_champion

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

-- Rounded, because the last digit of a sum of fractions depends on the order of the rows, and two builds must be equal.
weekly as (

    select
        category,
        as_of_date,
        cast(ceil(horizon_days / 7.0e0) as integer) as horizon_week,
        min(target_date) as week_start_date,
        max(target_date) as week_end_date,
        count(distinct product_id) as products,
        round(sum(mean_units), 6) as mean_units,
        max(scored_at) as scored_at
    from daily
    group by category, as_of_date, cast(ceil(horizon_days / 7.0e0) as integer)

),

final as (

    select
        weekly.category,
        champion.algorithm,
        champion.fit_id,
        weekly.horizon_week,
        weekly.products,
        weekly.mean_units,
        {% for level in quantile_levels() %}
            {{ quantile_of_sum('weekly.mean_units', 'ratios.' ~ quantile_column(level, 'ratio'), 'ratios.weeks', level) }}
                as {{ quantile_column(level) }},
        {% endfor %}
        weekly.as_of_date,
        weekly.week_start_date,
        weekly.week_end_date,
        weekly.scored_at
    from weekly
    left join ratios
        on
            weekly.as_of_date = ratios.as_of_date
            and weekly.mean_units >= ratios.from_units
            and (weekly.mean_units < ratios.below_units or ratios.below_units is null)
    left join champion
        on true

)

select * from final

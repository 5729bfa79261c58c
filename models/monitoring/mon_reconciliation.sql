with backtest as (

    select
        fit_id,
        level,
        actual_units,
        -- A sum without a forecast of its own has no other base than its products.
        coalesce(base_units, bottom_up_units) as base_units,
        bottom_up_units,
        mint_shrink_units,
        as_of_date
    from {{ ref('ml_demand__reconciliation_backtest') }}
    where not is_warm_up

),

standings as (

    select
        method,
        is_chosen
    from {{ ref('ml_demand__reconciliation_standings') }}

),

-- Rounded, because sums of fractions differ in the last digit with the order of the rows, and two builds must be equal.
metrics as (

    {% for method in ['base', 'bottom_up', 'mint_shrink'] %}
        select
            fit_id,
            level,
            '{{ method }}' as method,
            count(*) as predictions,
            round(sum(actual_units), 6) as actual_total,
            round({{ wape('actual_units', method ~ '_units') }}, 9) as wape,
            round({{ relative_bias('actual_units', method ~ '_units') }}, 9) as bias,
            as_of_date as origin_date
        from backtest
        group by fit_id, level, as_of_date
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        metrics.fit_id,
        metrics.level,
        metrics.method,
        metrics.predictions,
        metrics.actual_total,
        metrics.wape,
        metrics.bias,
        coalesce(standings.is_chosen, false) as is_chosen,
        metrics.origin_date
    from metrics
    left join standings
        on metrics.method = standings.method

)

select * from final

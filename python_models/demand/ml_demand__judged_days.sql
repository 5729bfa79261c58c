with backtest as (

    select
        fit_id,
        product_id,
        horizon_days,
        cast(ceil(horizon_days / 7.0e0) as integer) as horizon_week,
        actual_units,
        mean_units,
        as_of_date
    from {{ ref('ml_demand__backtest') }}
    where not is_censored and not is_warm_up

),

champion as (

    select fit_id
    from {{ ref('ml_demand__standings') }}
    where is_champion

),

chosen as (

    select method
    from {{ ref('ml_demand__reconciliation_standings') }}
    where is_chosen

),

reconciled_weeks as (

    select
        node as product_id,
        horizon_week,
        mint_shrink_units / nullif(bottom_up_units, 0) as mint_shrink_factor,
        as_of_date
    from {{ ref('ml_demand__reconciliation_backtest') }}
    where level = 'product'

),

final as (

    select
        backtest.fit_id,
        backtest.product_id,
        backtest.horizon_days,
        backtest.horizon_week,
        backtest.actual_units,
        backtest.mean_units
        * case when chosen.method = 'mint_shrink' then coalesce(reconciled_weeks.mint_shrink_factor, 1) else 1 end as mean_units,
        backtest.as_of_date
    from backtest
    inner join champion
        on backtest.fit_id = champion.fit_id
    cross join chosen
    left join reconciled_weeks
        on
            backtest.as_of_date = reconciled_weeks.as_of_date
            and backtest.product_id = reconciled_weeks.product_id
            and backtest.horizon_week = reconciled_weeks.horizon_week

)

select * from final

with backtest as (

    select
        fit_id,
        product_id,
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

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

-- Rounded, because the last digit of a sum of fractions depends on the order of the rows, and two builds must be equal.
final as (

    select
        backtest.fit_id,
        products.category,
        backtest.horizon_week,
        round(sum(backtest.actual_units), 6) as actual_units,
        round(sum(backtest.mean_units), 6) as mean_units,
        backtest.as_of_date
    from backtest
    inner join champion
        on backtest.fit_id = champion.fit_id
    inner join products
        on backtest.product_id = products.product_id
    group by backtest.fit_id, products.category, backtest.horizon_week, backtest.as_of_date

)

select * from final

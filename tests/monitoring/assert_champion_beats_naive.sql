-- A returned row is a naive rule that the champion does not beat by trendhouse_champion_margin: its back-test error (WAPE of product-weeks, mean of
-- the origins) is not below (1 - margin) times the rule's. The forecasts are then not worth their model. Look at mon_backtests: which categories
-- and weeks are worse than naive, and does fct_sales_daily show there what really sold? A margin of -1 switches the test off.
with latest as (

    select
        topic,
        algorithm,
        backtest_value,
        is_baseline,
        is_champion
    from {{ ref('mon_model_registry') }}
    -- Recommenders, whose figure is the better the higher, have assert_recommender_beats_popularity.
    where is_latest and backtest_value is not null and not is_higher_better

)

select
    latest.topic,
    latest.algorithm as naive_rule,
    latest.backtest_value as naive_error,
    champion.algorithm as champion,
    champion.backtest_value as champion_error
from latest
inner join latest as champion
    on
        latest.topic = champion.topic
        and champion.is_champion
where
    latest.is_baseline
    and champion.backtest_value >= (1 - {{ var('trendhouse_champion_margin') }}) * latest.backtest_value

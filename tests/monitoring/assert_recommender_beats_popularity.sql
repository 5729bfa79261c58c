-- A returned row is a rule for everybody (popularity, trending, category_popularity) that the champion of the recommenders does not beat by
-- trendhouse_champion_margin: its back-test ndcg at 10 is not above (1 + margin) times the rule's. Lists for each customer are then not worth their
-- model. Look at mon_recommendation_quality: do sources beat the ranker, is the history too short? Fewer than 100 customers judge nothing: chance
-- alone moves their mean by 0.03. A margin of -1 switches the test off.
with latest as (

    select
        quality.algorithm,
        quality.metric_value,
        quality.customers,
        quality.is_baseline,
        quality.is_champion
    from {{ ref('mon_recommendation_quality') }} as quality
    inner join {{ ref('mon_model_registry') }} as registry
        on quality.fit_id = registry.fit_id
    where
        registry.is_latest
        and quality.list_kind = 'product'
        and quality.judged = 'back_test'
        and quality.metric = 'ndcg'
        and quality.k = 10

)

select
    latest.algorithm as rule,
    latest.metric_value as rule_ndcg,
    champion.algorithm as champion,
    champion.metric_value as champion_ndcg,
    champion.customers
from latest
inner join latest as champion
    on champion.is_champion
where
    latest.is_baseline
    and champion.customers >= 100
    and champion.metric_value <= (1 + {{ var('trendhouse_champion_margin') }}) * latest.metric_value

{# A natural logarithm times this is one of base 2. #}
{% set log2 = '1.4426950408889634e0' %}

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

standings as (

    select
        fit_id,
        fit_key,
        is_baseline,
        is_champion
    from {{ ref('ml_recommendation__standings') }}

),

backtest as (

    select
        fit_id,
        algorithm,
        metric,
        k,
        metric_value,
        customers,
        origin_date
    from {{ ref('ml_recommendation__backtest') }}

),

-- The rule that knows nobody, judged with the others: the fits of one training and one origin share their customers.
baselines as (

    select
        standings.fit_key,
        backtest.metric,
        backtest.k,
        backtest.origin_date,
        backtest.metric_value
    from backtest
    inner join standings
        on backtest.fit_id = standings.fit_id
    where backtest.algorithm = 'popularity'

),

tested as (

    select
        backtest.fit_id,
        backtest.algorithm,
        'back_test' as judged,
        backtest.metric,
        backtest.k,
        backtest.metric_value,
        baselines.metric_value as baseline_value,
        backtest.customers,
        standings.is_baseline,
        standings.is_champion,
        backtest.origin_date
    from backtest
    inner join standings
        on backtest.fit_id = standings.fit_id
    left join baselines
        on
            standings.fit_key = baselines.fit_key
            and backtest.metric = baselines.metric
            and backtest.k = baselines.k
            and backtest.origin_date = baselines.origin_date

),

-- Beside the next baskets stands what each customer bought most often, which few recommenders beat.
next_baskets_tested as (

    select
        backtest.fit_id,
        backtest.algorithm,
        backtest.metric,
        backtest.k,
        backtest.metric_value,
        max(case when backtest.algorithm = 'personal_top' then backtest.metric_value end) over (
            partition by backtest.fit_key, backtest.origin_date, backtest.metric, backtest.k
        ) as baseline_value,
        backtest.customers,
        standings.is_baseline,
        standings.is_champion,
        backtest.origin_date
    from {{ ref('ml_recommendation__next_basket_backtest') }} as backtest
    inner join {{ ref('ml_recommendation__next_basket_standings') }} as standings
        on backtest.fit_id = standings.fit_id

),

sellers_tested as (

    select
        customers,
        hit_rate_at_5,
        popular_hit_rate_at_5,
        origin_date
    from {{ ref('ml_recommendation__seller_backtest') }}

),

-- ---- The lists of today. ----
lists as (

    select
        customer_id,
        product_id,
        place
    from {{ ref('pred_product_recommendations') }}
    where customer_id <> 'guest'

),

shown as (

    select
        product_id,
        seller_id,
        category
    from {{ ref('ml_recommendation__shown_products') }}
    where is_shown

),

met as (

    select
        interactions.product_id,
        count(distinct interactions.customer_id) as customers
    from {{ ref('feat_recommendation_interactions') }} as interactions
    inner join as_of
        on interactions.as_of_date = as_of.as_of_date
    group by interactions.product_id

),

known as (

    select count(distinct interactions.customer_id) as customers
    from {{ ref('feat_recommendation_interactions') }} as interactions
    inner join as_of
        on interactions.as_of_date = as_of.as_of_date

),

-- A place p counts 1 / log2(1 + p), as in DCG.
product_exposure as (

    select
        shown.product_id,
        shown.seller_id,
        coalesce(met.customers, 0) as met_by,
        count(lists.place) as times_shown,
        round(coalesce(sum({{ safe_divide('1', log2 ~ ' * ln(1.0e0 + lists.place)') }}), 0), 6) as exposure
    from shown
    left join lists
        on shown.product_id = lists.product_id
    left join met
        on shown.product_id = met.product_id
    group by shown.product_id, shown.seller_id, met.customers

),

seller_exposure as (

    select
        seller_id,
        round(sum(exposure), 6) as exposure
    from product_exposure
    where seller_id is not null
    group by seller_id

),

-- Gini: sum of (2 i - n - 1) x_i over n times the sum of x, x ascending.
exposures as (

    select
        'product_gini' as metric,
        exposure,
        row_number() over (order by exposure asc nulls last, product_id asc nulls last) as number,
        count(*) over () as entities
    from product_exposure
    union all
    select
        'seller_gini' as metric,
        exposure,
        row_number() over (order by exposure asc nulls last, seller_id asc nulls last) as number,
        count(*) over () as entities
    from seller_exposure

),

list_categories as (

    select
        lists.customer_id,
        shown.category,
        count(*) as products
    from lists
    inner join shown
        on lists.product_id = shown.product_id
    group by lists.customer_id, shown.category

),

list_pairs as (

    select
        customer_id,
        sum(products * (products - 1)) as pairs_within,
        sum(products) * (sum(products) - 1) as pairs
    from list_categories
    group by customer_id

),

measured as (

    select
        'catalogue_coverage' as metric,
        {{ safe_divide('count(case when times_shown > 0 then 1 end)', 'count(*)') }} as metric_value
    from product_exposure
    union all
    select
        'novelty' as metric,
        {{ safe_divide(
            'sum(-product_exposure.times_shown * ln((product_exposure.met_by + 1.0e0) / (known.customers + 1.0e0)) * ' ~ log2 ~ ')',
            'sum(product_exposure.times_shown)'
        ) }} as metric_value
    from product_exposure
    cross join known
    union all
    select
        'category_diversity' as metric,
        1 - avg({{ safe_divide('pairs_within', 'pairs') }}) as metric_value
    from list_pairs
    union all
    select
        metric,
        {{ safe_divide('sum((2 * number - entities - 1) * exposure)', 'max(entities) * sum(exposure)') }} as metric_value
    from exposures
    group by metric

),

listed as (

    select count(distinct customer_id) as customers
    from lists

),

champion as (

    select max(fit_id) as fit_id
    from standings
    where is_champion

),

served as (

    select
        champion.fit_id,
        'lists' as algorithm,
        'served' as judged,
        measured.metric,
        {{ var('trendhouse_recommendation_places') }} as k,
        measured.metric_value,
        cast(null as double) as baseline_value,
        listed.customers,
        false as is_baseline,
        true as is_champion,
        as_of.as_of_date as origin_date
    from measured
    cross join listed
    cross join champion
    cross join as_of
    where listed.customers > 0

),

all_judged as (

    select
        'product' as list_kind,
        tested.*
    from tested
    union all
    select
        'product' as list_kind,
        served.*
    from served
    union all
    select
        'next_basket' as list_kind,
        fit_id,
        algorithm,
        'back_test' as judged,
        metric,
        k,
        metric_value,
        baseline_value,
        customers,
        is_baseline,
        is_champion,
        origin_date
    from next_baskets_tested
    union all
    select
        'seller' as list_kind,
        cast(null as varchar) as fit_id,
        'similar_sellers' as algorithm,
        'back_test' as judged,
        'hit_rate' as metric,
        5 as k,
        hit_rate_at_5 as metric_value,
        popular_hit_rate_at_5 as baseline_value,
        customers,
        false as is_baseline,
        true as is_champion,
        origin_date
    from sellers_tested

),

final as (

    select
        list_kind,
        fit_id,
        algorithm,
        judged,
        metric,
        cast(k as integer) as k,
        round(cast(metric_value as double), 9) as metric_value,
        round(baseline_value, 9) as baseline_value,
        cast(customers as bigint) as customers,
        is_baseline,
        is_champion,
        origin_date
    from all_judged

)

select * from final

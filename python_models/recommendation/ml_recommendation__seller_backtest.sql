{# Places that are judged. #}
{% set places = 5 %}

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

origin as (

    select as_of_dates.as_of_date
    from {{ ref('dim_as_of_dates') }} as as_of_dates
    where as_of_dates.weeks_ago = 4

),

products as (

    select
        product_id,
        seller_id
    from {{ ref('dim_products') }}
    where seller_id is not null

),

interactions as (

    select
        customer_id,
        product_id,
        purchases_364d,
        days_since_last_purchase,
        as_of_date
    from {{ ref('feat_recommendation_interactions') }}

),

sellers as (

    select
        sellers.seller_id,
        row_number() over (
            order by sellers.units_84d desc nulls last, sellers.views_84d desc nulls last, sellers.seller_id asc nulls last
        ) as popular_place
    from {{ ref('feat_recommendation_sellers') }} as sellers
    inner join origin
        on sellers.as_of_date = origin.as_of_date

),

lists as (

    select
        scores.customer_id,
        scores.seller_id
    from {{ ref('ml_recommendation__seller_scores') }} as scores
    inner join origin
        on scores.as_of_date = origin.as_of_date
    where scores.place <= {{ places }}

),

-- ---- Who was known at the origin, and where each bought. ----
known as (

    select
        interactions.customer_id,
        products.seller_id,
        sum(interactions.purchases_364d) > 0 as is_bought
    from interactions
    inner join origin
        on interactions.as_of_date = origin.as_of_date
    inner join products
        on interactions.product_id = products.product_id
    group by interactions.customer_id, products.seller_id

),

known_customers as (

    select distinct customer_id
    from known

),

popular_left as (

    select
        known_customers.customer_id,
        sellers.seller_id,
        row_number() over (partition by known_customers.customer_id order by sellers.popular_place asc nulls last) as place
    from known_customers
    cross join sellers
    left join known
        on
            known_customers.customer_id = known.customer_id
            and sellers.seller_id = known.seller_id
    where not coalesce(known.is_bought, false)

),

-- ---- Sellers that a known customer bought from for the first time in the year, in the 28 days after. ----
new_sellers as (

    select distinct
        interactions.customer_id,
        products.seller_id
    from interactions
    inner join as_of
        on interactions.as_of_date = as_of.as_of_date
    inner join products
        on interactions.product_id = products.product_id
    inner join known_customers
        on interactions.customer_id = known_customers.customer_id
    left join known
        on
            interactions.customer_id = known.customer_id
            and products.seller_id = known.seller_id
    where
        interactions.days_since_last_purchase <= 28
        and not coalesce(known.is_bought, false)

),

judged as (

    select
        new_sellers.customer_id,
        max(case when lists.seller_id is not null then 1 else 0 end) as is_hit,
        max(case when popular_left.place <= {{ places }} then 1 else 0 end) as is_popular_hit
    from new_sellers
    left join lists
        on
            new_sellers.customer_id = lists.customer_id
            and new_sellers.seller_id = lists.seller_id
    left join popular_left
        on
            new_sellers.customer_id = popular_left.customer_id
            and new_sellers.seller_id = popular_left.seller_id
    group by new_sellers.customer_id

),

final as (

    select
        origin.as_of_date as origin_date,
        count(judged.customer_id) as customers,
        avg(judged.is_hit) as hit_rate_at_5,
        avg(judged.is_popular_hit) as popular_hit_rate_at_5
    from origin
    cross join judged
    group by origin.as_of_date

)

select * from final

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

scores as (

    select
        scores.customer_id,
        scores.product_id,
        scores.anchor_product_id,
        scores.fit_id,
        scores.place,
        scores.source,
        scores.reason,
        scores.fallback_level,
        scores.score,
        scores.is_anchor_bought,
        scores.as_of_date,
        scores.scored_at
    from {{ ref('ml_recommendation__scores') }} as scores
    inner join as_of
        on scores.as_of_date = as_of.as_of_date

),

customers as (

    select customer_id
    from {{ ref('dim_customers') }}

),

products as (

    select
        product_id,
        coalesce(product_name, product_id) as name,
        category
    from {{ ref('dim_products') }}

),

listed_customers as (

    select distinct customer_id
    from scores

),

-- Of these nothing is known today: theirs is the guest's list.
strangers as (

    select customers.customer_id
    from customers
    left join listed_customers
        on customers.customer_id = listed_customers.customer_id
    where listed_customers.customer_id is null

),

all_lists as (

    select *
    from scores
    union all
    select
        strangers.customer_id,
        scores.product_id,
        scores.anchor_product_id,
        scores.fit_id,
        scores.place,
        scores.source,
        scores.reason,
        scores.fallback_level,
        scores.score,
        scores.is_anchor_bought,
        scores.as_of_date,
        scores.scored_at
    from scores
    cross join strangers
    where scores.customer_id = 'guest'

),

worded as (

    select
        all_lists.*,
        case when products.category = 'unknown' then 'the shop' else products.category end as where_popular,
        anchors.name || case when all_lists.is_anchor_bought then ', which you bought.' else ', which you looked at.' end as anchor_phrase
    from all_lists
    inner join products
        on all_lists.product_id = products.product_id
    left join products as anchors
        on all_lists.anchor_product_id = anchors.product_id

),

final as (

    select
        customer_id,
        product_id,
        anchor_product_id,
        fit_id,
        place,
        source,
        reason,
        case reason
            when 'buy_again' then 'Time to buy again.'
            when 'looked_at' then 'You looked at it lately.'
            when 'goes_with' then 'Often goes with ' || anchor_phrase
            when 'resembles' then 'Resembles ' || anchor_phrase
            when 'trending' then 'In demand in ' || where_popular || ' lately.'
            when 'popular' then 'Popular in ' || where_popular || '.'
        end as statement,
        fallback_level,
        score,
        as_of_date,
        scored_at
    from worded

)

select * from final

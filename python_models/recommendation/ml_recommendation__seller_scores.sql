{# Customers that the prior of a similarity is worth, as in the neighbourhoods of products. #}
{% set prior_customers = 5 %}
{# Where no customer bears the catalogues out they still order the sellers that nobody met. #}
{% set least_worth = 0.001 %}
{# Sellers of one customer that count, the strongest, and neighbours of each. #}
{% set most_anchors = 10 %}
{% set most_neighbours = 20 %}
{% set most_per_customer = 10 %}

-- Now, and a month ago, which the month since can judge.
with as_of_dates as (

    select
        as_of_date,
        weeks_ago = 0 as is_now
    from {{ ref('dim_as_of_dates') }}
    where weeks_ago in (0, 4)

),

customers as (

    select customer_id
    from {{ ref('dim_customers') }}

),

products as (

    select
        product_id,
        seller_id
    from {{ ref('dim_products') }}
    where seller_id is not null

),

shown_sellers as (

    select distinct seller_id
    from {{ ref('ml_recommendation__shown_products') }}
    where is_shown

),

sellers as (

    select
        sellers.seller_id,
        sellers.units_84d,
        sellers.views_84d,
        sellers.as_of_date
    from {{ ref('feat_recommendation_sellers') }} as sellers
    inner join as_of_dates
        on sellers.as_of_date = as_of_dates.as_of_date
    left join shown_sellers
        on sellers.seller_id = shown_sellers.seller_id
    where
        shown_sellers.seller_id is not null
        or not as_of_dates.is_now

),

pairs as (

    select
        pairs.seller_id,
        pairs.other_seller_id,
        pairs.catalogue_similarity,
        pairs.customers_together_364d,
        sqrt(cast(pairs.customers_364d as double) * pairs.other_customers_364d) as rests_on_customers,
        pairs.as_of_date
    from {{ ref('feat_recommendation_seller_pairs') }} as pairs
    inner join as_of_dates
        on pairs.as_of_date = as_of_dates.as_of_date

),

interactions as (

    select
        interactions.customer_id,
        interactions.product_id,
        interactions.interaction_weight,
        interactions.purchases_364d,
        interactions.days_since_last_purchase,
        as_of_dates.is_now,
        interactions.as_of_date
    from {{ ref('feat_recommendation_interactions') }} as interactions
    inner join as_of_dates
        on interactions.as_of_date = as_of_dates.as_of_date

),

-- Of a month ago only those can judge who bought since.
judges as (

    select distinct customer_id
    from interactions
    where
        is_now
        and days_since_last_purchase <= 28

),

-- ---- How alike sellers are: by their customers, drawn to what their catalogues let expect where customers are few (as pred_similar_products). ----
measured as (

    select
        pairs.*,
        customers_together_364d / (rests_on_customers + {{ prior_customers }}) as shrunk_similarity,
        rests_on_customers / (rests_on_customers + {{ prior_customers }}) as behaviour_weight
    from pairs

),

-- What a catalogue similarity of 1 has been worth: least squares through the origin.
worths as (

    select
        as_of_date,
        round(coalesce({{ safe_divide('sum(together)', 'sum(alone)') }}, 1), 6) as worth
    from (
        select
            as_of_date,
            shrunk_similarity * catalogue_similarity as together,
            behaviour_weight * catalogue_similarity * catalogue_similarity as alone
        from measured
    ) as products
    group by as_of_date

),

links as (

    select
        measured.seller_id,
        measured.other_seller_id,
        measured.shrunk_similarity,
        (1 - measured.behaviour_weight) * least(greatest(worths.worth, {{ least_worth }}), 1) * measured.catalogue_similarity as expected_part,
        measured.as_of_date
    from measured
    inner join worths
        on measured.as_of_date = worths.as_of_date

),

both_ways as (

    select
        seller_id,
        other_seller_id,
        shrunk_similarity,
        expected_part,
        as_of_date
    from links
    union all
    select
        other_seller_id as seller_id,
        seller_id as other_seller_id,
        shrunk_similarity,
        expected_part,
        as_of_date
    from links

),

neighbours as (

    select
        seller_id,
        other_seller_id,
        similarity,
        is_by_behaviour,
        as_of_date
    from (
        select
            both_ways.seller_id,
            both_ways.other_seller_id,
            both_ways.shrunk_similarity + both_ways.expected_part as similarity,
            both_ways.shrunk_similarity >= both_ways.expected_part as is_by_behaviour,
            both_ways.as_of_date,
            row_number() over (
                partition by both_ways.as_of_date, both_ways.seller_id
                order by both_ways.shrunk_similarity + both_ways.expected_part desc nulls last, both_ways.other_seller_id asc nulls last
            ) as place
        from both_ways
        -- Only a seller that may be shown is a neighbour.
        inner join sellers
            on
                both_ways.other_seller_id = sellers.seller_id
                and both_ways.as_of_date = sellers.as_of_date
    ) as placed
    where place <= {{ most_neighbours }}

),

-- ---- Whom customers know. ----
met as (

    select
        interactions.customer_id,
        products.seller_id,
        ln(1 + round(sum(interactions.interaction_weight), 6)) / ln(2.0e0) as confidence,
        sum(interactions.purchases_364d) > 0 as is_bought,
        interactions.as_of_date
    from interactions
    inner join products
        on interactions.product_id = products.product_id
    left join judges
        on interactions.customer_id = judges.customer_id
    where
        interactions.is_now
        or judges.customer_id is not null
    group by interactions.customer_id, products.seller_id, interactions.as_of_date

),

anchors as (

    select
        customer_id,
        seller_id,
        confidence,
        is_bought,
        as_of_date
    from (
        select
            met.*,
            row_number() over (
                partition by as_of_date, customer_id order by confidence desc nulls last, seller_id asc nulls last
            ) as place
        from met
    ) as placed
    where place <= {{ most_anchors }}

),

scored as (

    select
        anchors.customer_id,
        neighbours.other_seller_id as seller_id,
        anchors.as_of_date,
        round(sum(anchors.confidence * neighbours.similarity), 6) as score
    from anchors
    inner join neighbours
        on
            anchors.seller_id = neighbours.seller_id
            and anchors.as_of_date = neighbours.as_of_date
    group by anchors.customer_id, neighbours.other_seller_id, anchors.as_of_date

),

-- Who already buys there needs no recommendation.
candidates as (

    select
        customer_id,
        seller_id,
        as_of_date,
        score
    from (
        select
            scored.*,
            row_number() over (
                partition by scored.as_of_date, scored.customer_id order by scored.score desc nulls last, scored.seller_id asc nulls last
            ) as place
        from scored
        left join met
            on
                scored.customer_id = met.customer_id
                and scored.seller_id = met.seller_id
                and scored.as_of_date = met.as_of_date
        where not coalesce(met.is_bought, false)
    ) as placed
    where place <= {{ most_per_customer }}

),

-- The anchor is the seller that says most for the one recommended.
anchored as (

    select
        customer_id,
        seller_id,
        as_of_date,
        score,
        anchor_seller_id,
        is_by_behaviour,
        is_anchor_bought
    from (
        select
            candidates.*,
            anchors.seller_id as anchor_seller_id,
            neighbours.is_by_behaviour,
            anchors.is_bought as is_anchor_bought,
            row_number() over (
                partition by candidates.as_of_date, candidates.customer_id, candidates.seller_id
                order by anchors.confidence * neighbours.similarity desc nulls last, anchors.seller_id asc nulls last
            ) as place
        from candidates
        inner join anchors
            on
                candidates.customer_id = anchors.customer_id
                and candidates.as_of_date = anchors.as_of_date
        inner join neighbours
            on
                anchors.seller_id = neighbours.seller_id
                and candidates.seller_id = neighbours.other_seller_id
                and candidates.as_of_date = neighbours.as_of_date
    ) as placed
    where place = 1

),

-- ---- Everyone gets a list: what is left of it goes to the sellers that sell most. ----
members as (

    select
        customers.customer_id,
        as_of_dates.as_of_date
    from customers
    cross join as_of_dates
    where as_of_dates.is_now
    union distinct
    select
        'guest' as customer_id,
        as_of_date
    from as_of_dates
    where is_now
    union distinct
    select
        customer_id,
        as_of_date
    from met

),

known as (

    select
        as_of_date,
        customer_id,
        count(*) as sellers
    from met
    group by as_of_date, customer_id

),

popular as (

    select
        seller_id,
        as_of_date,
        row_number() over (
            partition by as_of_date order by units_84d desc nulls last, views_84d desc nulls last, seller_id asc nulls last
        ) as popular_place
    from sellers

),

-- As many as can be wanted, since those bought from and those listed already fall out.
fillers as (

    select
        members.customer_id,
        members.as_of_date,
        popular.seller_id,
        popular.popular_place
    from members
    left join known
        on
            members.customer_id = known.customer_id
            and members.as_of_date = known.as_of_date
    inner join popular
        on
            members.as_of_date = popular.as_of_date
            and popular.popular_place <= 2 * {{ most_per_customer }} + coalesce(known.sellers, 0)

),

listed as (

    select
        customer_id,
        seller_id,
        anchor_seller_id,
        case when is_by_behaviour then 'behaviour' else 'content' end as fallback_level,
        score,
        is_anchor_bought,
        cast(null as bigint) as popular_place,
        as_of_date
    from anchored
    union all
    select
        fillers.customer_id,
        fillers.seller_id,
        cast(null as string) as anchor_seller_id,
        'global' as fallback_level,
        0 as score,
        cast(null as boolean) as is_anchor_bought,
        fillers.popular_place,
        fillers.as_of_date
    from fillers
    left join met
        on
            fillers.customer_id = met.customer_id
            and fillers.seller_id = met.seller_id
            and fillers.as_of_date = met.as_of_date
    left join candidates
        on
            fillers.customer_id = candidates.customer_id
            and fillers.seller_id = candidates.seller_id
            and fillers.as_of_date = candidates.as_of_date
    where
        not coalesce(met.is_bought, false)
        and candidates.seller_id is null

),

placed as (

    select
        listed.*,
        row_number() over (
            partition by as_of_date, customer_id
            order by popular_place asc nulls first, score desc nulls last, seller_id asc nulls last
        ) as place
    from listed

),

final as (

    select
        customer_id,
        seller_id,
        anchor_seller_id,
        fallback_level,
        cast(place as bigint) as place,
        cast(score as double) as score,
        is_anchor_bought,
        as_of_date
    from placed
    where place <= {{ most_per_customer }}

)

select * from final

{# Sellers that one customer met at most: who met more is a machine, or buys for others. #}
{% set most_sellers = 100 %}

with as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where
        is_monthly
        and weeks_ago <= 24

),

-- Sellers are compared as of one day: the day is part of the key of a vector and of its dimensions.
products as (

    select
        products.product_id,
        products.seller_id,
        cast(products.as_of_date as string) || ' ' || products.seller_id as vector_key,
        products.category,
        products.subcategory,
        products.brand,
        products.as_of_date
    from {{ ref('feat_recommendation_products') }} as products
    inner join as_of_dates
        on products.as_of_date = as_of_dates.as_of_date
    where products.seller_id is not null

),

interactions as (

    select
        customer_id,
        product_id,
        as_of_date
    from {{ ref('feat_recommendation_interactions') }}

),

sellers as (

    select distinct
        vector_key,
        seller_id,
        as_of_date
    from products

),

-- ---- What they sell: products by category, by subcategory and by brand. ----
labels as (

    select
        vector_key,
        as_of_date,
        'category ' || category as label
    from products
    union all
    select
        vector_key,
        as_of_date,
        'subcategory ' || category || ' > ' || subcategory as label
    from products
    union all
    select
        vector_key,
        as_of_date,
        'brand ' || brand as label
    from products
    where brand <> 'unknown'

),

vectors as (

    select
        vector_key,
        cast(as_of_date as string) || ' ' || label as dimension,
        count(*) as value
    from labels
    group by vector_key, as_of_date, label

),

alike as (

    select
        sellers.seller_id,
        others.seller_id as other_seller_id,
        sellers.as_of_date,
        similarity.similarity
    from {{ similarity_of('vectors', 'vector_key', 'vectors', 'vector_key') }} as similarity
    inner join sellers
        on similarity.left_key = sellers.vector_key
    inner join sellers as others
        on similarity.right_key = others.vector_key
    where sellers.seller_id < others.seller_id

),

-- ---- Who looks at both. ----
visitors as (

    select
        customer_id,
        seller_id,
        as_of_date
    from (
        select
            met.*,
            count(*) over (partition by met.customer_id, met.as_of_date) as sellers
        from (
            select distinct
                interactions.customer_id,
                products.seller_id,
                interactions.as_of_date
            from interactions
            inner join products
                on
                    interactions.product_id = products.product_id
                    and interactions.as_of_date = products.as_of_date
        ) as met
    ) as counted
    where sellers <= {{ most_sellers }}

),

seller_customers as (

    select
        seller_id,
        as_of_date,
        count(*) as customers
    from visitors
    group by seller_id, as_of_date

),

shared as (

    select
        visitors.seller_id,
        others.seller_id as other_seller_id,
        visitors.as_of_date,
        count(*) as customers
    from visitors
    inner join visitors as others
        on
            visitors.customer_id = others.customer_id
            and visitors.as_of_date = others.as_of_date
            and visitors.seller_id < others.seller_id
    group by visitors.seller_id, others.seller_id, visitors.as_of_date

),

members as (

    select
        seller_id,
        other_seller_id,
        as_of_date
    from alike
    union distinct
    select
        seller_id,
        other_seller_id,
        as_of_date
    from shared

),

final as (

    select
        members.seller_id,
        members.other_seller_id,
        coalesce(alike.similarity, 0) as catalogue_similarity,
        coalesce(shared.customers, 0) as customers_together_364d,
        coalesce(seller_customers.customers, 0) as customers_364d,
        coalesce(other_customers.customers, 0) as other_customers_364d,
        -- The cosine of two columns of the customer x seller matrix of zeros and ones.
        round(
            coalesce({{ safe_divide('shared.customers', 'sqrt(cast(seller_customers.customers as double) * other_customers.customers)') }}, 0), 9
        ) as customer_similarity,
        members.as_of_date
    from members
    left join alike
        on
            members.seller_id = alike.seller_id
            and members.other_seller_id = alike.other_seller_id
            and members.as_of_date = alike.as_of_date
    left join shared
        on
            members.seller_id = shared.seller_id
            and members.other_seller_id = shared.other_seller_id
            and members.as_of_date = shared.as_of_date
    left join seller_customers
        on
            members.seller_id = seller_customers.seller_id
            and members.as_of_date = seller_customers.as_of_date
    left join seller_customers as other_customers
        on
            members.other_seller_id = other_customers.seller_id
            and members.as_of_date = other_customers.as_of_date

)

select * from final

-- What resembles, in category and brand, what each of last week's customers looked at and bought: ten products each, scored as the query runs.
-- Run it with `dbt show --select products_like_those_of_a_customer`, or take the compiled SQL to a BI tool and narrow `customers` to the one who
-- is on the line. Other vectors do as well: any table of product_id, dimension and value.
with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

products as (

    select
        product_id,
        category,
        subcategory,
        brand
    from {{ ref('dim_products') }}
    where not is_inferred

),

deeds as (

    select
        customer_id,
        product_id,
        8 as weight,
        order_date as deed_date
    from {{ ref('fct_order_items') }}
    where is_sale
    union all
    select
        customer_id,
        product_id,
        1 as weight,
        event_date as deed_date
    from {{ ref('fct_events') }}
    where event_type = 'view'

),

customers as (

    select distinct deeds.customer_id
    from deeds
    cross join as_of
    where
        deeds.customer_id is not null
        and deeds.deed_date >= {{ add_days('as_of.as_of_date', -7) }}

),

-- ---- Products as vectors: a label that few products bear says more (inverse document frequency). ----
labels as (

    select
        product_id,
        'category ' || category as dimension
    from products
    union all
    select
        product_id,
        'subcategory ' || category || ' > ' || subcategory as dimension
    from products
    where subcategory is not null
    union all
    select
        product_id,
        'brand ' || brand as dimension
    from products
    where brand is not null

),

frequencies as (

    select
        dimension,
        count(*) as products
    from labels
    group by dimension

),

shop as (

    select count(*) as products
    from products

),

product_vectors as (

    select
        labels.product_id,
        labels.dimension,
        1 + ln((1.0e0 + shop.products) / nullif(1 + frequencies.products, 0)) as value
    from labels
    cross join shop
    inner join frequencies
        on labels.dimension = frequencies.dimension

),

-- ---- Customers as vectors: the sum of what they dealt with, halved every 56 days. ----
customer_vectors as (

    select
        deeds.customer_id,
        product_vectors.dimension,
        sum(
            product_vectors.value * deeds.weight * {{ time_decay(days_between('deeds.deed_date', 'as_of.as_of_date'), 56) }}
        ) as value
    from deeds
    cross join as_of
    inner join customers
        on deeds.customer_id = customers.customer_id
    inner join product_vectors
        on deeds.product_id = product_vectors.product_id
    group by deeds.customer_id, product_vectors.dimension

),

scored as (

    select
        similarity.left_key as customer_id,
        similarity.right_key as product_id,
        similarity.similarity
    from {{ similarity_of('customer_vectors', 'customer_id', 'product_vectors', 'product_id') }} as similarity

),

final as (

    select
        best.customer_id,
        best.product_id,
        best.place,
        best.similarity
    from {{ top_n('scored', 10, 'customer_id', 'product_id') }} as best

)

select * from final
order by customer_id asc nulls last, place asc nulls last

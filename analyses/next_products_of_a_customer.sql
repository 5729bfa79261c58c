-- What each of last week's customers may want next, ten products each, scored as the query runs: the dot product of customer and product vectors is
-- what the factor model says of the pair. No Python, and nothing that is not published: take the compiled SQL to a BI tool and narrow `customers` to
-- the one who is on the line. What may not be shown, and what the customer bought so lately that it rests, is left out.
with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

order_items as (

    select
        customer_id,
        product_id,
        order_date
    from {{ ref('fct_order_items') }}
    where
        is_sale
        and customer_id is not null

),

customers as (

    select distinct order_items.customer_id
    from order_items
    cross join as_of
    where
        order_items.order_date >= {{ add_days('as_of.as_of_date', -7) }}
        and order_items.order_date < as_of.as_of_date

),

customer_vectors as (

    select
        vectors.customer_id,
        vectors.dimension,
        vectors.value
    from {{ ref('pred_customer_vectors') }} as vectors
    inner join customers
        on vectors.customer_id = customers.customer_id

),

product_vectors as (

    select
        product_id,
        dimension,
        value
    from {{ ref('pred_product_vectors') }}
    where is_shown

),

rest_days as (

    select distinct
        product_id,
        rest_days
    from {{ ref('pred_product_vectors') }}

),

resting as (

    select distinct
        order_items.customer_id,
        order_items.product_id
    from order_items
    cross join as_of
    inner join rest_days
        on order_items.product_id = rest_days.product_id
    where
        order_items.order_date < as_of.as_of_date
        and {{ days_between('order_items.order_date', 'as_of.as_of_date') }} <= rest_days.rest_days

),

scored as (

    select
        similarity.left_key as customer_id,
        similarity.right_key as product_id,
        similarity.similarity
    from {{ similarity_of('customer_vectors', 'customer_id', 'product_vectors', 'product_id', 'dot') }} as similarity
    left join resting
        on
            similarity.left_key = resting.customer_id
            and similarity.right_key = resting.product_id
    where resting.product_id is null

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

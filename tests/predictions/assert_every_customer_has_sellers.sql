-- A returned row is a customer, or the guest, with fewer sellers in pred_seller_recommendations than there are to show (10 at most) that the customer
-- has not bought from lately, or with one that the customer has. Look at the fillers of ml_recommendation__seller_scores, and for customers missing
-- there.
{{ config(group='modelling') }}

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

customers as (

    select customers.customer_id
    from {{ ref('dim_customers') }} as customers
    cross join as_of
    union distinct
    select 'guest' as customer_id
    from as_of

),

shown as (

    select
        product_id,
        seller_id,
        is_shown
    from {{ ref('ml_recommendation__shown_products') }}
    where seller_id is not null

),

shown_sellers as (

    select distinct seller_id
    from shown
    where is_shown

),

bought as (

    select distinct
        interactions.customer_id,
        shown.seller_id
    from {{ ref('feat_recommendation_interactions') }} as interactions
    inner join as_of
        on interactions.as_of_date = as_of.as_of_date
    inner join shown
        on interactions.product_id = shown.product_id
    where interactions.purchases_364d > 0

),

left_to_show as (

    select
        customers.customer_id,
        count(case when bought.seller_id is null then shown_sellers.seller_id end) as sellers
    from customers
    cross join shown_sellers
    left join bought
        on
            customers.customer_id = bought.customer_id
            and shown_sellers.seller_id = bought.seller_id
    group by customers.customer_id

),

listed as (

    select
        lists.customer_id,
        count(*) as sellers,
        count(bought.seller_id) as sellers_bought_from
    from {{ ref('pred_seller_recommendations') }} as lists
    left join bought
        on
            lists.customer_id = bought.customer_id
            and lists.seller_id = bought.seller_id
    group by lists.customer_id

)

select
    left_to_show.customer_id,
    left_to_show.sellers as sellers_to_show,
    listed.sellers as sellers_listed,
    listed.sellers_bought_from
from left_to_show
left join listed
    on left_to_show.customer_id = listed.customer_id
where
    coalesce(listed.sellers, 0) <> least(10, left_to_show.sellers)
    or coalesce(listed.sellers_bought_from, 0) > 0

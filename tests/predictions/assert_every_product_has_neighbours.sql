-- A returned row is a product with fewer neighbours than there are other products that may be shown, or than 20 where there are more. Everyone gets
-- an answer: look for what similar_products.py does not fill up, or for products missing in ml_recommendation__shown_products.
{{ config(group='modelling') }}

with shown as (

    select
        product_id,
        is_shown
    from {{ ref('ml_recommendation__shown_products') }}

),

products as (

    select product_id
    from {{ ref('dim_products') }}

),

neighbours as (

    select
        product_id,
        count(*) as neighbours
    from {{ ref('pred_similar_products') }}
    group by product_id

),

shop as (

    select count(case when is_shown then 1 end) as products
    from shown

)

select
    products.product_id,
    coalesce(neighbours.neighbours, 0) as neighbours
from products
cross join shop
left join shown
    on products.product_id = shown.product_id
left join neighbours
    on products.product_id = neighbours.product_id
where coalesce(neighbours.neighbours, 0) < least(20, shop.products - case when shown.is_shown then 1 else 0 end)

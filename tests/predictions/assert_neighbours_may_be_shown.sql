-- A returned row is a neighbour in pred_similar_products, or a seller in pred_seller_recommendations, that may not be shown today: no list may hold
-- what ml_recommendation__shown_products hides. Look for the join with it in the model that made the list.
{{ config(group='modelling') }}

with shown as (

    select
        product_id,
        seller_id
    from {{ ref('ml_recommendation__shown_products') }}
    where is_shown

),

listed_products as (

    select distinct other_product_id
    from {{ ref('pred_similar_products') }}

),

listed_sellers as (

    select distinct seller_id
    from {{ ref('pred_seller_recommendations') }}

),

shown_sellers as (

    select distinct seller_id
    from shown

)

select listed_products.other_product_id as entity_id
from listed_products
left join shown
    on listed_products.other_product_id = shown.product_id
where shown.product_id is null
union all
select listed_sellers.seller_id as entity_id
from listed_sellers
left join shown_sellers
    on listed_sellers.seller_id = shown_sellers.seller_id
where shown_sellers.seller_id is null

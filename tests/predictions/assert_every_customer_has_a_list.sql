-- A returned row is a customer, or the guest, without a list, with a gap in it, or with fewer places than trendhouse_recommendation_places although
-- there is more to show that does not rest after a purchase. Someone would be shown an empty shelf: see which join of
-- pred_product_recommendations drops it, and ml_recommendation__shown_products, where every product may be hidden.
{{ config(group='modelling') }}
with customers as (

    select customer_id
    from {{ ref('dim_customers') }}
    union all
    select 'guest' as customer_id

),

shown as (

    select count(*) as products
    from {{ ref('ml_recommendation__shown_products') }}
    where is_shown

),

-- At most what a customer ever bought may rest.
bought as (

    select
        customer_id,
        count(distinct product_id) as products
    from {{ ref('fct_order_items') }}
    where is_sale
    group by customer_id

),

lists as (

    select
        customer_id,
        count(*) as places,
        max(place) as last_place
    from {{ ref('pred_product_recommendations') }}
    group by customer_id

)

select
    customers.customer_id,
    lists.places,
    lists.last_place
from customers
cross join shown
left join bought
    on customers.customer_id = bought.customer_id
left join lists
    on customers.customer_id = lists.customer_id
where
    coalesce(lists.places, 0) <> coalesce(lists.last_place, 0)
    or coalesce(lists.places, 0) < least(shown.products - coalesce(bought.products, 0), {{ var('trendhouse_recommendation_places') }})

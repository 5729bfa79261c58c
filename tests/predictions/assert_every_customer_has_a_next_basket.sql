-- A returned row is a customer without a list of the next basket, or with a gap in it, although something is listed for others. The list of everybody
-- else (a null key in ml_recommendation__next_basket_scores) is missing or was not joined: look at what pred_next_basket makes of it.
with lists as (

    select
        customer_id,
        count(*) as places,
        max(place) as last_place
    from {{ ref('pred_next_basket') }}
    group by customer_id

),

listed as (

    select count(*) as customers
    from lists

),

customers as (

    select customer_id
    from {{ ref('dim_customers') }}

)

select
    customers.customer_id,
    lists.places,
    lists.last_place
from customers
cross join listed
left join lists
    on customers.customer_id = lists.customer_id
where
    listed.customers > 0
    and coalesce(lists.places <> lists.last_place, true)

-- A returned row is a product without a price response or without a row in plan_prices. Everyone gets an answer: look for an inner join that
-- lost it, or for duplicates of it in dim_products.
with products as (

    select product_id
    from {{ ref('dim_products') }}

),

responses as (

    select product_id
    from {{ ref('pred_price_response') }}

),

plans as (

    select product_id
    from {{ ref('plan_prices') }}

),

as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

)

-- A shop without any order has no as-of date, and no predictions.
select products.product_id
from products
cross join as_of
left join responses
    on products.product_id = responses.product_id
left join plans
    on products.product_id = plans.product_id
where
    responses.product_id is null
    or plans.product_id is null

-- A returned row is a product on a list that may not be shown today (out of stock, discontinued, not launched, not listed), or that this customer
-- bought less than its category's rest_days ago (last_purchase_date). The shop would offer what it cannot sell, or what the customer has just bought:
-- see ml_recommendation__shown_products and how ml_recommendation__scores leaves out what rests.
{{ config(group='modelling') }}
with recommendations as (

    select
        customer_id,
        product_id,
        place,
        as_of_date
    from {{ ref('pred_product_recommendations') }}

),

shown as (

    select
        product_id,
        is_shown,
        reason,
        rest_days
    from {{ ref('ml_recommendation__shown_products') }}

),

-- From the orders themselves, which the lists never look at: they go by the interactions.
purchases as (

    select
        order_items.customer_id,
        order_items.product_id,
        max(order_items.order_date) as last_purchase_date
    from {{ ref('fct_order_items') }} as order_items
    cross join {{ ref('dim_as_of') }} as as_of
    where
        order_items.is_sale
        and order_items.order_date < as_of.as_of_date
    group by order_items.customer_id, order_items.product_id

)

select
    recommendations.customer_id,
    recommendations.product_id,
    recommendations.place,
    shown.reason,
    shown.rest_days,
    purchases.last_purchase_date
from recommendations
left join shown
    on recommendations.product_id = shown.product_id
left join purchases
    on
        recommendations.customer_id = purchases.customer_id
        and recommendations.product_id = purchases.product_id
where
    not coalesce(shown.is_shown, false)
    or {{ days_between('purchases.last_purchase_date', 'recommendations.as_of_date') }} <= shown.rest_days

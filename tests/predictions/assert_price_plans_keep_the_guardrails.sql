-- A returned row is a planned price that breaks a rule of price_guardrails: below the margin floor, a step too large, above the cap on the
-- list price, or a changed price with an ending that is not allowed. Do not set it; look at the limits in plan_prices.
with plans as (

    select
        product_id,
        category,
        action,
        current_price_amount,
        planned_price_amount,
        unit_cost_amount
    from {{ ref('plan_prices') }}
    where planned_price_amount is not null

),

products as (

    select
        product_id,
        list_price_amount
    from {{ ref('dim_products') }}

),

guardrails as (

    select
        category,
        margin_floor_rate,
        largest_rise_rate,
        largest_cut_rate,
        largest_list_ratio,
        price_step_amount,
        price_ending_amount
    from {{ ref('price_guardrails') }}

),

judged as (

    select
        plans.product_id,
        plans.action,
        plans.current_price_amount,
        plans.planned_price_amount,
        (plans.planned_price_amount - plans.unit_cost_amount) / nullif(plans.planned_price_amount, 0) as margin_rate,
        plans.planned_price_amount / nullif(plans.current_price_amount, 0) - 1 as step_rate,
        plans.planned_price_amount / nullif(products.list_price_amount, 0) as list_ratio,
        (plans.planned_price_amount - coalesce(own.price_ending_amount, defaults.price_ending_amount))
        / nullif(coalesce(own.price_step_amount, defaults.price_step_amount), 0) as price_steps,
        coalesce(own.margin_floor_rate, defaults.margin_floor_rate) as margin_floor_rate,
        coalesce(own.largest_rise_rate, defaults.largest_rise_rate) as largest_rise_rate,
        coalesce(own.largest_cut_rate, defaults.largest_cut_rate) as largest_cut_rate,
        coalesce(own.largest_list_ratio, defaults.largest_list_ratio) as largest_list_ratio
    from plans
    inner join products
        on plans.product_id = products.product_id
    left join guardrails as own
        on plans.category = own.category
    left join guardrails as defaults
        on defaults.category = 'default'

)

select
    product_id,
    action,
    current_price_amount,
    planned_price_amount
from judged
where
    margin_rate < margin_floor_rate - 0.000001
    or step_rate > largest_rise_rate + 0.000001
    or step_rate < -largest_cut_rate - 0.000001
    or (action = 'raise' and list_ratio > largest_list_ratio + 0.000001)
    or (action in ('raise', 'cut') and abs(price_steps - round(price_steps)) > 0.001)

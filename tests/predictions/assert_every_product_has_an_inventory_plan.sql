-- A returned row is a product without a plan although there is a today to plan for. Someone who orders by the table would overlook it: find the join
-- in ml_demand__replenishment, ml_demand__lead_time or plan_inventory that drops it.
select products.product_id
from {{ ref('dim_products') }} as products
cross join {{ ref('dim_as_of') }} as as_of
left join {{ ref('plan_inventory') }} as plans
    on
        products.product_id = plans.product_id
        and as_of.as_of_date = plans.as_of_date
where plans.product_id is null

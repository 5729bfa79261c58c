with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

products as (

    select
        product_id,
        category,
        list_price_amount,
        unit_cost_amount,
        launched_date
    from {{ ref('dim_products') }}

),

policy as (

    select
        category,
        service_basis,
        service_level,
        holding_cost_rate,
        shortage_cost_multiple,
        order_cost_amount,
        review_period_days,
        default_lead_time_days,
        excess_cover_days,
        dead_stock_days,
        minimum_order_units,
        pack_units
    from {{ ref('inventory_policy') }}

),

stock as (

    select
        product_id,
        on_hand,
        on_order,
        lead_time_days,
        as_of_date,
        counted_date
    from {{ ref('feat_demand_stock') }}

),

sales as (

    select
        product_id,
        sales_date
    from {{ ref('fct_sales_daily') }}
    where units > 0

),

last_sales as (

    select
        sales.product_id,
        max(sales.sales_date) as last_sale_date
    from sales
    inner join as_of
        on sales.sales_date < as_of.as_of_date
    group by sales.product_id

),

governed as (

    select
        products.*,
        case when own_policy.category is not null then own_policy.category else 'default' end as policy_category
    from products
    left join policy as own_policy
        on products.category = own_policy.category

),

timed as (

    select
        governed.product_id,
        governed.category,
        governed.policy_category,
        case when stock.lead_time_days is not null then 'count' else 'policy' end as lead_time_source,
        policy.service_level,
        stock.on_hand,
        stock.on_order,
        coalesce(stock.lead_time_days, policy.default_lead_time_days) as lead_time_days,
        policy.review_period_days,
        policy.excess_cover_days,
        policy.minimum_order_units,
        policy.pack_units,
        governed.unit_cost_amount,
        governed.unit_cost_amount * policy.holding_cost_rate / 365.0e0 as holding_day_amount,
        (governed.list_price_amount - governed.unit_cost_amount) * policy.shortage_cost_multiple as shortage_unit_amount,
        policy.order_cost_amount,
        policy.service_basis = 'cost_ratio' as is_cost_ratio_wanted,
        -- Never sold and no launch known counts as dead too: nothing says that anybody wants it.
        coalesce(
            {{ days_between('coalesce(last_sales.last_sale_date, governed.launched_date)', 'as_of.as_of_date') }} > policy.dead_stock_days, true
        ) as is_dead,
        as_of.as_of_date,
        stock.counted_date,
        last_sales.last_sale_date
    from governed
    cross join as_of
    inner join policy
        on governed.policy_category = policy.category
    left join stock
        on
            governed.product_id = stock.product_id
            and as_of.as_of_date = stock.as_of_date
    left join last_sales
        on governed.product_id = last_sales.product_id

),

final as (

    select
        product_id,
        category,
        policy_category,
        lead_time_source,
        service_level,
        on_hand,
        on_order,
        lead_time_days,
        review_period_days,
        lead_time_days + review_period_days as protection_days,
        excess_cover_days,
        minimum_order_units,
        pack_units,
        unit_cost_amount,
        holding_day_amount,
        shortage_unit_amount,
        order_cost_amount,
        is_cost_ratio_wanted and coalesce(holding_day_amount > 0 and shortage_unit_amount > 0, false) as is_cost_ratio,
        is_dead,
        as_of_date,
        counted_date,
        last_sale_date
    from timed

)

select * from final

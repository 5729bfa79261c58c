with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

products as (

    select
        product_id,
        seller_id,
        category,
        is_inferred,
        launched_date
    from {{ ref('dim_products') }}

),

policy as (

    select
        category,
        rest_days,
        out_of_stock_rule,
        discontinued_days
    from {{ ref('recommendation_policy') }}

),

stock as (

    select
        product_id,
        on_hand,
        as_of_date
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
        coalesce(own_policy.category, 'default') as policy_category
    from products
    left join policy as own_policy
        on products.category = own_policy.category

),

joined as (

    select
        governed.product_id,
        governed.seller_id,
        governed.category,
        governed.policy_category,
        policy.out_of_stock_rule,
        policy.rest_days,
        policy.discontinued_days,
        stock.on_hand,
        {{ days_between('coalesce(last_sales.last_sale_date, governed.launched_date)', 'as_of.as_of_date') }} as quiet_days,
        governed.is_inferred,
        as_of.as_of_date,
        governed.launched_date
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

-- The first rule that holds names the reason: from what the product is, to how it sells, to what is left of it.
reasoned as (

    select
        joined.*,
        case
            when is_inferred then 'not_listed'
            -- What was launched today is known from tomorrow on.
            when launched_date is null or launched_date >= as_of_date then 'not_launched'
            when quiet_days > discontinued_days and coalesce(on_hand, 0) <= 0 then 'discontinued'
            when on_hand <= 0 and out_of_stock_rule = 'hide' then 'out_of_stock'
            else 'shown'
        end as reason
    from joined

),

final as (

    select
        product_id,
        seller_id,
        category,
        policy_category,
        reason,
        on_hand,
        quiet_days,
        rest_days,
        reason = 'shown' as is_shown,
        as_of_date
    from reasoned

)

select * from final

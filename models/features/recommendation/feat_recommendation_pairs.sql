{# Products in one order at most: a wholesaler's order of hundreds says nothing of what goes together, and has tens of thousands of pairs. #}
{% set largest_basket = 50 %}

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where
        is_monthly
        and weeks_ago <= 24

),

order_items as (

    select distinct
        order_items.order_id,
        order_items.product_id,
        {{ grid_date('order_items.order_date', 'as_of.as_of_date', 28) }} as month_as_of_date
    from {{ ref('fct_order_items') }} as order_items
    cross join as_of
    where
        order_items.is_sale
        and order_items.order_date < as_of.as_of_date

),

baskets as (

    select
        order_id,
        product_id,
        month_as_of_date
    from (
        select
            order_items.*,
            count(*) over (partition by order_id) as products
        from order_items
    ) as sized
    where products <= {{ largest_basket }}

),

-- ---- Counted by block of 28 days, so that each pair is made once. ----
pair_months as (

    select
        baskets.product_id,
        others.product_id as other_product_id,
        baskets.month_as_of_date,
        count(*) as orders
    from baskets
    inner join baskets as others
        on
            baskets.order_id = others.order_id
            and baskets.product_id < others.product_id
    group by baskets.product_id, others.product_id, baskets.month_as_of_date

),

product_months as (

    select
        product_id,
        month_as_of_date,
        count(*) as orders
    from baskets
    group by product_id, month_as_of_date

),

shop_months as (

    select
        month_as_of_date,
        count(distinct order_id) as orders
    from baskets
    group by month_as_of_date

),

-- ---- The last thirteen blocks, 364 days, of each as-of date. ----
windows as (

    select
        as_of_dates.as_of_date,
        shop_months.month_as_of_date,
        shop_months.orders
    from as_of_dates
    inner join shop_months
        on
            as_of_dates.as_of_date >= shop_months.month_as_of_date
            and shop_months.month_as_of_date > {{ add_days('as_of_dates.as_of_date', -364) }}

),

shop_orders as (

    select
        as_of_date,
        sum(orders) as orders
    from windows
    group by as_of_date

),

product_orders as (

    select
        product_months.product_id,
        windows.as_of_date,
        sum(product_months.orders) as orders
    from product_months
    inner join windows
        on product_months.month_as_of_date = windows.month_as_of_date
    group by product_months.product_id, windows.as_of_date

),

-- Most pairs of a large shop met once or twice, which is chance: they would be most of the rows.
pair_orders as (

    select
        pair_months.product_id,
        pair_months.other_product_id,
        windows.as_of_date,
        sum(pair_months.orders) as orders
    from pair_months
    inner join windows
        on pair_months.month_as_of_date = windows.month_as_of_date
    group by pair_months.product_id, pair_months.other_product_id, windows.as_of_date
    having sum(pair_months.orders) >= {{ var('trendhouse_bought_together_orders') }}

),

final as (

    select
        pair_orders.product_id,
        pair_orders.other_product_id,
        cast(pair_orders.orders as bigint) as orders_together_364d,
        cast(product_orders.orders as bigint) as orders_364d,
        cast(other_orders.orders as bigint) as other_orders_364d,
        cast(shop_orders.orders as bigint) as shop_orders_364d,
        pair_orders.as_of_date
    from pair_orders
    inner join product_orders
        on
            pair_orders.product_id = product_orders.product_id
            and pair_orders.as_of_date = product_orders.as_of_date
    inner join product_orders as other_orders
        on
            pair_orders.other_product_id = other_orders.product_id
            and pair_orders.as_of_date = other_orders.as_of_date
    inner join shop_orders
        on pair_orders.as_of_date = shop_orders.as_of_date

)

select * from final

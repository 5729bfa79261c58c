with orders as (

    select
        order_id,
        customer_id,
        coupon_code,
        device_id,
        ip_address_hash,
        ship_address_hash,
        order_status,
        channel,
        region,
        payment_method,
        is_guest,
        is_cancelled,
        ordered_at,
        paid_at,
        delivered_at
    from {{ ref('stg_shop__orders') }}

),

order_items as (

    select
        order_id,
        quantity,
        gross_amount,
        discount_amount,
        net_amount
    from {{ ref('fct_order_items') }}

),

-- Rounded, because sums of fractions differ in the last digit with the order of the rows, and two builds must be equal.
order_totals as (

    select
        order_id,
        count(*) as item_count,
        round(sum(quantity), 6) as units,
        round(sum(gross_amount), 6) as gross_amount,
        round(sum(discount_amount), 6) as discount_amount,
        round(sum(net_amount), 6) as net_amount
    from order_items
    group by order_id

),

final as (

    select
        orders.order_id,
        orders.customer_id,
        orders.coupon_code,
        orders.device_id,
        orders.ip_address_hash,
        orders.ship_address_hash,
        orders.order_status,
        orders.channel,
        orders.region,
        orders.payment_method,
        coalesce(order_totals.item_count, 0) as item_count,
        coalesce(order_totals.units, 0) as units,
        coalesce(order_totals.gross_amount, 0) as gross_amount,
        coalesce(order_totals.discount_amount, 0) as discount_amount,
        coalesce(order_totals.net_amount, 0) as net_amount,
        orders.is_guest,
        orders.is_cancelled,
        not orders.is_cancelled as is_sale,
        cast(orders.ordered_at as date) as order_date,
        orders.ordered_at,
        orders.paid_at,
        orders.delivered_at
    from orders
    left join order_totals
        on orders.order_id = order_totals.order_id

)

select * from final

with

base as (
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
    from {{ ref('base_shop__orders') }}
    where duplicate_rank = 1
)

select * from base

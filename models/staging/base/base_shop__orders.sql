with

source as (
    {{ shop_source('orders') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'ordered_at lies in the future': 'ordered_at >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- An order loaded twice counts once: the copy that knows most of its way (delivered, paid) stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by order_id, reject_reasons is null
            order by delivered_at nulls last, paid_at nulls last, {{ shop_column_order('orders') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        order_id,
        customer_id,
        upper(coupon_code) as coupon_code,
        device_id,
        {{ keyed_hash('ip_address') }} as ip_address_hash,
        {{ keyed_hash('lower(ship_address)') }} as ship_address_hash,
        lower(status) as order_status,
        lower(channel) as channel,
        lower(region) as region,
        lower(payment_method) as payment_method,
        customer_id is null as is_guest,
        coalesce(lower(status) in ('cancelled', 'canceled', 'void', 'failed', 'fraud'), false) as is_cancelled,
        ordered_at,
        paid_at,
        delivered_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('orders') }} end as raw_row
    from ranked
)

select * from final

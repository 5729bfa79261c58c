with

source as (
    {{ shop_source('coupons') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'issued_at lies in the future': 'issued_at >= ' ~ future_begins_at(),
            'redeemed_at lies before issued_at': 'redeemed_at < issued_at',
        }) }} as reject_reasons
    from source
),

-- A coupon loaded twice counts once: the copy that knows of its redemption stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by upper(coupon_code), campaign_id, customer_id, issued_at, reject_reasons is null
            order by redeemed_at nulls last, {{ shop_column_order('coupons') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        {{ row_hash(['upper(coupon_code)', 'campaign_id', 'customer_id', 'issued_at']) }} as coupon_issue_id,
        upper(coupon_code) as coupon_code,
        campaign_id,
        customer_id,
        order_id,
        issued_at,
        redeemed_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('coupons') }} end as raw_row
    from ranked
)

select * from final

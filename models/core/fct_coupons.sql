with staged as (

    select
        coupon_issue_id,
        coupon_code,
        campaign_id,
        customer_id,
        order_id,
        issued_at,
        redeemed_at
    from {{ ref('stg_shop__coupons') }}

),

final as (

    select
        coupon_issue_id,
        coupon_code,
        campaign_id,
        customer_id,
        order_id,
        cast(issued_at as date) as issue_date,
        cast(redeemed_at as date) as redemption_date,
        issued_at,
        redeemed_at
    from staged

)

select * from final

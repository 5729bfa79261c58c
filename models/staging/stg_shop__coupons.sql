with

base as (
    select
        coupon_issue_id,
        coupon_code,
        campaign_id,
        customer_id,
        order_id,
        issued_at,
        redeemed_at
    from {{ ref('base_shop__coupons') }}
    where duplicate_rank = 1
)

select * from base

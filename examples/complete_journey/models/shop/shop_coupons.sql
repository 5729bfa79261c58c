with

campaigns as (
    select * from {{ source('raw', 'campaigns') }}
),

campaign_descriptions as (
    select * from {{ source('raw', 'campaign_descriptions') }}
),

coupons as (
    select distinct
        campaign_id,
        coupon_upc
    from {{ source('raw', 'coupons') }}
),

redemptions as (
    select * from {{ source('raw', 'coupon_redemptions') }}
),

-- Campaigns of types B and C send every household all their coupons. Type A sends each household 16 of about 200, and the data does not say
-- which: of those only the redeemed ones are known.
issued as (
    select
        campaigns.household_id,
        campaigns.campaign_id,
        coupons.coupon_upc
    from campaigns
    inner join campaign_descriptions on campaigns.campaign_id = campaign_descriptions.campaign_id
    inner join coupons on campaigns.campaign_id = coupons.campaign_id
    where campaign_descriptions.campaign_type != 'Type A'

    union

    select
        household_id,
        campaign_id,
        coupon_upc
    from redemptions
),

-- In 27 cases a household redeemed the same coupon again; Trendhouse keeps the first redemption and counts the other as a duplicate.
final as (
    select
        issued.coupon_upc as coupon_code,
        issued.campaign_id,
        issued.household_id as customer_id,
        campaign_descriptions.start_date as issued_at,
        redemptions.redemption_date as redeemed_at
    from issued
    inner join campaign_descriptions on issued.campaign_id = campaign_descriptions.campaign_id
    left join redemptions
        on
            issued.household_id = redemptions.household_id
            and issued.campaign_id = redemptions.campaign_id
            and issued.coupon_upc = redemptions.coupon_upc
)

select * from final

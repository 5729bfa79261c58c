with

base as (
    select
        ad_spend_id,
        campaign_id,
        channel,
        impressions,
        clicks,
        cost_amount,
        conversions,
        spend_date
    from {{ ref('base_shop__ad_spend_daily') }}
    where duplicate_rank = 1
)

select * from base

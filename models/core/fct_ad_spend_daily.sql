with final as (

    select
        ad_spend_id,
        campaign_id,
        channel,
        impressions,
        clicks,
        cost_amount,
        conversions,
        spend_date
    from {{ ref('stg_shop__ad_spend_daily') }}

)

select * from final

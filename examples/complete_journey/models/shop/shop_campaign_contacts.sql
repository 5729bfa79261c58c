with

campaigns as (
    select * from {{ source('raw', 'campaigns') }}
),

campaign_descriptions as (
    select * from {{ source('raw', 'campaign_descriptions') }}
),

-- The data says who was sent a campaign, not when, nor was anyone held out: the first day of the campaign counts.
final as (
    select
        campaigns.campaign_id,
        campaigns.household_id as customer_id,
        campaign_descriptions.start_date as contacted_at,
        false as is_holdout
    from campaigns
    left join campaign_descriptions on campaigns.campaign_id = campaign_descriptions.campaign_id
)

select * from final

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

demand as (

    select
        product_id,
        feature,
        sentence,
        rank,
        contribution_units,
        as_of_date,
        target_date
    from {{ ref('ml_demand__reasons') }}

),

campaigns as (

    select
        campaign_id,
        campaign_name,
        discount_rate,
        start_date,
        end_date
    from {{ ref('dim_campaigns') }}

),

-- The campaign of the day of which the sentence speaks: of several, the one with the largest discount, then the latest begun.
named_campaigns as (

    select
        demand.product_id,
        demand.rank,
        campaigns.campaign_name,
        row_number() over (
            partition by demand.product_id, demand.as_of_date, demand.rank
            order by coalesce(campaigns.discount_rate, 0) desc nulls last, campaigns.start_date desc nulls last, campaigns.campaign_id asc nulls last
        ) as campaign_rank,
        demand.as_of_date
    from demand
    inner join campaigns
        on demand.target_date between campaigns.start_date and campaigns.end_date
    where demand.feature = 'campaign'

),

final as (

    select
        'pred_demand_daily' as prediction,
        demand.product_id as entity_id,
        demand.feature,
        demand.sentence || coalesce(' (' || named_campaigns.campaign_name || ')', '') as sentence,
        demand.rank,
        demand.contribution_units as contribution,
        demand.as_of_date
    from demand
    inner join as_of
        on demand.as_of_date = as_of.as_of_date
    left join named_campaigns
        on
            demand.product_id = named_campaigns.product_id
            and demand.as_of_date = named_campaigns.as_of_date
            and demand.rank = named_campaigns.rank
            and named_campaigns.campaign_rank = 1

)

select * from final

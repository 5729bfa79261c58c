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
        as_of_date
    from {{ ref('ml_demand__reasons') }}

),

final as (

    select
        'pred_demand_daily' as prediction,
        demand.product_id as entity_id,
        demand.feature,
        demand.sentence,
        demand.rank,
        demand.contribution_units as contribution,
        demand.as_of_date
    from demand
    inner join as_of
        on demand.as_of_date = as_of.as_of_date

)

select * from final

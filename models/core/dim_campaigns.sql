with staged as (

    select
        campaign_id,
        campaign_name,
        campaign_kind,
        channel,
        budget_amount,
        discount_rate,
        starts_at,
        ends_at
    from {{ ref('stg_shop__campaigns') }}

),

final as (

    select
        campaign_id,
        campaign_name,
        campaign_kind,
        channel,
        budget_amount,
        discount_rate,
        cast(starts_at as date) as start_date,
        cast(ends_at as date) as end_date,
        starts_at,
        ends_at
    from staged

)

select * from final

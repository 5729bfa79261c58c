with staged as (

    select
        campaign_contact_id,
        campaign_id,
        customer_id,
        is_holdout,
        contacted_at
    from {{ ref('stg_shop__campaign_contacts') }}

),

final as (

    select
        campaign_contact_id,
        campaign_id,
        customer_id,
        is_holdout,
        cast(contacted_at as date) as contact_date,
        contacted_at
    from staged

)

select * from final

with staged as (

    select
        event_id,
        session_id,
        customer_id,
        product_id,
        device_id,
        event_type,
        search_term,
        occurred_at
    from {{ ref('stg_shop__events') }}

),

final as (

    select
        event_id,
        session_id,
        customer_id,
        product_id,
        device_id,
        event_type,
        search_term,
        cast(occurred_at as date) as event_date,
        occurred_at
    from staged

)

select * from final

with staged as (

    select
        confirmed_fraud_id,
        order_id,
        seller_id,
        fraud_kind,
        confirmed_at
    from {{ ref('stg_shop__confirmed_fraud') }}

),

final as (

    select
        confirmed_fraud_id,
        order_id,
        seller_id,
        fraud_kind,
        cast(confirmed_at as date) as confirmed_date,
        confirmed_at
    from staged

)

select * from final

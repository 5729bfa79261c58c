with staged as (

    select
        promotion_id,
        product_id,
        promotion_kind,
        discount_rate,
        starts_at,
        ends_at
    from {{ ref('stg_shop__promotions') }}

),

final as (

    select
        promotion_id,
        product_id,
        promotion_kind,
        discount_rate,
        cast(starts_at as date) as start_date,
        cast(ends_at as date) as end_date,
        starts_at,
        ends_at
    from staged

)

select * from final

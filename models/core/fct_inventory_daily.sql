with final as (

    select
        product_id,
        on_hand,
        on_order,
        lead_time_days,
        inventory_date
    from {{ ref('stg_shop__inventory_daily') }}

)

select * from final

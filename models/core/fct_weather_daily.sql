with final as (

    select
        region,
        temperature_c,
        humidity,
        rainfall_mm,
        weather_date
    from {{ ref('stg_shop__weather_daily') }}

)

select * from final

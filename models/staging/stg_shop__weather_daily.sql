with

base as (
    select
        region,
        temperature_c,
        humidity,
        rainfall_mm,
        weather_date
    from {{ ref('base_shop__weather_daily') }}
    where duplicate_rank = 1
)

select * from base

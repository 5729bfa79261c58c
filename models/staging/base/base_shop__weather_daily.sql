with

source as (
    {{ shop_source('weather_daily') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'humidity is not between 0 and 100': 'humidity not between 0 and 100',
            'rainfall_mm is negative': 'rainfall_mm < 0',
            'temperature_c is not between -90 and 60': 'temperature_c not between -90 and 60',
            'date lies in the future': 'date >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A day reported twice counts once.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by date, lower(region), reject_reasons is null
            order by {{ shop_column_order('weather_daily') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        lower(region) as region,
        temperature_c,
        humidity,
        rainfall_mm,
        date as weather_date,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('weather_daily') }} end as raw_row
    from ranked
)

select * from final

with

source as (
    {{ shop_source('inventory_daily') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'on_hand is negative': 'on_hand < 0',
            'on_order is negative': 'on_order < 0',
            'lead_time_days is negative': 'lead_time_days < 0',
            'date lies in the future': 'date >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A day reported twice counts once: the lower, safer count stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by date, product_id, reject_reasons is null
            order by on_hand nulls last, {{ shop_column_order('inventory_daily') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        product_id,
        on_hand,
        on_order,
        lead_time_days,
        date as inventory_date,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('inventory_daily') }} end as raw_row
    from ranked
)

select * from final

with

source as (
    {{ shop_source('sellers') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'joined_at lies in the future': 'joined_at >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A seller loaded twice counts once: the oldest, fullest entry stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by seller_id, reject_reasons is null
            order by joined_at nulls last, {{ shop_column_order('sellers') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        seller_id,
        name as seller_name,
        lower(category) as category,
        joined_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('sellers') }} end as raw_row
    from ranked
)

select * from final

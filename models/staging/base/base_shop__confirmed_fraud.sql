with

source as (
    {{ shop_source('confirmed_fraud') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'neither order_id nor seller_id is given': 'order_id is null and seller_id is null',
            'confirmed_at lies in the future': 'confirmed_at >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A finding reported twice counts once: the first stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by order_id, seller_id, lower(kind), reject_reasons is null
            order by confirmed_at nulls last, {{ shop_column_order('confirmed_fraud') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        {{ row_hash(['order_id', 'seller_id', 'lower(kind)']) }} as confirmed_fraud_id,
        order_id,
        seller_id,
        lower(kind) as fraud_kind,
        confirmed_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('confirmed_fraud') }} end as raw_row
    from ranked
)

select * from final

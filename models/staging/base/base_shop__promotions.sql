with

source as (
    {{ shop_source('promotions') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'ends_at lies before starts_at': 'ends_at < starts_at',
            'discount_rate is not between 0 and 1': 'discount_rate not between 0 and 1',
        }) }} as reject_reasons
    from source
),

-- The same product, kind and period twice counts once: the deeper discount stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by product_id, lower(kind), starts_at, ends_at, reject_reasons is null
            order by discount_rate desc nulls last, {{ shop_column_order('promotions') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        {{ row_hash(['product_id', 'lower(kind)', 'starts_at', 'ends_at']) }} as promotion_id,
        product_id,
        lower(kind) as promotion_kind,
        discount_rate,
        starts_at,
        ends_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('promotions') }} end as raw_row
    from ranked
)

select * from final

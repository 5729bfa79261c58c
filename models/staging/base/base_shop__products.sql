with

source as (
    {{ shop_source('products') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'list_price is negative': 'list_price < 0',
            'unit_cost is negative': 'unit_cost < 0',
            'launched_at lies in the future': 'launched_at >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A product loaded twice counts once: the fullest, oldest entry stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by product_id, reject_reasons is null
            order by launched_at nulls last, {{ shop_column_order('products') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        product_id,
        seller_id,
        name as product_name,
        description as product_description,
        lower(brand) as brand,
        {{ regex_replace('lower(category)', '\\s*>\\s*', ' > ') }} as category_path,
        image_url,
        list_price as list_price_amount,
        unit_cost as unit_cost_amount,
        launched_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('products') }} end as raw_row
    from ranked
)

select * from final

with

source as (
    {{ shop_source('order_items') }}
),

orders as (
    select order_id from {{ ref('base_shop__orders') }}
    where duplicate_rank = 1
),

-- A line without its order has no date, so nothing can be done with it: the one place where staging looks at a second table.
linked as (
    select
        source.*,
        orders.order_id is null as is_orphan,
        coalesce(
            source.order_item_id,
            {{ row_hash([
                'source.order_id', 'source.product_id', 'source.quantity',
                'source.unit_price', 'source.discount_amount', 'source.returned_quantity',
            ]) }}
        ) as order_item_key
    from source
    left join orders on source.order_id = orders.order_id
),

judged as (
    select
        *,
        {{ reject_reasons({
            'quantity is not above zero': 'quantity <= 0',
            'unit_price is negative': 'unit_price < 0',
            'discount_amount is negative': 'discount_amount < 0',
            'returned_quantity is negative': 'returned_quantity < 0',
            'order_id belongs to no kept order': 'is_orphan and order_id is not null',
        }) }} as reject_reasons
    from linked
),

-- A line loaded twice counts once.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by order_item_key, reject_reasons is null
            order by {{ shop_column_order('order_items') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        order_item_key as order_item_id,
        order_id,
        product_id,
        quantity,
        unit_price as unit_price_amount,
        coalesce(discount_amount, 0) as discount_amount,
        coalesce(returned_quantity, 0) as returned_quantity,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('order_items') }} end as raw_row
    from ranked
)

select * from final

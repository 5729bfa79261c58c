with

source as (
    {{ shop_source('reviews') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'rating is not between 1 and 5': 'rating not between 1 and 5',
            'created_at lies in the future': 'created_at >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A review sent twice counts once: the first stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by review_id, reject_reasons is null
            order by created_at nulls last, {{ shop_column_order('reviews') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        review_id,
        order_id,
        customer_id,
        product_id,
        {{ keyed_hash(plain_words('body')) }} as body_hash,
        {{ keyed_shingle_hashes('body') }} as body_shingle_hashes,
        rating,
        length({{ plain_words('body') }}) - length(replace({{ plain_words('body') }}, ' ', '')) + 1 as body_word_count,
        created_at as reviewed_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('reviews') }} end as raw_row
    from ranked
)

select * from final

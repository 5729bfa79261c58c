with

base as (
    select
        review_id,
        order_id,
        customer_id,
        product_id,
        body_hash,
        body_shingle_hashes,
        rating,
        body_word_count,
        reviewed_at
    from {{ ref('base_shop__reviews') }}
    where duplicate_rank = 1
)

select * from base

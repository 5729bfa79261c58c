with staged as (

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
    from {{ ref('stg_shop__reviews') }}

),

final as (

    select
        review_id,
        order_id,
        customer_id,
        product_id,
        body_hash,
        body_shingle_hashes,
        rating,
        body_word_count,
        cast(reviewed_at as date) as review_date,
        reviewed_at
    from staged

)

select * from final

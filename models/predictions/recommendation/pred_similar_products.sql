with neighbours as (

    select
        product_id,
        other_product_id,
        fallback_level,
        shared_words,
        place,
        score,
        behaviour_similarity,
        content_similarity,
        behaviour_weight,
        expected_similarity,
        behaviour_fit_id,
        content_fit_id,
        as_of_date
    from {{ ref('ml_recommendation__similar_products') }}

),

products as (

    select
        product_id,
        category,
        subcategory,
        brand
    from {{ ref('dim_products') }}

),

compared as (

    select
        neighbours.*,
        products.category = others.category and products.category <> 'unknown' as is_same_category,
        coalesce(products.category = others.category and products.subcategory = others.subcategory, false) as is_same_subcategory,
        coalesce(products.brand = others.brand, false) as is_same_brand
    from neighbours
    inner join products
        on neighbours.product_id = products.product_id
    inner join products as others
        on neighbours.other_product_id = others.product_id

),

-- The first that holds, from what says most about the pair.
final as (

    select
        product_id,
        other_product_id,
        behaviour_fit_id,
        content_fit_id,
        fallback_level,
        case
            when fallback_level = 'behaviour' then 'Looked at or bought by the same customers.'
            when fallback_level = 'category' then 'Popular in the same category.'
            when fallback_level = 'global' then 'Popular in the shop.'
            when is_same_brand and is_same_subcategory then 'Same brand and kind of product.'
            when is_same_brand and is_same_category then 'Same brand and category.'
            when is_same_subcategory then 'Same kind of product' || coalesce(', both described by: ' || shared_words, '') || '.'
            when is_same_brand then 'Same brand.'
            when is_same_category then 'Same category' || coalesce(', both described by: ' || shared_words, '') || '.'
            when shared_words is not null then 'Both described by: ' || shared_words || '.'
            else 'Alike in description or price.'
        end as reason,
        place,
        score,
        content_similarity,
        behaviour_similarity,
        behaviour_weight,
        expected_similarity,
        as_of_date
    from compared

)

select * from final

with products as (

    select
        product_id,
        seller_id,
        category,
        subcategory
    from {{ ref('dim_products') }}

),

-- Unknown is a node like any other: without it the levels would not add up to the same total. Subcategories of one name in two categories
-- are two nodes.
final as (

    select
        product_id,
        'total' as total,
        coalesce(seller_id, 'unknown') as seller,
        category,
        category || ' > ' || coalesce(subcategory, 'unknown') as subcategory
    from products

)

select * from final

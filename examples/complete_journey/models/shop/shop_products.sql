with

products as (
    select * from {{ source('raw', 'products') }}
),

final as (
    select
        product_id,
        product_type || coalesce(', ' || package_size, '') as name,
        concat_ws(' > ', department, product_category, product_type) as category,
        -- The data names brands only as national or the shop's own; the maker's number tells them apart.
        brand || ' ' || manufacturer_id as brand
    from products
)

select * from final

with vectors as (

    select
        product_id,
        dimension,
        value,
        fit_id,
        as_of_date
    from {{ ref('ml_recommendation__product_vectors') }}

),

shown as (

    select
        product_id,
        rest_days,
        is_shown
    from {{ ref('ml_recommendation__shown_products') }}

),

final as (

    select
        vectors.product_id,
        vectors.fit_id,
        vectors.dimension,
        vectors.value,
        shown.rest_days,
        shown.is_shown,
        vectors.as_of_date
    from vectors
    inner join shown
        on vectors.product_id = shown.product_id

)

select * from final

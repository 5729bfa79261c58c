with estimates as (

    select
        product_id,
        category,
        subcategory,
        category_path,
        fallback_level,
        elasticity,
        elasticity_sd,
        p10_elasticity,
        p90_elasticity,
        own_weight_rate,
        promotion_lift_ratio,
        p10_promotion_lift_ratio,
        p90_promotion_lift_ratio,
        price_amount,
        lowest_price_amount,
        highest_price_amount,
        prices,
        units,
        exposure_days,
        is_identified,
        statement,
        as_of_date
    from {{ ref('ml_pricing__elasticities') }}

)

select * from estimates

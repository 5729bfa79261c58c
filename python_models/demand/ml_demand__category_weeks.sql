with judged as (

    select
        fit_id,
        product_id,
        horizon_week,
        actual_units,
        mean_units,
        as_of_date
    from {{ ref('ml_demand__judged_days') }}

),

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

-- Rounded, because the last digit of a sum of fractions depends on the order of the rows, and two builds must be equal.
final as (

    select
        judged.fit_id,
        products.category,
        judged.horizon_week,
        round(sum(judged.actual_units), 6) as actual_units,
        round(sum(judged.mean_units), 6) as mean_units,
        judged.as_of_date
    from judged
    inner join products
        on judged.product_id = products.product_id
    group by judged.fit_id, products.category, judged.horizon_week, judged.as_of_date

)

select * from final

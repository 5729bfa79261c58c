with as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where
        is_monthly
        and weeks_ago <= 24

),

products as (

    select
        products.product_id,
        products.seller_id,
        products.category,
        products.age_days,
        products.units_84d,
        products.views_84d,
        products.price_amount,
        products.reviews_total,
        products.rating_mean,
        products.as_of_date
    from {{ ref('feat_recommendation_products') }} as products
    inner join as_of_dates
        on products.as_of_date = as_of_dates.as_of_date
    where products.seller_id is not null

),

interactions as (

    select
        customer_id,
        product_id,
        purchases_364d,
        as_of_date
    from {{ ref('feat_recommendation_interactions') }}

),

category_products as (

    select
        seller_id,
        as_of_date,
        category,
        count(*) as products
    from products
    group by seller_id, as_of_date, category

),

-- Of equally large categories the first by name.
main_categories as (

    select
        seller_id,
        as_of_date,
        category,
        products
    from (
        select
            category_products.*,
            row_number() over (
                partition by seller_id, as_of_date order by products desc nulls last, category asc nulls last
            ) as place
        from category_products
    ) as placed
    where place = 1

),

catalogues as (

    select
        seller_id,
        as_of_date,
        count(*) as products,
        count(case when age_days <= 84 then 1 end) as new_products_84d,
        count(distinct category) as categories,
        median(price_amount) as price_median_amount,
        round(sum(units_84d), 6) as units_84d,
        sum(views_84d) as views_84d,
        sum(reviews_total) as reviews_total,
        round(sum(rating_mean * reviews_total), 6) as rating_sum,
        sum(case when rating_mean is not null then reviews_total end) as ratings_total
    from products
    group by seller_id, as_of_date

),

customers as (

    select
        products.seller_id,
        products.as_of_date,
        count(distinct interactions.customer_id) as customers_met_364d,
        count(distinct case when interactions.purchases_364d > 0 then interactions.customer_id end) as customers_364d
    from interactions
    inner join products
        on
            interactions.product_id = products.product_id
            and interactions.as_of_date = products.as_of_date
    group by products.seller_id, products.as_of_date

),

final as (

    select
        catalogues.seller_id,
        main_categories.category as main_category,
        {{ safe_divide('main_categories.products', 'catalogues.products') }} as main_category_share,
        catalogues.products,
        catalogues.new_products_84d,
        catalogues.categories,
        catalogues.price_median_amount,
        catalogues.units_84d,
        cast(catalogues.views_84d as bigint) as views_84d,
        coalesce(customers.customers_met_364d, 0) as customers_met_364d,
        coalesce(customers.customers_364d, 0) as customers_364d,
        cast(catalogues.reviews_total as bigint) as reviews_total,
        {{ safe_divide('catalogues.rating_sum', 'catalogues.ratings_total') }} as rating_mean,
        catalogues.as_of_date
    from catalogues
    inner join main_categories
        on
            catalogues.seller_id = main_categories.seller_id
            and catalogues.as_of_date = main_categories.as_of_date
    left join customers
        on
            catalogues.seller_id = customers.seller_id
            and catalogues.as_of_date = customers.as_of_date

)

select * from final

{# Buyers that the shop's rate is worth in a category's, and the category's in a product's. #}
{% set prior_buyers = 20 %}

with repeats as (

    select
        customer_id,
        product_id,
        baskets_364d,
        baskets_28d,
        gap_mean_days,
        customer_baskets_364d,
        customer_baskets_28d,
        as_of_date
    from {{ ref('feat_recommendation_repeats') }}

),

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

customers as (

    select
        customer_id,
        max(customer_baskets_364d) as baskets_364d,
        max(customer_baskets_28d) as baskets_28d,
        as_of_date
    from repeats
    group by customer_id, as_of_date

),

shop as (

    select
        sum(baskets_364d) as baskets_364d,
        sum(baskets_28d) as baskets_28d,
        as_of_date
    from customers
    group by as_of_date

),

-- The days of each buyer weigh the same. Decimals add up to the same sum in any order, so that two builds are equal.
product_buyers as (

    select
        repeats.product_id,
        products.category,
        sum(repeats.baskets_364d) as baskets_364d,
        sum(repeats.baskets_28d) as baskets_28d,
        count(*) as buyers,
        count(case when repeats.baskets_364d > 1 then 1 end) as repeat_buyers,
        round(avg(cast(repeats.gap_mean_days as decimal(18, 6))), 6) as gap_mean_days,
        repeats.as_of_date
    from repeats
    left join products
        on repeats.product_id = products.product_id
    group by repeats.product_id, products.category, repeats.as_of_date

),

summed as (

    select
        product_buyers.product_id,
        product_buyers.baskets_364d,
        product_buyers.baskets_28d,
        product_buyers.buyers,
        product_buyers.repeat_buyers,
        product_buyers.gap_mean_days,
        shop.baskets_364d as shop_baskets_364d,
        shop.baskets_28d as shop_baskets_28d,
        sum(product_buyers.repeat_buyers) over category_row as category_repeat_buyers,
        sum(product_buyers.buyers) over category_row as category_buyers,
        {{ safe_divide('sum(product_buyers.repeat_buyers) over shop_row', 'sum(product_buyers.buyers) over shop_row') }} as shop_repeat_rate,
        product_buyers.as_of_date
    from product_buyers
    inner join shop
        on product_buyers.as_of_date = shop.as_of_date
    window
        shop_row as (partition by product_buyers.as_of_date),
        category_row as (partition by product_buyers.as_of_date, product_buyers.category)

),

rated as (

    select
        summed.*,
        {{ safe_divide('category_repeat_buyers + ' ~ prior_buyers ~ ' * shop_repeat_rate', 'category_buyers + ' ~ prior_buyers) }}
            as category_repeat_rate
    from summed

),

final as (

    select
        product_id,
        round({{ safe_divide('baskets_364d', 'shop_baskets_364d') }}, 9) as basket_rate_364d,
        round(coalesce({{ safe_divide('baskets_28d', 'shop_baskets_28d') }}, 0), 9) as basket_rate_28d,
        cast(buyers as bigint) as buyers_364d,
        round({{ safe_divide('repeat_buyers + ' ~ prior_buyers ~ ' * category_repeat_rate', 'buyers + ' ~ prior_buyers) }}, 9) as repeat_rate,
        round(category_repeat_rate, 9) as category_repeat_rate,
        gap_mean_days,
        as_of_date
    from rated

)

select * from final

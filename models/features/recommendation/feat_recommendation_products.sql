with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where is_monthly

),

products as (

    select
        product_id,
        seller_id,
        brand,
        category,
        subcategory,
        list_price_amount,
        launched_date
    from {{ ref('dim_products') }}

),

order_items as (

    select
        product_id,
        -- A guest leaves no name: each guest order counts as one customer.
        coalesce(customer_id, order_id) as buyer_id,
        quantity,
        net_amount,
        order_date
    from {{ ref('fct_order_items') }}
    where is_sale

),

events as (

    select
        product_id,
        event_type,
        event_date
    from {{ ref('fct_events') }}
    where product_id is not null

),

reviews as (

    select
        product_id,
        rating,
        review_date
    from {{ ref('fct_reviews') }}

),

inventory as (

    select
        product_id,
        on_hand,
        inventory_date
    from {{ ref('fct_inventory_daily') }}

),

-- Every 28 days since the launch, further back than the grid where history is longer, so that windows over rows are windows over time.
months as (

    select spine.date_day as month_as_of_date
    from {{ date_spine_between('(select min(launched_date) from products)', '(select as_of_date from as_of)') }} as spine
    cross join as_of
    where mod({{ days_between('spine.date_day', 'as_of.as_of_date') }}, 28) = 0

),

product_months as (

    select
        products.product_id,
        months.month_as_of_date
    from products
    inner join months
        on products.launched_date < months.month_as_of_date

),

-- ---- What each block of 28 days brought. ----
order_months as (

    select
        order_items.product_id,
        {{ grid_date('order_items.order_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        round(sum(order_items.quantity), 6) as units,
        round(sum(order_items.net_amount), 6) as net_amount,
        count(distinct order_items.buyer_id) as customers,
        max(order_items.order_date) as last_sale_date
    from order_items
    cross join as_of
    where order_items.order_date < as_of.as_of_date
    group by order_items.product_id, month_as_of_date

),

event_months as (

    select
        events.product_id,
        {{ grid_date('events.event_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(case when events.event_type = 'view' then 1 end) as views,
        count(case when events.event_type = 'favourite' then 1 end) as favourites,
        count(case when events.event_type = 'add_to_cart' then 1 end) as add_to_carts
    from events
    cross join as_of
    where events.event_date < as_of.as_of_date
    group by events.product_id, month_as_of_date

),

review_months as (

    select
        reviews.product_id,
        {{ grid_date('reviews.review_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(*) as reviews,
        count(reviews.rating) as ratings,
        round(sum(reviews.rating), 6) as rating_sum
    from reviews
    cross join as_of
    where reviews.review_date < as_of.as_of_date
    group by reviews.product_id, month_as_of_date

),

inventory_months as (

    select
        inventory.product_id,
        {{ grid_date('inventory.inventory_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        max_by(inventory.on_hand, inventory.inventory_date) as on_hand
    from inventory
    cross join as_of
    where
        inventory.inventory_date < as_of.as_of_date
        and inventory.on_hand is not null
    group by inventory.product_id, month_as_of_date

),

joined as (

    select
        product_months.product_id,
        product_months.month_as_of_date,
        coalesce(order_months.units, 0) as units,
        coalesce(order_months.net_amount, 0) as net_amount,
        coalesce(order_months.customers, 0) as customers,
        order_months.last_sale_date,
        coalesce(event_months.views, 0) as views,
        coalesce(event_months.favourites, 0) as favourites,
        coalesce(event_months.add_to_carts, 0) as add_to_carts,
        coalesce(review_months.reviews, 0) as reviews,
        coalesce(review_months.ratings, 0) as ratings,
        coalesce(review_months.rating_sum, 0) as rating_sum,
        inventory_months.on_hand
    from product_months
    left join order_months
        on
            product_months.product_id = order_months.product_id
            and product_months.month_as_of_date = order_months.month_as_of_date
    left join event_months
        on
            product_months.product_id = event_months.product_id
            and product_months.month_as_of_date = event_months.month_as_of_date
    left join review_months
        on
            product_months.product_id = review_months.product_id
            and product_months.month_as_of_date = review_months.month_as_of_date
    left join inventory_months
        on
            product_months.product_id = inventory_months.product_id
            and product_months.month_as_of_date = inventory_months.month_as_of_date

),

windowed as (

    select
        product_id,
        month_as_of_date,
        max(last_sale_date) over so_far as last_sale_date,
        units as units_28d,
        sum(units) over last_3_months as units_84d,
        sum(units) over last_13_months as units_364d,
        sum(net_amount) over last_3_months as net_amount_84d,
        customers as customers_28d,
        views as views_28d,
        sum(views) over last_3_months as views_84d,
        sum(favourites) over last_3_months as favourites_84d,
        sum(add_to_carts) over last_3_months as add_to_carts_84d,
        sum(reviews) over so_far as reviews_total,
        sum(ratings) over so_far as ratings_total,
        sum(rating_sum) over so_far as rating_sum_total,
        on_hand
    from joined
    window
        last_3_months as (partition by product_id order by month_as_of_date asc nulls last rows between 2 preceding and current row),
        last_13_months as (partition by product_id order by month_as_of_date asc nulls last rows between 12 preceding and current row),
        so_far as (partition by product_id order by month_as_of_date asc nulls last rows between unbounded preceding and current row)

),

snapshots as (

    select
        windowed.*,
        products.seller_id,
        products.category,
        coalesce(products.subcategory, 'unknown') as subcategory,
        coalesce(products.brand, 'unknown') as brand,
        products.list_price_amount,
        products.launched_date
    from windowed
    inner join as_of_dates
        on windowed.month_as_of_date = as_of_dates.as_of_date
    inner join products
        on windowed.product_id = products.product_id

),

-- The mean of all ratings known on the date, towards which a product with few ratings is drawn.
shop_ratings as (

    select
        month_as_of_date,
        {{ safe_divide('sum(rating_sum_total)', 'sum(ratings_total)') }} as rating_mean
    from snapshots
    group by month_as_of_date

),

final as (

    select
        snapshots.product_id,
        snapshots.seller_id,
        snapshots.category,
        snapshots.subcategory,
        snapshots.brand,
        {{ days_between('snapshots.launched_date', 'snapshots.month_as_of_date') }} as age_days,
        {{ days_between('snapshots.last_sale_date', 'snapshots.month_as_of_date') }} as days_since_last_sale,
        -- How much it sells.
        snapshots.units_28d,
        snapshots.units_84d,
        snapshots.units_364d,
        cast(snapshots.customers_28d as bigint) as customers_28d,
        -- 1 when the last 28 days are the average 28 days of the last 84.
        {{ safe_divide('3 * snapshots.units_28d', 'snapshots.units_84d') }} as units_trend_ratio,
        percent_rank() over (
            partition by snapshots.month_as_of_date order by snapshots.units_84d asc nulls last, snapshots.views_84d asc nulls last
        ) as popularity_rank,
        percent_rank() over (
            partition by snapshots.month_as_of_date, snapshots.category
            order by snapshots.units_84d asc nulls last, snapshots.views_84d asc nulls last
        ) as category_popularity_rank,
        -- What it costs.
        coalesce({{ safe_divide('snapshots.net_amount_84d', 'snapshots.units_84d') }}, snapshots.list_price_amount) as price_amount,
        -- Who looks at it.
        cast(snapshots.views_28d as bigint) as views_28d,
        cast(snapshots.views_84d as bigint) as views_84d,
        cast(snapshots.favourites_84d as bigint) as favourites_84d,
        cast(snapshots.add_to_carts_84d as bigint) as add_to_carts_84d,
        {{ safe_divide('snapshots.add_to_carts_84d', 'snapshots.views_84d') }} as add_to_cart_rate_84d,
        -- What buyers say: five ratings' worth of the shop's mean are mixed in.
        cast(snapshots.reviews_total as bigint) as reviews_total,
        {{ safe_divide('snapshots.rating_sum_total', 'snapshots.ratings_total') }} as rating_mean,
        (snapshots.rating_sum_total + 5 * shop_ratings.rating_mean) / (snapshots.ratings_total + 5) as rating_shrunk_mean,
        -- How much is left.
        snapshots.on_hand,
        snapshots.month_as_of_date as as_of_date
    from snapshots
    inner join shop_ratings
        on snapshots.month_as_of_date = shop_ratings.month_as_of_date

)

select * from final

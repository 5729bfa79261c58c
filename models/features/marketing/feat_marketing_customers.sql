with as_of as (

    select
        as_of_date,
        first_order_date
    from {{ ref('dim_as_of') }}

),

as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where is_monthly

),

customers as (

    select
        customer_id,
        region,
        acquisition_channel,
        is_inferred,
        cast(signed_up_at as date) as sign_up_date
    from {{ ref('dim_customers') }}

),

orders as (

    select
        customer_id,
        coupon_code,
        units,
        gross_amount,
        discount_amount,
        net_amount,
        is_sale,
        order_date
    from {{ ref('fct_orders') }}
    where customer_id is not null

),

order_items as (

    select
        customer_id,
        product_id,
        order_date
    from {{ ref('fct_order_items') }}
    where
        is_sale
        and customer_id is not null

),

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

events as (

    select
        customer_id,
        session_id,
        event_type,
        event_date
    from {{ ref('fct_events') }}
    where customer_id is not null

),

reviews as (

    select
        customer_id,
        rating,
        review_date
    from {{ ref('fct_reviews') }}
    where customer_id is not null

),

campaign_contacts as (

    select
        customer_id,
        coalesce(is_holdout, false) as is_holdout,
        contact_date
    from {{ ref('fct_campaign_contacts') }}

),

coupons as (

    select
        customer_id,
        issue_date,
        redemption_date
    from {{ ref('fct_coupons') }}
    where customer_id is not null

),

-- ---- Who is known since when. A customer in the table without a date counts as known all along. ----
sightings as (

    select
        customers.customer_id,
        coalesce(customers.sign_up_date, as_of.first_order_date) as sighting_date
    from customers
    cross join as_of
    where not customers.is_inferred
    union all
    select
        customer_id,
        order_date as sighting_date
    from orders
    union all
    select
        customer_id,
        event_date as sighting_date
    from events
    union all
    select
        customer_id,
        contact_date as sighting_date
    from campaign_contacts
    union all
    select
        customer_id,
        issue_date as sighting_date
    from coupons

),

known_customers as (

    select
        customer_id,
        min(sighting_date) as known_since_date
    from sightings
    group by customer_id

),

-- Every 28 days from the first sighting on, further back than the grid where history is longer, so that windows over rows are windows
-- over time.
months as (

    select spine.date_day as month_as_of_date
    from {{ date_spine_between('(select min(known_since_date) from known_customers)', '(select as_of_date from as_of)') }} as spine
    cross join as_of
    where mod({{ days_between('spine.date_day', 'as_of.as_of_date') }}, 28) = 0

),

customer_months as (

    select
        known_customers.customer_id,
        known_customers.known_since_date,
        months.month_as_of_date
    from known_customers
    inner join months
        on known_customers.known_since_date < months.month_as_of_date

),

-- ---- What each block of 28 days brought. ----
order_months as (

    select
        orders.customer_id,
        {{ grid_date('orders.order_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(case when orders.is_sale then 1 end) as orders,
        count(case when not orders.is_sale then 1 end) as cancelled_orders,
        count(case when orders.is_sale and orders.coupon_code is not null then 1 end) as coupon_orders,
        count(case when orders.is_sale and {{ day_of_week('orders.order_date') }} >= 6 then 1 end) as weekend_orders,
        round(sum(case when orders.is_sale then orders.units else 0 end), 6) as units,
        round(sum(case when orders.is_sale then orders.gross_amount else 0 end), 6) as gross_amount,
        round(sum(case when orders.is_sale then orders.discount_amount else 0 end), 6) as discount_amount,
        round(sum(case when orders.is_sale then orders.net_amount else 0 end), 6) as net_amount,
        min(case when orders.is_sale then orders.order_date end) as first_order_date,
        max(case when orders.is_sale then orders.order_date end) as last_order_date
    from orders
    cross join as_of
    where orders.order_date < as_of.as_of_date
    group by orders.customer_id, month_as_of_date

),

-- The first purchase in each category: a count of distinct things that can be added up over time.
category_firsts as (

    select
        order_items.customer_id,
        products.category,
        min(order_items.order_date) as first_date
    from order_items
    inner join products
        on order_items.product_id = products.product_id
    group by order_items.customer_id, products.category

),

category_months as (

    select
        category_firsts.customer_id,
        {{ grid_date('category_firsts.first_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(*) as new_categories
    from category_firsts
    cross join as_of
    where category_firsts.first_date < as_of.as_of_date
    group by category_firsts.customer_id, month_as_of_date

),

event_months as (

    select
        events.customer_id,
        {{ grid_date('events.event_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(distinct events.session_id) as sessions,
        count(case when events.event_type = 'view' then 1 end) as views,
        count(case when events.event_type = 'search' then 1 end) as searches,
        count(case when events.event_type = 'add_to_cart' then 1 end) as add_to_carts,
        max(events.event_date) as last_event_date
    from events
    cross join as_of
    where events.event_date < as_of.as_of_date
    group by events.customer_id, month_as_of_date

),

review_months as (

    select
        reviews.customer_id,
        {{ grid_date('reviews.review_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(*) as reviews,
        count(reviews.rating) as ratings,
        round(sum(reviews.rating), 6) as rating_sum
    from reviews
    cross join as_of
    where reviews.review_date < as_of.as_of_date
    group by reviews.customer_id, month_as_of_date

),

contact_months as (

    select
        campaign_contacts.customer_id,
        {{ grid_date('campaign_contacts.contact_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(case when not campaign_contacts.is_holdout then 1 end) as contacts,
        count(case when campaign_contacts.is_holdout then 1 end) as holdouts,
        max(case when not campaign_contacts.is_holdout then campaign_contacts.contact_date end) as last_contact_date
    from campaign_contacts
    cross join as_of
    where campaign_contacts.contact_date < as_of.as_of_date
    group by campaign_contacts.customer_id, month_as_of_date

),

coupon_months as (

    select
        coupons.customer_id,
        {{ grid_date('coupons.issue_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(*) as coupons_issued
    from coupons
    cross join as_of
    where coupons.issue_date < as_of.as_of_date
    group by coupons.customer_id, month_as_of_date

),

-- A coupon counts as redeemed from the day after it was.
redemption_months as (

    select
        coupons.customer_id,
        {{ grid_date('coupons.redemption_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(*) as coupons_redeemed
    from coupons
    cross join as_of
    where coupons.redemption_date < as_of.as_of_date
    group by coupons.customer_id, month_as_of_date

),

joined as (

    select
        customer_months.customer_id,
        customer_months.known_since_date,
        customer_months.month_as_of_date,
        coalesce(order_months.orders, 0) as orders,
        coalesce(order_months.cancelled_orders, 0) as cancelled_orders,
        coalesce(order_months.coupon_orders, 0) as coupon_orders,
        coalesce(order_months.weekend_orders, 0) as weekend_orders,
        coalesce(order_months.units, 0) as units,
        coalesce(order_months.gross_amount, 0) as gross_amount,
        coalesce(order_months.discount_amount, 0) as discount_amount,
        coalesce(order_months.net_amount, 0) as net_amount,
        order_months.first_order_date,
        order_months.last_order_date,
        coalesce(category_months.new_categories, 0) as new_categories,
        coalesce(event_months.sessions, 0) as sessions,
        coalesce(event_months.views, 0) as views,
        coalesce(event_months.searches, 0) as searches,
        coalesce(event_months.add_to_carts, 0) as add_to_carts,
        event_months.last_event_date,
        coalesce(review_months.reviews, 0) as reviews,
        coalesce(review_months.ratings, 0) as ratings,
        review_months.rating_sum,
        coalesce(contact_months.contacts, 0) as contacts,
        coalesce(contact_months.holdouts, 0) as holdouts,
        contact_months.last_contact_date,
        coalesce(coupon_months.coupons_issued, 0) as coupons_issued,
        coalesce(redemption_months.coupons_redeemed, 0) as coupons_redeemed
    from customer_months
    left join order_months
        on
            customer_months.customer_id = order_months.customer_id
            and customer_months.month_as_of_date = order_months.month_as_of_date
    left join category_months
        on
            customer_months.customer_id = category_months.customer_id
            and customer_months.month_as_of_date = category_months.month_as_of_date
    left join event_months
        on
            customer_months.customer_id = event_months.customer_id
            and customer_months.month_as_of_date = event_months.month_as_of_date
    left join review_months
        on
            customer_months.customer_id = review_months.customer_id
            and customer_months.month_as_of_date = review_months.month_as_of_date
    left join contact_months
        on
            customer_months.customer_id = contact_months.customer_id
            and customer_months.month_as_of_date = contact_months.month_as_of_date
    left join coupon_months
        on
            customer_months.customer_id = coupon_months.customer_id
            and customer_months.month_as_of_date = coupon_months.month_as_of_date
    left join redemption_months
        on
            customer_months.customer_id = redemption_months.customer_id
            and customer_months.month_as_of_date = redemption_months.month_as_of_date

),

windowed as (

    select
        customer_id,
        month_as_of_date,
        known_since_date,
        min(first_order_date) over so_far as first_order_date,
        max(last_order_date) over so_far as last_order_date,
        max(last_event_date) over so_far as last_event_date,
        max(last_contact_date) over so_far as last_contact_date,
        orders as orders_28d,
        sum(orders) over last_3_months as orders_84d,
        sum(orders) over last_13_months as orders_364d,
        sum(orders) over so_far as orders_total,
        sum(case when orders > 0 then 1 else 0 end) over last_13_months as active_months_364d,
        sum(cancelled_orders) over last_13_months as cancelled_orders_364d,
        sum(coupon_orders) over last_13_months as coupon_orders_364d,
        sum(weekend_orders) over last_13_months as weekend_orders_364d,
        sum(units) over last_13_months as units_364d,
        sum(gross_amount) over last_13_months as gross_amount_364d,
        sum(discount_amount) over last_13_months as discount_amount_364d,
        net_amount as net_amount_28d,
        sum(net_amount) over last_3_months as net_amount_84d,
        sum(net_amount) over last_13_months as net_amount_364d,
        sum(net_amount) over so_far as net_amount_total,
        sum(new_categories) over so_far as categories_bought,
        sessions as sessions_28d,
        sum(sessions) over last_3_months as sessions_84d,
        views as views_28d,
        sum(views) over last_3_months as views_84d,
        sum(searches) over last_3_months as searches_84d,
        add_to_carts as add_to_carts_28d,
        sum(add_to_carts) over last_3_months as add_to_carts_84d,
        sum(reviews) over so_far as reviews_total,
        sum(ratings) over so_far as ratings_total,
        sum(rating_sum) over so_far as rating_sum_total,
        sum(contacts) over last_3_months as contacts_84d,
        sum(holdouts) over last_3_months as holdouts_84d,
        sum(coupons_issued) over last_13_months as coupons_issued_364d,
        sum(coupons_redeemed) over last_13_months as coupons_redeemed_364d
    from joined
    window
        last_3_months as (partition by customer_id order by month_as_of_date asc nulls last rows between 2 preceding and current row),
        last_13_months as (partition by customer_id order by month_as_of_date asc nulls last rows between 12 preceding and current row),
        so_far as (partition by customer_id order by month_as_of_date asc nulls last rows between unbounded preceding and current row)

),

final as (

    select
        windowed.customer_id,
        -- Master data that came with signing up is unknown before it.
        case when customers.sign_up_date is null or customers.sign_up_date < windowed.month_as_of_date then customers.region end as region,
        case
            when customers.sign_up_date is null or customers.sign_up_date < windowed.month_as_of_date then customers.acquisition_channel
        end as acquisition_channel,
        -- How long, how recently, how often.
        {{ days_between('windowed.known_since_date', 'windowed.month_as_of_date') }} as tenure_days,
        {{ days_between('windowed.first_order_date', 'windowed.month_as_of_date') }} as days_since_first_order,
        {{ days_between('windowed.last_order_date', 'windowed.month_as_of_date') }} as days_since_last_order,
        {{ days_between('windowed.last_event_date', 'windowed.month_as_of_date') }} as days_since_last_event,
        {{ days_between('windowed.last_contact_date', 'windowed.month_as_of_date') }} as days_since_last_contact,
        {{ safe_divide(days_between('windowed.first_order_date', 'windowed.last_order_date'), 'windowed.orders_total - 1') }}
            as days_between_orders_mean,
        cast(windowed.orders_28d as bigint) as orders_28d,
        cast(windowed.orders_84d as bigint) as orders_84d,
        cast(windowed.orders_364d as bigint) as orders_364d,
        cast(windowed.orders_total as bigint) as orders_total,
        cast(windowed.active_months_364d as bigint) as active_months_364d,
        cast(windowed.cancelled_orders_364d as bigint) as cancelled_orders_364d,
        -- For how much, and how.
        windowed.net_amount_28d,
        windowed.net_amount_84d,
        windowed.net_amount_364d,
        windowed.net_amount_total,
        {{ safe_divide('windowed.net_amount_364d', 'windowed.orders_364d') }} as net_amount_per_order_364d,
        {{ safe_divide('windowed.units_364d', 'windowed.orders_364d') }} as units_per_order_364d,
        {{ safe_divide('windowed.discount_amount_364d', 'windowed.gross_amount_364d') }} as discount_rate_364d,
        {{ safe_divide('windowed.coupon_orders_364d', 'windowed.orders_364d') }} as coupon_order_share_364d,
        {{ safe_divide('windowed.weekend_orders_364d', 'windowed.orders_364d') }} as weekend_order_share_364d,
        cast(windowed.categories_bought as bigint) as categories_bought,
        -- What the customer looks at and says.
        cast(windowed.sessions_28d as bigint) as sessions_28d,
        cast(windowed.sessions_84d as bigint) as sessions_84d,
        cast(windowed.views_28d as bigint) as views_28d,
        cast(windowed.views_84d as bigint) as views_84d,
        cast(windowed.searches_84d as bigint) as searches_84d,
        cast(windowed.add_to_carts_28d as bigint) as add_to_carts_28d,
        cast(windowed.add_to_carts_84d as bigint) as add_to_carts_84d,
        cast(windowed.reviews_total as bigint) as reviews_total,
        {{ safe_divide('windowed.rating_sum_total', 'windowed.ratings_total') }} as rating_mean,
        -- What the shop did.
        cast(windowed.contacts_84d as bigint) as contacts_84d,
        cast(windowed.holdouts_84d as bigint) as holdouts_84d,
        cast(windowed.coupons_issued_364d as bigint) as coupons_issued_364d,
        cast(windowed.coupons_redeemed_364d as bigint) as coupons_redeemed_364d,
        windowed.month_as_of_date as as_of_date
    from windowed
    inner join as_of_dates
        on windowed.month_as_of_date = as_of_dates.as_of_date
    left join customers
        on windowed.customer_id = customers.customer_id

)

select * from final

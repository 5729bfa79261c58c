with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

-- A session that runs past midnight counts as two: otherwise the first day's row would change when the second day's events come in.
events as (

    select
        events.event_id,
        events.session_id,
        events.customer_id,
        events.product_id,
        events.event_type,
        events.event_date,
        events.occurred_at
    from {{ ref('fct_events') }} as events
    cross join as_of
    where
        events.session_id is not null
        and events.event_date < as_of.as_of_date

),

products as (

    select
        product_id,
        category
    from {{ ref('dim_products') }}

),

ordered_events as (

    select
        events.*,
        products.category,
        case
            when events.product_id is not null
                then row_number() over (
                    partition by events.session_id, events.event_date, events.product_id is not null
                    order by events.occurred_at asc nulls last, events.event_id asc nulls last
                )
        end as product_event_number,
        case
            when events.product_id is not null
                then count(*) over (partition by events.session_id, events.event_date, events.product_id is not null)
        end as product_events
    from events
    left join products
        on events.product_id = products.product_id

),

sessions as (

    select
        session_id,
        event_date,
        max(customer_id) as customer_id,
        max(case when product_event_number = 1 then product_id end) as first_product_id,
        max(case when product_event_number = product_events then product_id end) as last_product_id,
        max(case when product_event_number = product_events then category end) as last_category,
        count(*) as events,
        count(case when event_type = 'view' then 1 end) as views,
        count(case when event_type = 'search' then 1 end) as searches,
        count(case when event_type = 'click' then 1 end) as clicks,
        count(case when event_type = 'favourite' then 1 end) as favourites,
        count(case when event_type = 'add_to_cart' then 1 end) as add_to_carts,
        count(case when event_type = 'purchase' then 1 end) as purchases,
        count(distinct product_id) as products_seen,
        count(distinct category) as categories_seen,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from ordered_events
    group by session_id, event_date

),

final as (

    select
        session_id,
        customer_id,
        first_product_id,
        last_product_id,
        last_category,
        events,
        views,
        searches,
        clicks,
        favourites,
        add_to_carts,
        purchases,
        products_seen,
        categories_seen,
        {{ seconds_between('started_at', 'ended_at') }} as duration_seconds,
        cast(extract(hour from started_at) as integer) as start_hour,
        {{ day_of_week('event_date') }} as day_of_week,
        -- Earlier sessions of the same customer only; null for the first one and for visitors not signed in.
        case
            when customer_id is not null
                then {{ days_between(
                    'lag(event_date) over (partition by customer_id order by started_at asc nulls last, session_id asc nulls last)', 'event_date'
                ) }}
        end as days_since_previous_session,
        case
            when customer_id is not null
                then row_number() over (partition by customer_id order by started_at asc nulls last, session_id asc nulls last) - 1
        end as previous_sessions,
        purchases > 0 as is_purchase,
        {{ add_days('event_date', 1) }} as as_of_date,
        started_at,
        ended_at
    from sessions

)

select * from final

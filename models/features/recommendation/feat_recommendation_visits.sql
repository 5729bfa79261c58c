with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

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

-- Who signs in halfway was the same person before; who signs in after midnight is not known before it.
customers as (

    select
        session_id,
        event_date,
        max(customer_id) as customer_id
    from events
    group by session_id, event_date

),

-- A view, a click and a place in the cart, one after the other, are one visit to the product. A purchase ends the browsing and is none: what is
-- bought was looked at before.
ordered_events as (

    select
        session_id,
        product_id,
        event_date,
        occurred_at,
        event_id,
        lag(product_id) over (
            partition by session_id order by occurred_at asc nulls last, event_id asc nulls last
        ) as previous_product_id
    from events
    where
        product_id is not null
        and event_type <> 'purchase'

),

final as (

    select
        visits.session_id,
        customers.customer_id,
        visits.product_id,
        cast(
            row_number() over (
                partition by visits.session_id order by visits.occurred_at asc nulls last, visits.event_id asc nulls last
            ) as integer
        ) as position,
        visits.event_date as visit_date,
        {{ add_days('visits.event_date', 1) }} as as_of_date
    from ordered_events as visits
    inner join customers
        on
            visits.session_id = customers.session_id
            and visits.event_date = customers.event_date
    where
        visits.previous_product_id is null
        or visits.previous_product_id <> visits.product_id

)

select * from final

with

base as (
    select
        event_id,
        session_id,
        customer_id,
        product_id,
        device_id,
        event_type,
        search_term,
        occurred_at
    from {{ ref('base_shop__events') }}
    where duplicate_rank = 1
)

select * from base

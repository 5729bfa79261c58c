with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

-- Only dates after which four weeks are over: an earlier look would see the quick customers alone.
cuts as (

    select dates.as_of_date
    from {{ ref('dim_as_of_dates') }} as dates
    where
        dates.is_monthly
        and dates.weeks_ago between 4 and 24

),

order_items as (

    select
        customer_id,
        order_id,
        product_id,
        order_date,
        ordered_at
    from {{ ref('fct_order_items') }}
    where
        is_sale
        and customer_id is not null

),

orders as (

    select
        customer_id,
        order_id,
        min(order_date) as order_date,
        min(ordered_at) as ordered_at
    from order_items
    group by customer_id, order_id

),

followed as (

    select
        orders.customer_id,
        orders.order_id,
        cuts.as_of_date,
        row_number() over (
            partition by orders.customer_id, cuts.as_of_date order by orders.ordered_at asc nulls last, orders.order_id asc nulls last
        ) as place
    from orders
    cross join as_of
    inner join cuts
        on
            orders.order_date >= cuts.as_of_date
            and orders.order_date < {{ add_days('cuts.as_of_date', 28) }}
    where orders.order_date < as_of.as_of_date

),

final as (

    select distinct
        followed.customer_id,
        order_items.product_id,
        followed.order_id,
        followed.as_of_date
    from followed
    inner join order_items
        on
            followed.customer_id = order_items.customer_id
            and followed.order_id = order_items.order_id
    where followed.place = 1

)

select * from final

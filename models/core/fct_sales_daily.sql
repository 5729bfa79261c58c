with as_of as (

    select
        first_order_date,
        greatest({{ add_days('as_of_date', -1) }}, last_order_date) as last_spine_date
    from {{ ref('dim_as_of') }}

),

dates as (

    select date_day
    from {{ ref('dim_dates') }}

),

products as (

    select
        product_id,
        list_price_amount,
        launched_date
    from {{ ref('dim_products') }}

),

order_items as (

    select
        order_id,
        product_id,
        -- A guest leaves no name: each guest order counts as one customer.
        coalesce(customer_id, order_id) as buyer_id,
        quantity,
        gross_amount,
        discount_amount,
        net_amount,
        returned_quantity,
        is_quantity_outlier,
        is_price_outlier,
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
    where
        product_id is not null
        and event_type in ('view', 'favourite', 'add_to_cart')

),

inventory as (

    select
        product_id,
        on_hand,
        inventory_date
    from {{ ref('fct_inventory_daily') }}

),

-- Rounded, because sums of fractions differ in the last digit with the order of the rows, and two builds must be equal.
sale_days as (

    select
        product_id,
        order_date as sales_date,
        round(sum(quantity), 6) as units,
        count(distinct order_id) as orders,
        count(distinct buyer_id) as customers,
        round(sum(gross_amount), 6) as gross_amount,
        round(sum(discount_amount), 6) as discount_amount,
        round(sum(net_amount), 6) as net_amount,
        round(sum(returned_quantity), 6) as returned_quantity,
        round(sum(case when is_quantity_outlier then quantity else 0 end), 6) as outlier_units,
        -- A misplaced decimal point is no price; null when the day has no other.
        round(sum(case when not is_price_outlier then net_amount end), 6)
        / nullif(round(sum(case when not is_price_outlier then quantity end), 6), 0) as price_amount
    from order_items
    group by product_id, order_date

),

traffic_days as (

    select
        product_id,
        event_date,
        sum(case when event_type = 'view' then 1 else 0 end) as views,
        sum(case when event_type = 'favourite' then 1 else 0 end) as favourites,
        sum(case when event_type = 'add_to_cart' then 1 else 0 end) as add_to_carts
    from events
    group by product_id, event_date

),

-- The days from which a product's life is counted: each day with sales, and the launch when nothing sold on it.
anchors as (

    select
        product_id,
        sales_date as anchor_date,
        price_amount
    from sale_days
    union all
    select
        products.product_id,
        products.launched_date as anchor_date,
        cast(null as double) as price_amount
    from products
    left join sale_days
        on
            products.product_id = sale_days.product_id
            and products.launched_date = sale_days.sales_date
    where
        products.launched_date is not null
        and sale_days.product_id is null

),

-- Numbers each product's anchors by the last one with a price, so that the price can be handed on to those without.
priced_anchors as (

    select
        product_id,
        anchor_date,
        price_amount,
        count(price_amount) over (partition by product_id order by anchor_date asc nulls last) as prices_so_far
    from anchors

),

-- An anchor keeps the product on the shelf until the next one, or until it has been silent for too long. Both ends look back only, so a
-- day is on the spine or not for reasons that were known on that day; and the last known price travels with the range, without a window
-- over all days.
ranges as (

    select
        product_id,
        anchor_date,
        max(price_amount) over (partition by product_id, prices_so_far) as price_amount,
        {{ add_days('anchor_date', var('trendhouse_demand_active_days')) }} as silent_after_date,
        lead(anchor_date) over (partition by product_id order by anchor_date asc nulls last) as next_anchor_date
    from priced_anchors

),

clipped_ranges as (

    select
        ranges.product_id,
        ranges.price_amount,
        greatest(ranges.anchor_date, as_of.first_order_date) as from_date,
        least(
            coalesce({{ add_days('ranges.next_anchor_date', -1) }}, ranges.silent_after_date),
            ranges.silent_after_date,
            as_of.last_spine_date
        ) as to_date
    from ranges
    cross join as_of

),

measured_ranges as (

    select
        product_id,
        price_amount,
        from_date,
        {{ days_between('from_date', 'to_date') }} as last_offset
    from clipped_ranges

),

-- Ranges are laid out day by day through a small table of lengths and the offsets in them: a join on equal lengths is many times faster
-- than one on dates between two others.
range_lengths as (

    select distinct last_offset
    from measured_ranges
    where last_offset >= 0

),

day_offsets as (

    select row_number() over (order by date_day asc nulls last) - 1 as day_offset
    from dates

),

length_offsets as (

    select
        range_lengths.last_offset,
        cast(day_offsets.day_offset as integer) as day_offset
    from range_lengths
    inner join day_offsets
        on range_lengths.last_offset >= day_offsets.day_offset

),

spine as (

    select
        measured_ranges.product_id,
        {{ add_days('measured_ranges.from_date', 'length_offsets.day_offset') }} as sales_date,
        measured_ranges.price_amount
    from measured_ranges
    inner join length_offsets
        on measured_ranges.last_offset = length_offsets.last_offset

),

final as (

    select
        spine.product_id,
        spine.sales_date,
        coalesce(sale_days.units, 0) as units,
        coalesce(sale_days.orders, 0) as orders,
        coalesce(sale_days.customers, 0) as customers,
        coalesce(sale_days.gross_amount, 0) as gross_amount,
        coalesce(sale_days.discount_amount, 0) as discount_amount,
        coalesce(sale_days.net_amount, 0) as net_amount,
        coalesce(sale_days.returned_quantity, 0) as returned_quantity,
        coalesce(sale_days.outlier_units, 0) as outlier_units,
        coalesce(spine.price_amount, products.list_price_amount) as average_price_amount,
        cast(coalesce(traffic_days.views, 0) as bigint) as views,
        cast(coalesce(traffic_days.favourites, 0) as bigint) as favourites,
        cast(coalesce(traffic_days.add_to_carts, 0) as bigint) as add_to_carts,
        inventory.on_hand,
        sale_days.product_id is null and coalesce(inventory.on_hand <= 0, false) as is_stock_out
    from spine
    inner join products
        on spine.product_id = products.product_id
    left join sale_days
        on
            spine.product_id = sale_days.product_id
            and spine.sales_date = sale_days.sales_date
    left join traffic_days
        on
            spine.product_id = traffic_days.product_id
            and spine.sales_date = traffic_days.event_date
    left join inventory
        on
            spine.product_id = inventory.product_id
            and spine.sales_date = inventory.inventory_date

)

select * from final

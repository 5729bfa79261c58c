{% set least_items = 20 %}
{% set least_z = 5 %}
{% set least_ratio = 5 %}
{% set least_list_ratio = 10 %}

with orders as (

    select
        order_id,
        customer_id,
        is_cancelled,
        ordered_at
    from {{ ref('stg_shop__orders') }}

),

order_items as (

    select
        order_item_id,
        order_id,
        product_id,
        quantity,
        unit_price_amount,
        discount_amount,
        returned_quantity
    from {{ ref('stg_shop__order_items') }}

),

products as (

    select
        product_id,
        list_price_amount
    from {{ ref('stg_shop__products') }}

),

-- Loses no line: staging has already refused those that belong to no kept order.
dated_items as (

    select
        order_items.order_item_id,
        order_items.order_id,
        order_items.product_id,
        orders.customer_id,
        order_items.quantity,
        order_items.unit_price_amount,
        order_items.discount_amount,
        order_items.returned_quantity,
        products.list_price_amount,
        orders.ordered_at,
        not orders.is_cancelled as is_sale
    from order_items
    inner join orders
        on order_items.order_id = orders.order_id
    left join products
        on order_items.product_id = products.product_id

),

-- Quantities and prices are compared on the log scale, where "five times as much" is the same step for a pin and for a wardrobe.
measured_items as (

    select
        *,
        case when is_sale and quantity > 0 then quantity end as sold_quantity,
        case when is_sale and quantity > 0 then ln(quantity) end as sold_log_quantity,
        case when is_sale and unit_price_amount > 0 then unit_price_amount end as sold_price,
        case when is_sale and unit_price_amount > 0 then ln(unit_price_amount) end as sold_log_price
    from dated_items

),

-- Only the product's earlier sales are looked at: a line's flag is what it would have been on the day, and never changes when more
-- history comes. Were the whole history used, a feature built on the flag would know how the product went on to sell.
compared_items as (

    select
        order_item_id,
        order_id,
        product_id,
        customer_id,
        quantity,
        unit_price_amount,
        discount_amount,
        returned_quantity,
        list_price_amount,
        is_sale,
        ordered_at,
        count(sold_log_quantity) over earlier as earlier_quantities,
        avg(sold_quantity) over earlier as earlier_mean_quantity,
        avg(sold_log_quantity) over earlier as earlier_mean_log_quantity,
        avg(sold_log_quantity * sold_log_quantity) over earlier as earlier_mean_square_log_quantity,
        count(sold_log_price) over earlier as earlier_prices,
        avg(sold_price) over earlier as earlier_mean_price,
        avg(sold_log_price) over earlier as earlier_mean_log_price,
        avg(sold_log_price * sold_log_price) over earlier as earlier_mean_square_log_price
    from measured_items
    window
        earlier as (
            partition by product_id
            order by ordered_at asc nulls last, order_item_id asc nulls last
            rows between unbounded preceding and 1 preceding
        )

),

-- A product sold one by one for years, always at the same price, has no spread at all, and any other number would be infinitely far
-- away. The spread is therefore taken to be at least a half for quantities and a tenth for prices (on the log scale, ln 1.5 and ln
-- 1.1).
scored_items as (

    select
        *,
        (ln(case when quantity > 0 then quantity end) - earlier_mean_log_quantity) / greatest(
            sqrt(greatest(earlier_mean_square_log_quantity - earlier_mean_log_quantity * earlier_mean_log_quantity, 0)), ln(1.5)
        ) as quantity_z_score,
        (ln(case when unit_price_amount > 0 then unit_price_amount end) - earlier_mean_log_price) / greatest(
            sqrt(greatest(earlier_mean_square_log_price - earlier_mean_log_price * earlier_mean_log_price, 0)), ln(1.1)
        ) as price_z_score
    from compared_items

),

final as (

    select
        order_item_id,
        order_id,
        product_id,
        customer_id,
        quantity,
        unit_price_amount,
        quantity * unit_price_amount as gross_amount,
        discount_amount,
        quantity * unit_price_amount - discount_amount as net_amount,
        returned_quantity,
        is_sale,
        -- The score alone would flag a dozen of a product that mostly sells in ones and twos; the ratio alone would flag half the lines
        -- of one that sells in all sizes. Small quantities are no danger to a mean, so only large ones are flagged.
        coalesce(
            earlier_quantities >= {{ least_items }}
            and quantity_z_score > {{ least_z }}
            and quantity >= {{ least_ratio }} * earlier_mean_quantity,
            false
        ) as is_quantity_outlier,
        -- A misplaced decimal point goes both ways. A price of nothing has no logarithm and is as far away as can be. The list price
        -- stands in while the history is short, with a wider margin, because list prices are not always kept up.
        coalesce(
            earlier_prices >= {{ least_items }}
            and (
                unit_price_amount = 0
                or (price_z_score > {{ least_z }} and unit_price_amount >= {{ least_ratio }} * earlier_mean_price)
                or (price_z_score < -{{ least_z }} and unit_price_amount * {{ least_ratio }} <= earlier_mean_price)
            ),
            false
        )
        or coalesce(
            earlier_prices < {{ least_items }}
            and (
                unit_price_amount >= {{ least_list_ratio }} * list_price_amount
                or unit_price_amount * {{ least_list_ratio }} <= list_price_amount
            )
            and list_price_amount > 0,
            false
        ) as is_price_outlier,
        cast(ordered_at as date) as order_date,
        ordered_at
    from scored_items

)

select * from final

with as_of as (

    select
        as_of_date,
        {{ add_days('as_of_date', -7 * var('trendhouse_demand_history_weeks')) }} as history_from_date
    from {{ ref('dim_as_of') }}

),

-- The days on which a festival moves demand from one day to the next; the rest of its run-up and after-dip is smooth.
festival_dates as (

    select date_day
    from {{ ref('dim_dates') }}
    where
        days_to_festival <= 3
        or days_since_festival <= 3

),

dates as (

    select date_day
    from {{ ref('dim_dates') }}

),

-- An id that only order lines know may stand for anything: its prices are those of different things.
products as (

    select
        product_id,
        list_price_amount
    from {{ ref('dim_products') }}
    where not is_inferred

),

promotions as (

    select
        product_id,
        coalesce(promotion_kind, 'unknown') as promotion_kind,
        coalesce(discount_rate, 0) as discount_rate,
        start_date,
        end_date
    from {{ ref('fct_promotions') }}

),

orders as (

    select
        order_id,
        coupon_code
    from {{ ref('fct_orders') }}

),

order_items as (

    select
        order_id,
        product_id,
        quantity,
        net_amount,
        order_date
    from {{ ref('fct_order_items') }}
    where
        is_sale
        and quantity > 0
        and not is_price_outlier

),

sales as (

    select
        product_id,
        greatest(units - outlier_units, 0) as units,
        sales_date
    from {{ ref('fct_sales_daily') }}
    where not is_stock_out

),

-- ---- What a customer without a coupon paid for one unit. The median of the lines and not the mean of the units: a large order that bought
-- itself a rebate would otherwise make its own day look cheap. ----
seen_prices as (

    select
        order_items.product_id,
        order_items.order_date as sales_date,
        percentile_cont(0.5) within group (order by round(order_items.net_amount / nullif(order_items.quantity, 0), 2)) as seen_price_amount
    from order_items
    inner join orders
        on order_items.order_id = orders.order_id
    where
        orders.coupon_code is null
        and order_items.net_amount > 0
    group by order_items.product_id, order_items.order_date

),

-- A product can be in several promotions on one day: the largest discount counts, and their joint effect is nobody's in particular.
promotion_days as (

    select
        promotions.product_id,
        dates.date_day as sales_date,
        case when min(promotions.promotion_kind) = max(promotions.promotion_kind) then min(promotions.promotion_kind) else 'several' end
            as promotion_kind,
        max(promotions.discount_rate) as discount_rate,
        max(promotions.start_date) as promotion_start_date
    from promotions
    inner join dates
        on dates.date_day between promotions.start_date and promotions.end_date
    group by promotions.product_id, dates.date_day

),

days as (

    select
        sales.product_id,
        sales.sales_date,
        sales.units,
        seen_prices.seen_price_amount,
        promotion_days.promotion_kind,
        promotion_days.discount_rate,
        promotion_days.promotion_start_date,
        case when promotion_days.product_id is null then seen_prices.seen_price_amount end as seen_regular_amount
    from sales
    left join seen_prices
        on
            sales.product_id = seen_prices.product_id
            and sales.sales_date = seen_prices.sales_date
    left join promotion_days
        on
            sales.product_id = promotion_days.product_id
            and sales.sales_date = promotion_days.sales_date

),

-- ---- The price on the shelf, on days without a sale too: a price that kept everybody from buying is the most telling of all. The regular
-- price is the last one seen outside promotions, the list price before the first. Only earlier and same days are looked at. ----
carried as (

    select
        days.product_id,
        days.sales_date,
        days.units,
        days.promotion_kind,
        days.discount_rate,
        coalesce(
            {{ last_known('days.seen_regular_amount', 'days.sales_date', 'days.product_id') }}, products.list_price_amount
        ) as regular_price_amount,
        {{ last_known('days.seen_price_amount', 'days.sales_date', ['days.product_id', 'days.promotion_start_date']) }}
            as promotion_price_amount
    from days
    inner join products
        on days.product_id = products.product_id

),

-- A stated discount is a plan and holds on every day of the promotion. Where none is stated, the price seen in this promotion so far counts.
-- Weeks are counted back from the as-of date, as in feat_demand_weeks.
priced as (

    select
        carried.product_id,
        carried.units,
        coalesce(carried.promotion_kind, 'none') as promotion_kind,
        round(carried.regular_price_amount, 2) as regular_price_amount,
        round(
            case
                when carried.promotion_kind is null then carried.regular_price_amount
                when carried.discount_rate > 0 then carried.regular_price_amount * (1 - carried.discount_rate)
                else coalesce(carried.promotion_price_amount, carried.regular_price_amount)
            end, 2
        ) as price_amount,
        festival_dates.date_day as festival_date,
        {{ grid_date('carried.sales_date', 'as_of.as_of_date', 7) }} as as_of_date
    from carried
    cross join as_of
    left join festival_dates
        on carried.sales_date = festival_dates.date_day
    where
        carried.sales_date >= as_of.history_from_date
        and carried.sales_date < as_of.as_of_date

),

-- A week in which price and promotion stay the same is one row. Around festivals demand leaps from day to day, and so do promotions, so that
-- those days stay apart.
final as (

    select
        product_id,
        promotion_kind,
        regular_price_amount,
        price_amount,
        round(sum(units), 6) as units,
        count(*) as exposure_days,
        coalesce(festival_date, {{ add_days('as_of_date', -7) }}) as period_start_date,
        festival_date is not null as is_near_festival,
        as_of_date
    from priced
    where price_amount > 0
    group by product_id, promotion_kind, regular_price_amount, price_amount, festival_date, as_of_date

)

select * from final

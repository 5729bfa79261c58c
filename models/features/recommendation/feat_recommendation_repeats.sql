with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

-- The same dates as feat_recommendation_interactions.
as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where
        is_monthly
        and weeks_ago <= 24

),

-- A basket is an order; what one holds twice, it holds.
lines as (

    select
        order_items.customer_id,
        order_items.order_id,
        order_items.product_id,
        min(order_items.ordered_at) as ordered_at,
        min(order_items.order_date) as order_date
    from {{ ref('fct_order_items') }} as order_items
    cross join as_of
    where
        order_items.is_sale
        and order_items.customer_id is not null
        and order_items.order_date < as_of.as_of_date
    group by order_items.customer_id, order_items.order_id, order_items.product_id

),

-- Numbered from the customer's first: what a number says never changes when more history comes.
baskets as (

    select
        customer_id,
        order_id,
        count(*) as products,
        min(order_date) as basket_date,
        row_number() over (partition by customer_id order by min(ordered_at) asc nulls last, order_id asc nulls last) as basket_number
    from lines
    group by customer_id, order_id

),

held as (

    select
        lines.customer_id,
        lines.product_id,
        baskets.basket_number,
        baskets.basket_date,
        {{ days_between(
            'lag(baskets.basket_date) over (
                partition by lines.customer_id, lines.product_id order by baskets.basket_number asc nulls last
            )',
            'baskets.basket_date'
        ) }} as gap_days,
        {{ grid_date('baskets.basket_date', 'as_of.as_of_date', 28) }} as month_as_of_date
    from lines
    cross join as_of
    inner join baskets
        on
            lines.customer_id = baskets.customer_id
            and lines.order_id = baskets.order_id

),

-- ---- Counted by block of 28 days, so that each line is read once; a year is thirteen blocks. ----
pair_months as (

    select
        customer_id,
        product_id,
        month_as_of_date,
        count(*) as baskets,
        count(gap_days) as gaps,
        sum(gap_days) as gap_days,
        sum(gap_days * gap_days) as square_gap_days,
        min(basket_number) as first_basket_number,
        max(basket_number) as last_basket_number,
        max(basket_date) as last_basket_date
    from held
    group by customer_id, product_id, month_as_of_date

),

customer_months as (

    select
        baskets.customer_id,
        {{ grid_date('baskets.basket_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        count(*) as baskets,
        sum(baskets.products) as products,
        min(baskets.basket_date) as first_basket_date,
        max(baskets.basket_date) as last_basket_date,
        max(baskets.basket_number) as last_basket_number
    from baskets
    cross join as_of
    group by baskets.customer_id, month_as_of_date

),

customers as (

    select
        customer_months.customer_id,
        as_of_dates.as_of_date,
        sum(customer_months.baskets) as baskets,
        sum(
            case when customer_months.month_as_of_date = as_of_dates.as_of_date then customer_months.baskets else 0 end
        ) as baskets_28d,
        sum(customer_months.products) as products,
        min(customer_months.first_basket_date) as first_basket_date,
        max(customer_months.last_basket_date) as last_basket_date,
        max(customer_months.last_basket_number) as last_basket_number
    from customer_months
    inner join as_of_dates
        on
            customer_months.month_as_of_date <= as_of_dates.as_of_date
            and customer_months.month_as_of_date > {{ add_days('as_of_dates.as_of_date', -364) }}
    group by customer_months.customer_id, as_of_dates.as_of_date

),

pairs as (

    select
        pair_months.customer_id,
        pair_months.product_id,
        as_of_dates.as_of_date,
        sum(pair_months.baskets) as baskets,
        sum(case when pair_months.month_as_of_date = as_of_dates.as_of_date then pair_months.baskets else 0 end) as baskets_28d,
        sum(
            case when pair_months.month_as_of_date > {{ add_days('as_of_dates.as_of_date', -84) }} then pair_months.baskets else 0 end
        ) as baskets_84d,
        sum(pair_months.gaps) as gaps,
        sum(pair_months.gap_days) as gap_days,
        sum(pair_months.square_gap_days) as square_gap_days,
        min(pair_months.first_basket_number) as first_basket_number,
        max(pair_months.last_basket_number) as last_basket_number,
        max(pair_months.last_basket_date) as last_basket_date
    from pair_months
    inner join as_of_dates
        on
            pair_months.month_as_of_date <= as_of_dates.as_of_date
            and pair_months.month_as_of_date > {{ add_days('as_of_dates.as_of_date', -364) }}
    group by pair_months.customer_id, pair_months.product_id, as_of_dates.as_of_date

),

-- The last ten baskets of a customer, whenever they were.
recent as (

    select
        held.customer_id,
        held.product_id,
        customers.as_of_date,
        count(case when held.basket_number > customers.last_basket_number - 5 then 1 end) as baskets_of_last_5,
        count(*) as baskets_of_last_10
    from held
    inner join customers
        on
            held.customer_id = customers.customer_id
            and held.basket_number <= customers.last_basket_number
            and held.basket_number > customers.last_basket_number - 10
    group by held.customer_id, held.product_id, customers.as_of_date

),

final as (

    select
        pairs.customer_id,
        pairs.product_id,
        cast(pairs.baskets as bigint) as baskets_364d,
        cast(pairs.baskets_84d as bigint) as baskets_84d,
        cast(pairs.baskets_28d as bigint) as baskets_28d,
        cast(coalesce(recent.baskets_of_last_10, 0) as bigint) as baskets_of_last_10,
        cast(coalesce(recent.baskets_of_last_5, 0) as bigint) as baskets_of_last_5,
        cast(customers.last_basket_number - pairs.last_basket_number as bigint) as baskets_since_last,
        cast(customers.last_basket_number - pairs.first_basket_number + 1 as bigint) as baskets_since_first,
        {{ days_between('pairs.last_basket_date', 'pairs.as_of_date') }} as days_since_last,
        round({{ safe_divide('pairs.gap_days', 'pairs.gaps') }}, 6) as gap_mean_days,
        -- greatest(null, 0) is 0 on one engine and null on another.
        case
            when pairs.gaps > 0
                then
                    round(
                        sqrt(
                            greatest(
                                {{ safe_divide('pairs.square_gap_days', 'pairs.gaps') }}
                                - power({{ safe_divide('pairs.gap_days', 'pairs.gaps') }}, 2), 0
                            )
                        ), 6
                    )
        end as gap_sd_days,
        cast(customers.baskets as bigint) as customer_baskets_364d,
        cast(customers.baskets_28d as bigint) as customer_baskets_28d,
        cast(least(customers.last_basket_number, 10) as bigint) as customer_recent_baskets,
        round({{ safe_divide('customers.products', 'customers.baskets') }}, 6) as customer_basket_products,
        round(
            {{ safe_divide(days_between('customers.first_basket_date', 'customers.last_basket_date'), 'customers.baskets - 1') }}, 6
        ) as customer_gap_mean_days,
        {{ days_between('customers.last_basket_date', 'pairs.as_of_date') }} as customer_days_since_last,
        pairs.as_of_date
    from pairs
    inner join customers
        on
            pairs.customer_id = customers.customer_id
            and pairs.as_of_date = customers.as_of_date
    left join recent
        on
            pairs.customer_id = recent.customer_id
            and pairs.product_id = recent.product_id
            and pairs.as_of_date = recent.as_of_date

)

select * from final

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}

),

products as (

    select
        product_id,
        category,
        subcategory
    from {{ ref('dim_products') }}

),

weeks as (

    select
        product_id,
        days_on_sale,
        days_observed,
        coalesce(clean_units, 0) as units,
        as_of_date
    from {{ ref('feat_demand_weeks') }}

),

order_items as (

    select
        product_id,
        quantity,
        gross_amount,
        discount_amount,
        order_date
    from {{ ref('fct_order_items') }}
    where
        is_sale
        and not is_price_outlier
        and not is_quantity_outlier

),

promotions as (

    select
        product_id,
        discount_rate,
        start_date,
        end_date
    from {{ ref('fct_promotions') }}

),

searches as (

    select
        event_id,
        customer_id,
        search_term,
        event_date
    from {{ ref('fct_events') }}
    where search_term is not null

),

-- Not only those of the last years that stay in the end: what is new is counted from the beginning.
history_weeks as (

    select distinct as_of_date
    from weeks

),

-- ---- Products: what a unit cost in the week, and whether it was promoted. ----
price_weeks as (

    select
        order_items.product_id,
        {{ grid_date('order_items.order_date', 'as_of.as_of_date', 7) }} as as_of_date,
        round(sum(order_items.quantity), 6) as quantity,
        round(sum(order_items.gross_amount), 6) as gross_amount,
        round(sum(order_items.discount_amount), 6) as discount_amount
    from order_items
    cross join as_of
    where order_items.order_date < as_of.as_of_date
    group by order_items.product_id, {{ grid_date('order_items.order_date', 'as_of.as_of_date', 7) }}

),

promotion_periods as (

    select
        product_id,
        max(coalesce(discount_rate, 0)) as discount_rate,
        start_date,
        end_date
    from promotions
    group by product_id, start_date, end_date

),

-- Overlapping promotions of one product add up to the week at most.
promotion_weeks as (

    select
        promotion_periods.product_id,
        history_weeks.as_of_date,
        least(
            sum(
                {{ days_between(
                    'greatest(promotion_periods.start_date, ' ~ add_days('history_weeks.as_of_date', -7) ~ ')',
                    'least(promotion_periods.end_date, ' ~ add_days('history_weeks.as_of_date', -1) ~ ')'
                ) }} + 1
            ), 7
        ) / 7.0e0 as promotion_share,
        max(promotion_periods.discount_rate) as discount_rate
    from promotion_periods
    inner join history_weeks
        on
            promotion_periods.start_date < history_weeks.as_of_date
            and promotion_periods.end_date >= {{ add_days('history_weeks.as_of_date', -7) }}
    group by promotion_periods.product_id, history_weeks.as_of_date

),

-- What a day usually sells, for the days on which the shelf was empty; and how much weight the product has in its category's price.
product_weeks as (

    select
        weeks.product_id,
        weeks.as_of_date,
        weeks.days_on_sale,
        weeks.days_observed,
        weeks.units,
        (weeks.days_on_sale - weeks.days_observed) * coalesce({{ safe_divide(
            'sum(weeks.units) over last_8_weeks', 'sum(weeks.days_observed) over last_8_weeks'
        ) }}, 0) as missed_units,
        sum(weeks.units) over last_8_weeks + 1 as weight,
        {{ last_known(
            'price_weeks.gross_amount / nullif(price_weeks.quantity, 0)', order_by='weeks.as_of_date', partition_by='weeks.product_id'
        ) }} as price_amount,
        coalesce(price_weeks.gross_amount, 0) as gross_amount,
        coalesce(price_weeks.discount_amount, 0) as discount_amount,
        coalesce(promotion_weeks.promotion_share, 0) as promotion_share,
        coalesce(promotion_weeks.promotion_share * promotion_weeks.discount_rate, 0) as planned_discount_rate
    from weeks
    left join price_weeks
        on
            weeks.product_id = price_weeks.product_id
            and weeks.as_of_date = price_weeks.as_of_date
    left join promotion_weeks
        on
            weeks.product_id = promotion_weeks.product_id
            and weeks.as_of_date = promotion_weeks.as_of_date
    window
        last_8_weeks as (
            partition by weeks.product_id order by weeks.as_of_date asc nulls last rows between 7 preceding and current row
        )

),

priced_weeks as (

    select
        *,
        lag(price_amount) over (partition by product_id order by as_of_date asc nulls last) as price_before_amount
    from product_weeks

),

changed_weeks as (

    select
        *,
        coalesce(
            ln(case when price_amount > 0 then price_amount end) - ln(case when price_before_amount > 0 then price_before_amount end), 0
        ) as price_change_log
    from priced_weeks

),

-- ---- Every product counts in three places: for itself, in its category, in its subcategory. ----
members as (

    select
        product_id,
        'product' as kind,
        product_id as entity_id,
        category as parent_id
    from products
    union all
    select
        product_id,
        'category' as kind,
        category as entity_id,
        cast(null as varchar) as parent_id
    from products
    union all
    select
        product_id,
        'subcategory' as kind,
        category || ' > ' || subcategory as entity_id,
        category as parent_id
    from products
    where subcategory is not null

),

-- A category is on sale as long as one of its products is; what empty shelves kept from it shortens its days. Its price moves as its
-- products' prices do, each by its weight: products that come and go change nothing. Of a ratio of sums the sums are rounded: the ratio may
-- end in a 5, and two builds would round it apart.
sold as (

    select
        members.kind,
        members.entity_id,
        members.parent_id,
        round(sum(changed_weeks.units), 6) as units,
        case
            when members.kind = 'product' then max(changed_weeks.days_observed)
            when sum(changed_weeks.units) > 0
                then max(changed_weeks.days_on_sale) * {{ safe_divide(
                    'sum(changed_weeks.units)', 'sum(changed_weeks.units) + round(sum(changed_weeks.missed_units), 6)'
                ) }}
            else max(changed_weeks.days_on_sale)
        end as exposure_days,
        round({{ safe_divide(
            'sum(changed_weeks.weight * changed_weeks.price_change_log)', 'sum(changed_weeks.weight)'
        ) }}, 6) as price_change_log,
        case
            when sum(changed_weeks.gross_amount) > 0
                then {{ safe_divide(
                    'round(sum(changed_weeks.discount_amount), 6)', 'round(sum(changed_weeks.gross_amount), 6)'
                ) }}
            else round({{ safe_divide(
                'sum(changed_weeks.weight * changed_weeks.planned_discount_rate)', 'sum(changed_weeks.weight)'
            ) }}, 6)
        end as discount_rate,
        round({{ safe_divide(
            'sum(changed_weeks.weight * changed_weeks.promotion_share)', 'sum(changed_weeks.weight)'
        ) }}, 6) as promotion_share,
        changed_weeks.as_of_date
    from changed_weeks
    inner join members
        on changed_weeks.product_id = members.product_id
    group by members.kind, members.entity_id, members.parent_id, changed_weeks.as_of_date

),

-- ---- Search terms. A term is known from the day on which enough customers had typed it: before, it had not left staging. ----
term_customers as (

    select
        search_term,
        customer_id,
        min(event_date) as first_date
    from searches
    where customer_id is not null
    group by search_term, customer_id

),

ranked_term_customers as (

    select
        search_term,
        first_date,
        row_number() over (partition by search_term order by first_date asc nulls last, customer_id asc nulls last) as customer_rank
    from term_customers

),

known_terms as (

    select
        search_term,
        first_date as known_date
    from ranked_term_customers
    where customer_rank = {{ var('trendhouse_search_term_min_customers') }}

),

term_weeks as (

    select
        searches.search_term,
        {{ grid_date('searches.event_date', 'as_of.as_of_date', 7) }} as as_of_date,
        count(*) as searches
    from searches
    cross join as_of
    where searches.event_date < as_of.as_of_date
    group by searches.search_term, {{ grid_date('searches.event_date', 'as_of.as_of_date', 7) }}

),

-- A week without a search is a zero, not a gap.
searched as (

    select
        'search_term' as kind,
        known_terms.search_term as entity_id,
        cast(null as varchar) as parent_id,
        cast(coalesce(term_weeks.searches, 0) as double) as units,
        cast(7 as double) as exposure_days,
        cast(0 as double) as price_change_log,
        cast(0 as double) as discount_rate,
        cast(0 as double) as promotion_share,
        history_weeks.as_of_date
    from known_terms
    inner join history_weeks
        on known_terms.known_date < history_weeks.as_of_date
    left join term_weeks
        on
            known_terms.search_term = term_weeks.search_term
            and history_weeks.as_of_date = term_weeks.as_of_date

),

together as (

    select
        kind,
        entity_id,
        parent_id,
        units,
        exposure_days,
        price_change_log,
        discount_rate,
        promotion_share,
        as_of_date
    from sold
    union all
    select
        kind,
        entity_id,
        parent_id,
        units,
        exposure_days,
        price_change_log,
        discount_rate,
        promotion_share,
        as_of_date
    from searched

),

counted as (

    select
        *,
        sum(units) over life as units_to_date,
        min(case when units > 0 then as_of_date end) over life as first_sold_as_of_date
    from together
    window
        life as (
            partition by kind, entity_id order by as_of_date asc nulls last rows between unbounded preceding and current row
        )

),

final as (

    select
        counted.kind,
        counted.entity_id,
        counted.parent_id,
        counted.units,
        counted.exposure_days,
        counted.price_change_log,
        counted.discount_rate,
        counted.promotion_share,
        round(counted.units_to_date, 6) as units_to_date,
        counted.as_of_date,
        {{ add_days('counted.first_sold_as_of_date', -7) }} as first_sold_date
    from counted
    inner join as_of_dates
        on counted.as_of_date = as_of_dates.as_of_date

)

select * from final

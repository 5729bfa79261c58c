{# What a deed says about taste, against a view's 1; and the days after which it says half as much. #}
{% set event_weights = {'view': 1, 'click': 1, 'favourite': 3, 'add_to_cart': 4} %}
{% set purchase_weight = 8 %}
{% set half_life_days = 56 %}
{% set event_types = "'" ~ event_weights.keys() | join("', '") ~ "'" %}

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

-- Now and the six snapshots before it, enough to test on: a pair stays a year in every snapshot, so each costs as many rows as a year has
-- pairs.
as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where
        is_monthly
        and weeks_ago <= 24

),

order_items as (

    select
        customer_id,
        product_id,
        quantity,
        order_date
    from {{ ref('fct_order_items') }}
    where
        is_sale
        and customer_id is not null

),

-- Purchases come from the orders, which have them all; an event of that type would count them twice.
events as (

    select
        customer_id,
        product_id,
        event_type,
        event_date
    from {{ ref('fct_events') }}
    where
        customer_id is not null
        and product_id is not null
        and event_type in ({{ event_types }})

),

deeds as (

    select
        customer_id,
        product_id,
        'purchase' as deed,
        {{ purchase_weight }} as weight,
        quantity as units,
        order_date as deed_date
    from order_items
    union all
    select
        customer_id,
        product_id,
        event_type as deed,
        case event_type
            {%- for event_type, weight in event_weights.items() %}
                when '{{ event_type }}' then {{ weight }}
            {%- endfor %}
        end as weight,
        0 as units,
        event_date as deed_date
    from events

),

dated_deeds as (

    select
        deeds.customer_id,
        deeds.product_id,
        deeds.deed,
        deeds.weight,
        deeds.units,
        deeds.deed_date,
        {{ grid_date('deeds.deed_date', 'as_of.as_of_date', 28) }} as month_as_of_date
    from deeds
    cross join as_of
    where deeds.deed_date < as_of.as_of_date

),

-- Decay is a product of factors: within the block of 28 days here, from block to snapshot below. Each deed is read once.
months as (

    select
        customer_id,
        product_id,
        month_as_of_date,
        round(sum(weight * {{ time_decay(days_between('deed_date', 'month_as_of_date'), half_life_days) }}), 9) as interaction_weight,
        count(case when deed = 'purchase' then 1 end) as purchases,
        round(sum(units), 6) as units,
        count(case when deed = 'view' then 1 end) as views,
        count(case when deed = 'click' then 1 end) as clicks,
        count(case when deed = 'favourite' then 1 end) as favourites,
        count(case when deed = 'add_to_cart' then 1 end) as add_to_carts,
        min(deed_date) as first_deed_date,
        max(deed_date) as last_deed_date,
        max(case when deed = 'purchase' then deed_date end) as last_purchase_date
    from dated_deeds
    group by customer_id, product_id, month_as_of_date

),

snapshots as (

    select
        months.customer_id,
        months.product_id,
        as_of_dates.as_of_date,
        round(
            sum(
                months.interaction_weight
                * {{ time_decay(days_between('months.month_as_of_date', 'as_of_dates.as_of_date'), half_life_days) }}
            ), 6
        ) as interaction_weight,
        sum(months.purchases) as purchases_364d,
        round(sum(months.units), 6) as units_364d,
        sum(months.views) as views_364d,
        sum(months.clicks) as clicks_364d,
        sum(months.favourites) as favourites_364d,
        sum(months.add_to_carts) as add_to_carts_364d,
        min(months.first_deed_date) as first_deed_date,
        max(months.last_deed_date) as last_deed_date,
        max(months.last_purchase_date) as last_purchase_date
    from months
    inner join as_of_dates
        on
            months.month_as_of_date <= as_of_dates.as_of_date
            and months.month_as_of_date > {{ add_days('as_of_dates.as_of_date', -364) }}
    group by months.customer_id, months.product_id, as_of_dates.as_of_date

),

final as (

    select
        customer_id,
        product_id,
        interaction_weight,
        cast(purchases_364d as bigint) as purchases_364d,
        units_364d,
        cast(views_364d as bigint) as views_364d,
        cast(clicks_364d as bigint) as clicks_364d,
        cast(favourites_364d as bigint) as favourites_364d,
        cast(add_to_carts_364d as bigint) as add_to_carts_364d,
        {{ days_between('first_deed_date', 'as_of_date') }} as days_since_first_interaction,
        {{ days_between('last_deed_date', 'as_of_date') }} as days_since_last_interaction,
        {{ days_between('last_purchase_date', 'as_of_date') }} as days_since_last_purchase,
        as_of_date
    from snapshots

)

select * from final

{# Of unrelated pairs, one in a thousand is above by chance (chi-squared, one degree of freedom). #}
{% set least_log_likelihood_ratio = 10.83 %}
{# Expected orders that the prior of a lift of 1 is worth. #}
{% set prior_orders = 5 %}
{% set most_per_product = 20 %}

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

pairs as (

    select
        pairs.product_id,
        pairs.other_product_id,
        pairs.orders_together_364d,
        pairs.orders_364d,
        pairs.other_orders_364d,
        pairs.shop_orders_364d,
        pairs.as_of_date
    from {{ ref('feat_recommendation_pairs') }} as pairs
    inner join as_of
        on pairs.as_of_date = as_of.as_of_date

),

shown as (

    select product_id
    from {{ ref('ml_recommendation__shown_products') }}
    where is_shown

),

measured as (

    select
        product_id,
        other_product_id,
        orders_together_364d,
        orders_364d,
        other_orders_364d,
        shop_orders_364d,
        cast(orders_364d as double) * other_orders_364d / nullif(shop_orders_364d, 0) as expected_orders_364d,
        {{ log_likelihood_ratio('orders_together_364d', 'orders_364d', 'other_orders_364d', 'shop_orders_364d') }} as log_likelihood_ratio,
        as_of_date
    from pairs

),

related as (

    select *
    from measured
    where
        orders_together_364d > expected_orders_364d
        and log_likelihood_ratio >= {{ least_log_likelihood_ratio }}

),

-- Each pair is read both ways: what goes with the one, and with the other.
both_ways as (

    select
        product_id,
        other_product_id,
        orders_together_364d,
        orders_364d,
        other_orders_364d,
        shop_orders_364d,
        expected_orders_364d,
        log_likelihood_ratio,
        as_of_date
    from related
    union all
    select
        other_product_id as product_id,
        product_id as other_product_id,
        orders_together_364d,
        other_orders_364d as orders_364d,
        orders_364d as other_orders_364d,
        shop_orders_364d,
        expected_orders_364d,
        log_likelihood_ratio,
        as_of_date
    from related

),

-- Beside a product that is sold out something else may be shown; what is shown has to be there.
scored as (

    select
        both_ways.*,
        round({{ safe_divide('both_ways.orders_together_364d', 'both_ways.shop_orders_364d') }}, 9) as support_rate,
        round({{ safe_divide('both_ways.orders_together_364d', 'both_ways.orders_364d') }}, 9) as confidence_rate,
        round({{ safe_divide('both_ways.orders_together_364d', 'both_ways.expected_orders_364d') }}, 6) as lift_ratio,
        round({{ shrunk_ratio('both_ways.orders_together_364d', 'both_ways.expected_orders_364d', prior_orders) }}, 6) as shrunk_lift_ratio
    from both_ways
    inner join shown
        on both_ways.other_product_id = shown.product_id

),

ranked as (

    select
        scored.*,
        row_number() over (
            partition by product_id
            order by shrunk_lift_ratio desc nulls last, orders_together_364d desc nulls last, other_product_id asc nulls last
        ) as place
    from scored

),

final as (

    select
        product_id,
        other_product_id,
        'Of ' || {{ whole_number('orders_364d') }} || ' orders with it in the last 364 days, '
        || {{ whole_number('orders_together_364d') }} || ' also held the other; unrelated, it would be about '
        || {{ whole_number('round(expected_orders_364d)') }} || '.' as statement,
        cast(place as bigint) as place,
        orders_together_364d,
        orders_364d,
        other_orders_364d,
        shop_orders_364d,
        round(expected_orders_364d, 6) as expected_orders_364d,
        support_rate,
        confidence_rate,
        lift_ratio,
        shrunk_lift_ratio,
        round(log_likelihood_ratio, 6) as log_likelihood_ratio,
        as_of_date
    from ranked
    where place <= {{ most_per_product }}

)

select * from final

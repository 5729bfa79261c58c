with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

scores as (

    select
        scores.customer_id,
        scores.product_id,
        scores.fit_id,
        scores.place,
        scores.purchase_probability,
        scores.is_repeat,
        scores.as_of_date,
        scores.scored_at
    from {{ ref('ml_recommendation__next_basket_scores') }} as scores
    inner join as_of
        on scores.as_of_date = as_of.as_of_date

),

customers as (

    select customer_id
    from {{ ref('dim_customers') }}

),

repeats as (

    select
        customer_id,
        product_id,
        baskets_364d,
        baskets_of_last_10,
        days_since_last,
        gap_mean_days,
        customer_baskets_364d,
        customer_recent_baskets,
        as_of_date
    from {{ ref('feat_recommendation_repeats') }}

),

products as (

    select
        product_id,
        basket_rate_28d,
        as_of_date
    from {{ ref('feat_recommendation_repeat_products') }}

),

known_customers as (

    select distinct customer_id
    from scores
    where customer_id is not null

),

-- Who bought nothing in the last year gets the list of everybody else.
listed as (

    select
        customer_id,
        product_id,
        fit_id,
        'model' as fallback_level,
        place,
        purchase_probability,
        is_repeat,
        as_of_date,
        scored_at
    from scores
    where customer_id is not null
    union all
    select
        customers.customer_id,
        scores.product_id,
        scores.fit_id,
        'global' as fallback_level,
        scores.place,
        scores.purchase_probability,
        scores.is_repeat,
        scores.as_of_date,
        scores.scored_at
    from customers
    inner join scores
        on scores.customer_id is null
    left join known_customers
        on customers.customer_id = known_customers.customer_id
    where known_customers.customer_id is null

),

final as (

    select
        listed.customer_id,
        listed.product_id,
        listed.fit_id,
        case when listed.is_repeat then 'repeat' else 'popular' end as source,
        case
            when not listed.is_repeat
                then 'In ' || {{ whole_number('round(1000 * products.basket_rate_28d)') }} || ' of 1000 baskets of all customers in the last 28 days.'
            else
                case
                    when repeats.baskets_of_last_10 > 0
                        then
                            'In ' || {{ whole_number('repeats.baskets_of_last_10') }} || ' of the last '
                            || {{ whole_number('repeats.customer_recent_baskets') }} || ' baskets'
                    else
                        'In ' || {{ whole_number('repeats.baskets_364d') }} || ' of '
                        || {{ whole_number('repeats.customer_baskets_364d') }} || ' baskets of the last 364 days'
                end
                || coalesce(', every ' || {{ whole_number('round(repeats.gap_mean_days)') }} || ' days on average', '')
                || ', last ' || {{ whole_number('repeats.days_since_last') }} || ' days ago.'
        end as statement,
        listed.fallback_level,
        listed.place,
        listed.purchase_probability,
        listed.as_of_date,
        listed.scored_at
    from listed
    left join repeats
        on
            listed.customer_id = repeats.customer_id
            and listed.product_id = repeats.product_id
            and listed.as_of_date = repeats.as_of_date
    left join products
        on
            listed.product_id = products.product_id
            and listed.as_of_date = products.as_of_date

)

select * from final

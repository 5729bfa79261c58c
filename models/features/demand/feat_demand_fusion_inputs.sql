with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

-- Weeks are numbered, so that windows count weeks and not rows: a product that went silent for a while has no rows in between.
weeks as (

    select
        product_id,
        days_observed,
        units,
        clean_units,
        orders,
        gross_amount,
        discount_amount,
        net_amount,
        views,
        favourites,
        add_to_carts,
        last_price_amount,
        as_of_date,
        last_day_date,
        cast(floor({{ days_between("cast('2000-01-03' as date)", 'as_of_date') }} / 7.0e0) as integer) as week_number
    from {{ ref('feat_demand_weeks') }}

),

products as (

    select
        product_id,
        category,
        list_price_amount
    from {{ ref('dim_products') }}

),

promotion_periods as (

    select distinct
        product_id,
        start_date,
        end_date
    from {{ ref('fct_promotions') }}

),

campaigns as (

    select
        start_date,
        end_date
    from {{ ref('dim_campaigns') }}

),

coupons as (

    select
        issue_date,
        redemption_date
    from {{ ref('fct_coupons') }}

),

ad_spend as (

    select
        cost_amount,
        spend_date
    from {{ ref('fct_ad_spend_daily') }}

),

dates as (

    select distinct
        as_of_date,
        week_number
    from weeks

),

-- ---- Marketing: what is planned, and what the shop as a whole has spent lately. ----
promotion_days as (

    select
        promotion_periods.product_id,
        dates.as_of_date,
        least(
            sum(
                {{ days_between(
                    'greatest(promotion_periods.start_date, dates.as_of_date)',
                    'least(promotion_periods.end_date, ' ~ add_days('dates.as_of_date', 27) ~ ')'
                ) }} + 1
            ), 28
        ) as days_next_28d
    from promotion_periods
    inner join dates
        on
            promotion_periods.start_date <= {{ add_days('dates.as_of_date', 27) }}
            and promotion_periods.end_date >= dates.as_of_date
    group by promotion_periods.product_id, dates.as_of_date

),

campaign_days as (

    select
        dates.as_of_date,
        sum(
            {{ days_between(
                'greatest(campaigns.start_date, dates.as_of_date)', 'least(campaigns.end_date, ' ~ add_days('dates.as_of_date', 27) ~ ')'
            ) }} + 1
        ) as days_next_28d
    from campaigns
    inner join dates
        on
            campaigns.start_date <= {{ add_days('dates.as_of_date', 27) }}
            and campaigns.end_date >= dates.as_of_date
    group by dates.as_of_date

),

marketing_events as (

    select
        {{ grid_date('coupons.issue_date', 'as_of.as_of_date', 7) }} as as_of_date,
        1 as coupons_issued,
        0 as coupons_redeemed,
        cast(0 as double) as ad_cost_amount
    from coupons
    cross join as_of
    where coupons.issue_date < as_of.as_of_date
    union all
    select
        {{ grid_date('coupons.redemption_date', 'as_of.as_of_date', 7) }} as as_of_date,
        0 as coupons_issued,
        1 as coupons_redeemed,
        cast(0 as double) as ad_cost_amount
    from coupons
    cross join as_of
    where coupons.redemption_date < as_of.as_of_date
    union all
    select
        {{ grid_date('ad_spend.spend_date', 'as_of.as_of_date', 7) }} as as_of_date,
        0 as coupons_issued,
        0 as coupons_redeemed,
        ad_spend.cost_amount as ad_cost_amount
    from ad_spend
    cross join as_of
    where ad_spend.spend_date < as_of.as_of_date

),

marketing_weeks as (

    select
        dates.as_of_date,
        dates.week_number,
        coalesce(sum(marketing_events.coupons_issued), 0) as coupons_issued,
        coalesce(sum(marketing_events.coupons_redeemed), 0) as coupons_redeemed,
        round(coalesce(sum(marketing_events.ad_cost_amount), 0), 6) as ad_cost_amount
    from dates
    left join marketing_events
        on dates.as_of_date = marketing_events.as_of_date
    group by dates.as_of_date, dates.week_number

),

marketing as (

    select
        as_of_date,
        {{ trend_of('coupons_issued', 'last_4_weeks') }} as coupons_issued_trend,
        {{ trend_of('coupons_redeemed', 'last_4_weeks') }} as coupons_redeemed_trend,
        {{ trend_of('ad_cost_amount', 'last_4_weeks') }} as ad_cost_trend
    from marketing_weeks
    window last_4_weeks as (order by week_number asc nulls last range between 3 preceding and current row)

),

-- ---- The category. ----
category_weeks as (

    select
        products.category,
        weeks.as_of_date,
        weeks.week_number,
        sum(weeks.days_observed) as days_observed,
        round(sum(weeks.clean_units), 6) as clean_units
    from weeks
    inner join products
        on weeks.product_id = products.product_id
    group by products.category, weeks.as_of_date, weeks.week_number

),

categories as (

    select
        category,
        as_of_date,
        {{ safe_divide(
            safe_divide('sum(clean_units) over last_4_weeks', 'sum(days_observed) over last_4_weeks'),
            safe_divide('sum(clean_units) over last_13_weeks', 'sum(days_observed) over last_13_weeks')
        ) }} as units_trend
    from category_weeks
    window
        last_4_weeks as (partition by category order by week_number asc nulls last range between 3 preceding and current row),
        last_13_weeks as (partition by category order by week_number asc nulls last range between 12 preceding and current row)

),

-- ---- The product: what it did lately, and what came of it in the 28 days that followed. ----
windowed as (

    select
        product_id,
        as_of_date,
        last_day_date,
        {{ trend_of('views', 'last_4_weeks') }} as views_trend,
        {{ trend_of('favourites', 'last_4_weeks') }} as favourites_trend,
        {{ trend_of('add_to_carts', 'last_4_weeks') }} as add_to_carts_trend,
        {{ trend_of('orders', 'last_4_weeks') }} as orders_trend,
        ln((sum(add_to_carts) over last_4_weeks + 1) / (sum(views) over last_4_weeks + 1.0e0)) as add_to_cart_rate,
        ln((sum(orders) over last_4_weeks + 1) / (sum(views) over last_4_weeks + 1.0e0)) as conversion_rate,
        last_price_amount,
        {{ safe_divide('sum(net_amount) over last_13_weeks', 'sum(units) over last_13_weeks') }} as price_mean_amount,
        {{ safe_divide('discount_amount', 'gross_amount') }} as discount_rate_7d,
        {{ safe_divide('sum(clean_units) over last_4_weeks', 'sum(days_observed) over last_4_weeks') }} as units_mean_28d,
        sum(clean_units) over next_4_weeks as next_units,
        sum(days_observed) over next_4_weeks as next_days
    from weeks
    window
        last_4_weeks as (partition by product_id order by week_number asc nulls last range between 3 preceding and current row),
        last_13_weeks as (partition by product_id order by week_number asc nulls last range between 12 preceding and current row),
        next_4_weeks as (partition by product_id order by week_number asc nulls last range between 1 following and 4 following)

),

-- Ratios are held within a factor of ten: one wrong price would set the scale for all. Case and not `least`, which passes over nulls.
final as (

    select
        windowed.product_id,
        round(windowed.views_trend, 6) as views_trend,
        round(windowed.favourites_trend, 6) as favourites_trend,
        round(windowed.add_to_carts_trend, 6) as add_to_carts_trend,
        round(windowed.orders_trend, 6) as orders_trend,
        round(windowed.add_to_cart_rate, 6) as add_to_cart_rate,
        round(windowed.conversion_rate, 6) as conversion_rate,
        round(case when categories.units_trend > 10 then 10 else categories.units_trend end, 6) as category_units_trend,
        round(
            case
                when windowed.last_price_amount > 10 * products.list_price_amount then 10
                else {{ safe_divide('windowed.last_price_amount', 'products.list_price_amount') }}
            end, 6
        ) as price_to_list,
        round(
            case
                when windowed.last_price_amount > 10 * windowed.price_mean_amount then 10
                else {{ safe_divide('windowed.last_price_amount', 'windowed.price_mean_amount') }}
            end, 6
        ) as price_to_mean,
        round(case when windowed.discount_rate_7d is not null then least(greatest(windowed.discount_rate_7d, 0), 1) end, 6) as discount_rate_7d,
        cast(coalesce(promotion_days.days_next_28d, 0) as double) as promotion_days_next_28d,
        cast(coalesce(campaign_days.days_next_28d, 0) as double) as campaign_days_next_28d,
        round(marketing.coupons_issued_trend, 6) as coupons_issued_trend,
        round(marketing.coupons_redeemed_trend, 6) as coupons_redeemed_trend,
        round(marketing.ad_cost_trend, 6) as ad_cost_trend,
        case
            when windowed.as_of_date <= {{ add_days('as_of.as_of_date', -28) }} and windowed.next_days > 0
                then round(ln((windowed.next_units + 1) / (windowed.units_mean_28d * windowed.next_days + 1.0e0)), 6)
        end as lift_next_28d,
        windowed.as_of_date
    from windowed
    cross join as_of
    inner join products
        on windowed.product_id = products.product_id
    inner join marketing
        on windowed.as_of_date = marketing.as_of_date
    left join categories
        on
            products.category = categories.category
            and windowed.as_of_date = categories.as_of_date
    left join promotion_days
        on
            windowed.product_id = promotion_days.product_id
            and windowed.as_of_date = promotion_days.as_of_date
    left join campaign_days
        on windowed.as_of_date = campaign_days.as_of_date
    where windowed.last_day_date = {{ add_days('windowed.as_of_date', -1) }}

)

select * from final

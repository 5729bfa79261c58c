with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

sales as (

    select
        product_id,
        units,
        outlier_units,
        orders,
        gross_amount,
        discount_amount,
        net_amount,
        average_price_amount,
        views,
        favourites,
        add_to_carts,
        on_hand,
        is_stock_out,
        sales_date
    from {{ ref('fct_sales_daily') }}

),

-- A stocked-out day says nothing about demand, and a bulk order nothing about the days after it: both stay out of `clean_units`, which
-- is null on a stocked-out day. Weeks are counted back from the as-of date, so that each ends the day before a date of the as-of grid.
days as (

    select
        sales.product_id,
        cast(floor(({{ days_between('sales.sales_date', 'as_of.as_of_date') }} - 1) / 7.0e0) as integer) as weeks_back,
        {{ day_of_week('sales.sales_date') }} as day_of_week,
        sales.units,
        case when not sales.is_stock_out then greatest(sales.units - sales.outlier_units, 0) end as clean_units,
        sales.orders,
        sales.gross_amount,
        sales.discount_amount,
        sales.net_amount,
        sales.average_price_amount,
        sales.views,
        sales.favourites,
        sales.add_to_carts,
        sales.on_hand,
        sales.is_stock_out,
        sales.sales_date
    from sales
    cross join as_of
    where sales.sales_date < as_of.as_of_date

),

-- One pass over the days. Sums of powers give the standard deviation, skewness and kurtosis of any longer window later. A week holds each
-- weekday once, so `max` picks that day's value. Sums of fractions are rounded: their last digit depends on the order of the rows.
weeks as (

    select
        product_id,
        weeks_back,
        count(*) as days_on_sale,
        count(clean_units) as days_observed,
        count(case when clean_units is not null and units = 0 then 1 end) as zero_days,
        count(case when is_stock_out then 1 end) as stock_out_days,
        round(sum(units), 6) as units,
        round(sum(clean_units), 6) as clean_units,
        round(sum(power(clean_units, 2)), 6) as clean_units_power_2,
        round(sum(power(clean_units, 3)), 6) as clean_units_power_3,
        round(sum(power(clean_units, 4)), 6) as clean_units_power_4,
        cast(sum(orders) as bigint) as orders,
        round(sum(gross_amount), 6) as gross_amount,
        round(sum(discount_amount), 6) as discount_amount,
        round(sum(net_amount), 6) as net_amount,
        cast(sum(views) as bigint) as views,
        cast(sum(favourites) as bigint) as favourites,
        cast(sum(add_to_carts) as bigint) as add_to_carts,
        {%- for weekday in range(1, 8) %}
            max(case when day_of_week = {{ weekday }} then units end) as weekday_{{ weekday }}_units,
            max(case when day_of_week = {{ weekday }} then clean_units end) as weekday_{{ weekday }}_clean_units,
        {%- endfor %}
        max_by(average_price_amount, case when average_price_amount is not null then sales_date end) as last_price_amount,
        max_by(on_hand, case when on_hand is not null then sales_date end) as last_on_hand,
        max(sales_date) as last_day_date,
        max(case when units > 0 then sales_date end) as last_sale_date
    from days
    group by product_id, weeks_back

),

final as (

    select
        weeks.product_id,
        weeks.days_on_sale,
        weeks.days_observed,
        weeks.zero_days,
        weeks.stock_out_days,
        weeks.units,
        weeks.clean_units,
        weeks.clean_units_power_2,
        weeks.clean_units_power_3,
        weeks.clean_units_power_4,
        weeks.orders,
        weeks.gross_amount,
        weeks.discount_amount,
        weeks.net_amount,
        weeks.views,
        weeks.favourites,
        weeks.add_to_carts,
        {%- for weekday in range(1, 8) %}
            weeks.weekday_{{ weekday }}_units,
            weeks.weekday_{{ weekday }}_clean_units,
        {%- endfor %}
        weeks.last_price_amount,
        weeks.last_on_hand,
        {{ add_days('as_of.as_of_date', '-7 * weeks.weeks_back') }} as as_of_date,
        weeks.last_day_date,
        weeks.last_sale_date
    from weeks
    cross join as_of

)

select * from final

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

past_dates as (

    select
        as_of_date,
        weeks_ago
    from {{ ref('dim_as_of_dates') }}
    where is_monthly and not is_current

),

products as (

    select
        product_id,
        category,
        list_price_amount,
        launched_date
    from {{ ref('dim_products') }}

),

sales as (

    select
        product_id,
        units - outlier_units as units,
        sales_date
    from {{ ref('fct_sales_daily') }}

),

-- ---- What products at rest sell: those that sold nothing lately. ----
-- Each past date is 28 days after the one before: its four weeks are a block that no other date shares.
block_sales as (

    select
        sales.product_id,
        past_dates.as_of_date,
        round(sum(sales.units), 6) as units,
        sum(case when sales.units > 0 then 1 else 0 end) as sale_days
    from sales
    cross join as_of
    inner join past_dates
        on
            past_dates.weeks_ago
            = 4 * cast(ceil({{ days_between('sales.sales_date', 'as_of.as_of_date') }} / 28.0e0) as integer)
    group by sales.product_id, past_dates.as_of_date

),

-- Every date from launch on which a product sells, or lately sold, has a row of sales: one the day before means it is no case for the fallback.
selling as (

    select
        sales.product_id,
        past_dates.as_of_date
    from sales
    inner join past_dates
        on {{ add_days('sales.sales_date', 1) }} = past_dates.as_of_date

),

resting as (

    select
        products.category,
        cast(coalesce(block_sales.units, 0) as double) as units,
        cast(coalesce(block_sales.sale_days, 0) as double) as sale_days
    from products
    inner join past_dates
        on products.launched_date < past_dates.as_of_date
    left join selling
        on
            products.product_id = selling.product_id
            and past_dates.as_of_date = selling.as_of_date
    left join block_sales
        on
            products.product_id = block_sales.product_id
            and past_dates.as_of_date = block_sales.as_of_date
    where selling.product_id is null

),

resting_category_rates as (

    select
        category,
        round(sum(units), 6) / nullif(28.0e0 * count(*), 0) as daily_units,
        sum(sale_days) / nullif(28.0e0 * count(*), 0) as sale_day_share
    from resting
    group by category

),

resting_shop_rates as (

    select
        round(sum(units), 6) / (28.0e0 * nullif(count(*), 0)) as daily_units,
        sum(sale_days) / (28.0e0 * nullif(count(*), 0)) as sale_day_share
    from resting

),

-- ---- What products sell in their first 28 days: of a category and a third of its prices, of a category, of the shop. ----
price_bands as (

    select
        category,
        percentile_cont(0.3333) within group (order by list_price_amount) as low_price_amount,
        percentile_cont(0.6667) within group (order by list_price_amount) as high_price_amount
    from products
    where list_price_amount is not null
    group by category

),

banded as (

    select
        products.product_id,
        products.category,
        case
            when products.list_price_amount is null then 'unknown'
            when products.list_price_amount <= price_bands.low_price_amount then 'low'
            when products.list_price_amount <= price_bands.high_price_amount then 'middle'
            else 'high'
        end as price_band,
        products.launched_date
    from products
    left join price_bands
        on products.category = price_bands.category

),

first_sales_date as (

    select min(sales_date) as sales_date
    from sales

),

-- A launch is dated by the first sale where the shop states none, so a product that merely had not sold yet when the data starts would look
-- new: launches count from some time after the start.
launches as (

    select
        banded.product_id,
        banded.category,
        banded.price_band,
        sum(coalesce(sales.units, 0)) as units,
        sum(case when sales.units > 0 then 1 else 0 end) as sale_days
    from banded
    cross join as_of
    cross join first_sales_date
    left join sales
        on
            banded.product_id = sales.product_id
            and sales.sales_date between banded.launched_date and {{ add_days('banded.launched_date', 27) }}
    where
        banded.launched_date >= {{ add_days('first_sales_date.sales_date', var('trendhouse_demand_active_days')) }}
        and {{ add_days('banded.launched_date', 28) }} <= as_of.as_of_date
    group by banded.product_id, banded.category, banded.price_band

),

-- Fewer than five launches are the luck of one product.
launch_rates as (

    select
        category,
        price_band,
        round(sum(units), 6) / (28.0e0 * count(*)) as daily_units,
        sum(sale_days) / (28.0e0 * count(*)) as sale_day_share
    from launches
    group by rollup(category, price_band)
    having count(*) >= 5

),

-- A launch date that a sale on the day itself may have given is not one that was planned: on a past as-of date it would tell the future.
planned as (

    select
        banded.product_id,
        banded.category,
        banded.price_band,
        banded.launched_date
    from banded
    cross join as_of
    left join sales
        on
            banded.product_id = sales.product_id
            and banded.launched_date = sales.sales_date
            and sales.units > 0
    where banded.launched_date >= as_of.as_of_date and sales.product_id is null

),

planned_rates as (

    select
        planned.product_id,
        planned.launched_date,
        case
            when of_band.category is not null then 'category_price_band'
            when of_category.category is not null then 'category'
            else 'global'
        end as fallback_level,
        coalesce(of_band.daily_units, of_category.daily_units, of_shop.daily_units) as daily_units,
        coalesce(of_band.sale_day_share, of_category.sale_day_share, of_shop.sale_day_share) as sale_day_share
    from planned
    left join launch_rates as of_band
        on
            planned.category = of_band.category
            and planned.price_band = of_band.price_band
    left join launch_rates as of_category
        on
            planned.category = of_category.category
            and of_category.price_band is null
    left join launch_rates as of_shop
        on of_shop.category is null

),

-- Without launches to learn from, a new product counts as one at rest.
final as (

    select
        products.product_id,
        case
            when planned_rates.daily_units is not null then planned_rates.fallback_level
            when resting_category_rates.category is not null then 'category'
            else 'global'
        end as fallback_level,
        coalesce(planned_rates.daily_units, resting_category_rates.daily_units, resting_shop_rates.daily_units, 0) as daily_units,
        coalesce(planned_rates.sale_day_share, resting_category_rates.sale_day_share, resting_shop_rates.sale_day_share, 0) as sale_day_share,
        planned_rates.launched_date as sells_from_date
    from products
    cross join resting_shop_rates
    left join resting_category_rates
        on products.category = resting_category_rates.category
    left join planned_rates
        on products.product_id = planned_rates.product_id

)

select * from final

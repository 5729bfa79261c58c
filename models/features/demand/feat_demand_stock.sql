with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where is_monthly

),

inventory as (

    select
        product_id,
        on_hand,
        coalesce(on_order, 0) as on_order,
        lead_time_days,
        inventory_date
    from {{ ref('fct_inventory_daily') }}

),

sales as (

    select
        product_id,
        units,
        sales_date
    from {{ ref('fct_sales_daily') }}
    where units > 0

),

-- From day to block of 28 days here, from block to snapshot below: joining each day to all later snapshots would take as many rows as there are
-- days times snapshots.
months as (

    select
        inventory.product_id,
        {{ grid_date('inventory.inventory_date', 'as_of.as_of_date', 28) }} as month_as_of_date,
        max(case when inventory.on_hand is not null then inventory.inventory_date end) as counted_date,
        max(case when inventory.lead_time_days is not null then inventory.inventory_date end) as lead_time_date
    from inventory
    cross join as_of
    where inventory.inventory_date < as_of.as_of_date
    group by inventory.product_id, {{ grid_date('inventory.inventory_date', 'as_of.as_of_date', 28) }}

),

last_counts as (

    select
        months.product_id,
        as_of_dates.as_of_date,
        max(months.counted_date) as counted_date,
        max(months.lead_time_date) as lead_time_date
    from months
    inner join as_of_dates
        on months.month_as_of_date <= as_of_dates.as_of_date
    group by months.product_id, as_of_dates.as_of_date

),

-- An old count says nothing of the shelf any more, because orders placed since are not in it.
counts as (

    select
        last_counts.product_id,
        last_counts.as_of_date,
        counted.on_hand as counted_on_hand,
        counted.on_order as counted_on_order,
        ceil(timed.lead_time_days) as lead_time_days,
        counted.inventory_date as counted_date
    from last_counts
    left join inventory as counted
        on
            last_counts.product_id = counted.product_id
            and last_counts.counted_date = counted.inventory_date
            and {{ days_between('counted.inventory_date', 'last_counts.as_of_date') }} <= {{ var('trendhouse_stock_count_days') }}
    left join inventory as timed
        on
            last_counts.product_id = timed.product_id
            and last_counts.lead_time_date = timed.inventory_date

),

-- A count is of the end of its day. Bulk orders left the shelf like any other.
sold_since as (

    select
        counts.product_id,
        counts.as_of_date,
        round(sum(sales.units), 6) as units
    from counts
    inner join sales
        on
            counts.product_id = sales.product_id
            and counts.counted_date < sales.sales_date
            and counts.as_of_date > sales.sales_date
    group by counts.product_id, counts.as_of_date

),

-- What was on order for as long as a delivery takes has come in.
received as (

    select
        counts.product_id,
        counts.as_of_date,
        counts.counted_on_hand,
        counts.counted_on_order,
        counts.lead_time_days,
        counts.counted_date,
        coalesce(sold_since.units, 0) as units_sold_since,
        coalesce({{ days_between('counts.counted_date', 'counts.as_of_date') }} > counts.lead_time_days, false) as is_received
    from counts
    left join sold_since
        on
            counts.product_id = sold_since.product_id
            and counts.as_of_date = sold_since.as_of_date

),

final as (

    select
        product_id,
        -- greatest() would take unknown stock for none.
        case
            when counted_date is not null
                then greatest(counted_on_hand + case when is_received then counted_on_order else 0 end - units_sold_since, 0)
        end as on_hand,
        case when is_received then 0 else counted_on_order end as on_order,
        counted_on_hand,
        case when counted_date is not null then units_sold_since end as units_sold_since,
        cast(lead_time_days as integer) as lead_time_days,
        as_of_date,
        counted_date
    from received

)

select * from final

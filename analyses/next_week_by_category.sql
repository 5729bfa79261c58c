-- Next week by category beside last week and the same week a year ago: what a buyer asks on Monday. Run it with
-- `dbt show --select next_week_by_category --limit 50`, or take the compiled SQL to a BI tool.
with forecast as (

    select
        category,
        mean_units,
        p10_units,
        p90_units,
        week_start_date,
        week_end_date
    from {{ ref('pred_demand_weekly') }}
    where horizon_week = 1

),

sales as (

    select
        products.category,
        sales.units,
        sales.sales_date
    from {{ ref('fct_sales_daily') }} as sales
    inner join {{ ref('dim_products') }} as products
        on sales.product_id = products.product_id

),

final as (

    select
        forecast.category,
        forecast.week_start_date,
        forecast.mean_units,
        forecast.p10_units,
        forecast.p90_units,
        sum(case when sales.sales_date >= {{ add_days('forecast.week_start_date', -7) }} then sales.units end) as last_week_units,
        sum(case when sales.sales_date <= {{ add_days('forecast.week_end_date', -364) }} then sales.units end) as year_ago_units
    from forecast
    left join sales
        on
            forecast.category = sales.category
            and forecast.week_start_date > sales.sales_date
            and (
                sales.sales_date >= {{ add_days('forecast.week_start_date', -7) }}
                or sales.sales_date between {{ add_days('forecast.week_start_date', -364) }} and {{ add_days('forecast.week_end_date', -364) }}
            )
    group by forecast.category, forecast.week_start_date, forecast.mean_units, forecast.p10_units, forecast.p90_units

)

select * from final
order by mean_units desc nulls last

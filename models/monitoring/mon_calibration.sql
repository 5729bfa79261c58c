with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

backtest as (

    select
        fit_id,
        cast(ceil(horizon_days / 7.0e0) as integer) as horizon_week,
        mean_units,
        {%- for level in quantile_levels() %}
            {{ quantile_column(level) }},
        {%- endfor %}
        actual_units
    from {{ ref('ml_demand__calibration') }}
    where not is_censored and not is_warm_up

),

category_weeks as (

    select
        fit_id,
        horizon_week,
        mean_units,
        {%- for level in quantile_levels() %}
            {{ quantile_column(level) }},
        {%- endfor %}
        actual_units
    from {{ ref('ml_demand__category_calibration') }}

),

scores as (

    select
        fit_id,
        product_id,
        cast(ceil(horizon_days / 7.0e0) as integer) as horizon_week,
        mean_units,
        {%- for level in quantile_levels() %}
            {{ quantile_column(level) }},
        {%- endfor %}
        as_of_date,
        target_date
    from {{ ref('ml_demand__scores') }}

),

sales as (

    select
        product_id,
        units - outlier_units as units,
        is_stock_out,
        sales_date
    from {{ ref('fct_sales_daily') }}

),

-- Forecasts made on earlier as-of dates whose day is over. A product without a row that day has been silent for long, and sold nothing. The
-- last three months tell how calibrated the forecasts are now, and keep the table from growing with every night.
live as (

    select
        scores.*,
        greatest(coalesce(sales.units, 0), 0) as actual_units
    from scores
    cross join as_of
    left join sales
        on
            scores.product_id = sales.product_id
            and scores.target_date = sales.sales_date
    where
        scores.target_date < as_of.as_of_date
        and scores.as_of_date >= {{ add_days('as_of.as_of_date', -91) }}
        and not coalesce(sales.is_stock_out, false)

),

judged as (

    {% for forecasts, scale, source, least, middle, most in [
        ('backtest', 'product_day', 'backtest', 0.1, 1, 10),
        ('live', 'product_day', 'live', 0.1, 1, 10),
        ('category_weeks', 'category_week', 'backtest', 10, 100, 1000),
    ] %}
        select
            fit_id,
            '{{ scale }}' as scale,
            '{{ source }}' as source,
            horizon_week,
            case
                when mean_units < {{ least }} then 'below {{ least }}'
                when mean_units < {{ middle }} then '{{ least }} to {{ middle }}'
                when mean_units < {{ most }} then '{{ middle }} to {{ most }}'
                else '{{ most }} and more'
            end as size_class,
            actual_units,
            {%- for level in quantile_levels() %}
                {{ quantile_column(level) }},
            {%- endfor %}
            {{ levels_with('<', 'actual_units') }} as levels_below,
            {{ levels_with('<=', 'actual_units') }} as levels_at_most
        from {{ forecasts }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Counts tie: the probability that a forecast gives to the count that came is a range, from `low` to `high`, read off the levels.
placed as (

    select
        judged.*,
        case when levels_below = 0 then 0 else (levels_below + 0.5e0) / 20 end as low,
        case when levels_at_most = 19 then 1 else (levels_at_most + 0.5e0) / 20 end as high
    from judged

),

levels as (

    {% for level in quantile_levels() %}
        select
            fit_id,
            scale,
            source,
            horizon_week,
            size_class,
            cast({{ level }} as double) as level,
            actual_units,
            {{ quantile_column(level) }} as quantile_units,
            {{ quantile_column(1 - level) }} as opposite_units,
            -- The share of the range that lies below the level, and below the level opposite.
            case
                when low >= {{ level }} then 0
                when high <= {{ level }} then 1
                else ({{ level }} - low) / nullif(high - low, 0)
            end as part_below,
            case
                when low >= {{ (1 - level) | round(2) }} then 0
                when high <= {{ (1 - level) | round(2) }} then 1
                else ({{ (1 - level) | round(2) }} - low) / nullif(high - low, 0)
            end as opposite_part_below
        from placed
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

cuts as (

    select
        fit_id,
        scale,
        source,
        case
            when grouping(horizon_week) = 0 then 'horizon_week'
            when grouping(size_class) = 0 then 'size_class'
            else 'all'
        end as cut,
        size_class,
        horizon_week,
        level,
        count(*) as predictions,
        {{ share_of('actual_units < quantile_units') }} as share_below,
        {{ share_of('actual_units <= quantile_units') }} as share_at_or_below,
        avg(part_below) as tie_corrected_share,
        avg(greatest(level * (actual_units - quantile_units), (level - 1) * (actual_units - quantile_units))) as pinball_loss_units,
        {{ share_of('actual_units between least(quantile_units, opposite_units) and greatest(quantile_units, opposite_units)') }} as band_share,
        avg(abs(part_below - opposite_part_below)) as tie_corrected_band_share
    from levels
    group by fit_id, scale, source, level, cube(horizon_week, size_class)
    having grouping(horizon_week) = 1 or grouping(size_class) = 1

),

-- Rounded, because sums of fractions differ in the last digit with the order of the rows, and two builds must be equal.
final as (

    select
        fit_id,
        'demand' as topic,
        scale,
        source,
        cut,
        size_class,
        horizon_week,
        level,
        predictions,
        round(share_below, 9) as share_below,
        round(share_at_or_below, 9) as share_at_or_below,
        round(tie_corrected_share, 9) as tie_corrected_share,
        round(pinball_loss_units, 9) as pinball_loss_units,
        round(abs(2 * level - 1), 2) as band_level,
        round(band_share, 9) as band_share,
        round(tie_corrected_band_share, 9) as tie_corrected_band_share
    from cuts

)

select * from final

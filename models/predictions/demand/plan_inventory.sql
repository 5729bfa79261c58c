with terms as (

    select
        product_id,
        category,
        lead_time_source,
        service_level,
        on_hand,
        on_order,
        lead_time_days,
        review_period_days,
        protection_days,
        excess_cover_days,
        minimum_order_units,
        pack_units,
        unit_cost_amount,
        holding_day_amount,
        shortage_unit_amount,
        order_cost_amount,
        is_cost_ratio,
        is_dead,
        as_of_date,
        counted_date,
        last_sale_date
    from {{ ref('ml_demand__replenishment') }}

),

ladder as (

    select
        product_id,
        period,
        stock_units,
        enough_probability,
        shortage_units
    from {{ ref('ml_demand__lead_time') }}

),

forecasts as (

    select
        product_id,
        fallback_level,
        fit_id,
        scored_at
    from {{ ref('pred_demand_daily') }}
    where horizon_days = 1

),

-- ---- How much to order at once, and how sure to be. ----
-- With nothing in stock all demand falls short: the shortage on the lowest rung is the mean demand.
demand as (

    select
        terms.*,
        ladder.shortage_units as mean_demand_units,
        ladder.shortage_units / nullif(terms.protection_days, 0) as daily_units
    from terms
    inner join ladder
        on
            terms.product_id = ladder.product_id
            and ladder.period = 'protection'
            and ladder.stock_units = 0

),

-- Never less than a review period sells, or the next look would order again.
lots as (

    select
        demand.*,
        greatest(
            coalesce(round({{ economic_order_quantity('daily_units', 'order_cost_amount', 'holding_day_amount') }}), 0),
            ceil(daily_units * review_period_days),
            1
        ) as lot_units
    from demand

),

cycles as (

    select
        lots.*,
        greatest(lot_units / nullif(daily_units, 0), review_period_days) as cycle_days
    from lots

),

-- A unit too many is held until the lot is sold, at least until the next look; a unit too few is a sale lost. Beyond 0.999 the ladder has nothing
-- to go by.
targets as (

    select
        cycles.*,
        case
            when is_cost_ratio
                then least({{ critical_ratio('shortage_unit_amount', 'holding_day_amount * cycle_days') }}, 0.999e0)
            else service_level
        end as service_level_aimed_at
    from cycles

),

-- ---- The reorder point: the lowest rung that is enough, with that probability, until an order of the next review would arrive. ----
reorder_points as (

    select
        targets.product_id,
        coalesce(
            min(case when ladder.enough_probability >= targets.service_level_aimed_at then ladder.stock_units end),
            max(ladder.stock_units)
        ) as reorder_point_units
    from targets
    inner join ladder
        on
            targets.product_id = ladder.product_id
            and ladder.period = 'protection'
    group by targets.product_id

),

-- An order is placed below the reorder point, so from one unit below it a whole lot fills up; never beyond what would be excess.
levels as (

    select
        targets.*,
        reorder_points.reorder_point_units,
        targets.on_hand + targets.on_order as position_units,
        reorder_points.reorder_point_units - 1 + targets.lot_units as wanted_units,
        greatest(reorder_points.reorder_point_units, floor(targets.daily_units * targets.excess_cover_days)) as most_units
    from targets
    inner join reorder_points
        on targets.product_id = reorder_points.product_id

),

-- ---- The order. ----
needed as (

    select
        levels.*,
        least(wanted_units, most_units) as order_up_to_units,
        case
            when is_dead then 0
            when position_units is null then null
            when position_units < reorder_point_units then ceil(least(wanted_units, most_units) - position_units)
            else 0
        end as needed_units
    from levels

),

ordered as (

    select
        needed.*,
        case
            when needed_units > 0
                then
                    coalesce(pack_units, 1)
                    * ceil({{ safe_divide('greatest(needed_units, coalesce(minimum_order_units, 0))', 'coalesce(pack_units, 1)') }})
            else needed_units
        end as order_quantity_units
    from needed

),

-- ---- What it brings: the ladder's rung at the stock there is (until a delivery can arrive) and at the stock with the order (after that). ----
outlook as (

    select
        ordered.product_id,
        round(
            1 - max(case when ladder.period = 'lead_time' and ladder.stock_units <= ordered.position_units then ladder.enough_probability end),
            6
        ) as stock_out_probability,
        min(
            case
                when ladder.period = 'protection' and ladder.stock_units <= ordered.position_units + ordered.order_quantity_units
                    then ladder.shortage_units
            end
        ) as expected_shortage_units
    from ordered
    inner join ladder
        on ordered.product_id = ladder.product_id
    group by ordered.product_id

),

judged as (

    select
        ordered.*,
        outlook.stock_out_probability,
        outlook.expected_shortage_units,
        case
            when ordered.is_dead then 'dead'
            when ordered.on_hand is null then 'unknown'
            when ordered.on_hand <= 0 then 'stock_out'
            when ordered.order_quantity_units > 0 then 'reorder'
            when ordered.on_hand > greatest(ordered.daily_units * ordered.excess_cover_days, ordered.order_up_to_units) then 'excess'
            else 'ok'
        end as stock_status,
        case
            when ordered.is_dead then 'dead_stock_days'
            when ordered.on_hand is null then 'stock_unknown'
            when ordered.order_quantity_units = 0 then 'nothing'
            when ordered.needed_units < ordered.minimum_order_units then 'minimum_order_units'
            when ordered.order_quantity_units > ordered.needed_units then 'pack_units'
            when ordered.wanted_units > ordered.most_units then 'excess_cover_days'
            else 'nothing'
        end as bounded_by,
        ordered.on_hand / nullif(ordered.daily_units, 0) as days_of_cover,
        -- Units left are those there were, less those asked for, but for those that could not be served. They are held for one review period.
        ordered.holding_day_amount * ordered.review_period_days * (
            ordered.position_units + ordered.order_quantity_units - ordered.mean_demand_units + outlook.expected_shortage_units
        ) as holding_amount,
        case when ordered.shortage_unit_amount > 0 then ordered.shortage_unit_amount else 0 * ordered.shortage_unit_amount end
        * outlook.expected_shortage_units as shortage_amount,
        case when ordered.order_quantity_units > 0 then ordered.order_cost_amount else 0 end as ordering_amount
    from ordered
    inner join outlook
        on ordered.product_id = outlook.product_id

),

final as (

    select
        judged.product_id,
        judged.category,
        forecasts.fallback_level,
        judged.stock_status,
        judged.bounded_by,
        case
            when judged.stock_status = 'dead' and judged.last_sale_date is null then 'Do not order: it has never sold'
            when judged.stock_status = 'dead' then 'Do not order: the last sale was on ' || cast(judged.last_sale_date as string)
            when judged.stock_status = 'unknown'
                then
                    'Count the stock: no count of the last {{ var("trendhouse_stock_count_days") }} days is known; order when fewer than '
                    || {{ whole_number('judged.reorder_point_units') }} || ' are on hand or on order'
            else
                case
                    when judged.order_quantity_units > 0 then 'Order ' || {{ whole_number('judged.order_quantity_units') }} || ': '
                    when judged.stock_status = 'excess' then 'Order nothing, too much in stock: '
                    else 'Order nothing: '
                end
                || case
                    when judged.on_hand <= 0 then 'none on hand'
                    else {{ whole_number('floor(judged.on_hand)') }} || ' on hand'
                end
                || case
                    when judged.on_order > 0 then ' and ' || {{ whole_number('judged.on_order') }} || ' on order cover '
                    when judged.on_hand <= 0 then ', enough for '
                    else ' cover '
                end
                || coalesce({{ whole_number('floor(judged.position_units / nullif(judged.daily_units, 0))') }}, 'any number of')
                || ' days, the delivery takes ' || {{ whole_number('judged.lead_time_days') }}
                || case
                    when judged.order_quantity_units > 0
                        then
                            '; to be ' || {{ whole_number('round(100 * judged.service_level_aimed_at)') }} || '% sure until the one after, '
                            || {{ whole_number('judged.reorder_point_units') }} || ' are needed'
                    else ''
                end
        end as reason,
        judged.lead_time_source,
        judged.on_hand,
        judged.on_order,
        judged.lead_time_days,
        judged.review_period_days,
        judged.service_level_aimed_at as service_level,
        judged.mean_demand_units,
        greatest(judged.reorder_point_units - judged.mean_demand_units, 0) as safety_stock_units,
        cast(judged.reorder_point_units as bigint) as reorder_point_units,
        cast(judged.order_up_to_units as bigint) as order_up_to_units,
        cast(judged.order_quantity_units as bigint) as order_quantity_units,
        case
            when judged.stock_status = 'dead' then judged.on_hand
            when judged.stock_status = 'excess'
                then judged.on_hand - greatest(judged.daily_units * judged.excess_cover_days, judged.order_up_to_units)
            when judged.on_hand is not null then 0
        end as excess_units,
        judged.days_of_cover,
        judged.stock_out_probability,
        judged.expected_shortage_units,
        round(judged.holding_amount + judged.shortage_amount + judged.ordering_amount, 6) as expected_cost_amount,
        judged.order_quantity_units * judged.unit_cost_amount as order_value_amount,
        forecasts.fit_id,
        judged.as_of_date,
        judged.counted_date,
        judged.last_sale_date,
        forecasts.scored_at
    from judged
    inner join forecasts
        on judged.product_id = forecasts.product_id

)

select * from final

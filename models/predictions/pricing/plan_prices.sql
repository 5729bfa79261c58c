with responses as (

    select
        product_id,
        category,
        fallback_level,
        elasticity,
        p10_elasticity,
        p90_elasticity,
        price_amount,
        as_of_date
    from {{ ref('pred_price_response') }}

),

products as (

    select
        product_id,
        list_price_amount,
        unit_cost_amount
    from {{ ref('dim_products') }}

),

demand as (

    select
        product_id,
        round(sum(mean_units), 6) as mean_units
    from {{ ref('pred_demand_daily') }}
    group by product_id

),

guardrails as (

    select
        category,
        margin_floor_rate,
        largest_rise_rate,
        largest_cut_rate,
        largest_list_ratio,
        price_step_amount,
        price_ending_amount,
        minimum_gain_rate
    from {{ ref('price_guardrails') }}

),

judged as (

    select
        product_id,
        actual_units,
        mean_units,
        as_of_date
    from {{ ref('ml_demand__judged_days') }}

),

-- ---- How far a product's 28-day forecasts were off, out of sample, in four classes by size, as weeks by category in
-- ml_demand__category_ratios. ----
past_forecasts as (

    select
        product_id,
        as_of_date,
        round(sum(actual_units), 6) as actual_units,
        round(sum(mean_units), 6) as mean_units
    from judged
    group by product_id, as_of_date

),

sized_forecasts as (

    select
        actual_units,
        mean_units,
        ntile(4) over (order by mean_units asc nulls last, product_id asc nulls last, as_of_date asc nulls last) as size_class
    from past_forecasts
    where mean_units > 0

),

ranked_forecasts as (

    select
        size_class,
        mean_units,
        actual_units / nullif(mean_units, 0) as ratio,
        row_number() over (partition by size_class order by actual_units / nullif(mean_units, 0) asc nulls last) as place,
        count(*) over (partition by size_class) as forecasts
    from sized_forecasts

),

class_ratios as (

    select
        size_class,
        max(forecasts) as forecasts,
        min(mean_units) as least_units,
        round({{ ranked_quantile('ratio', 'place', 'forecasts', 0.1) }}, 9) as p10_ratio,
        round({{ ranked_quantile('ratio', 'place', 'forecasts', 0.9) }}, 9) as p90_ratio
    from ranked_forecasts
    group by size_class

),

-- Each class reaches from its smallest forecast to the next class's; the outer ones are open.
ratios as (

    select
        forecasts,
        case when size_class = 1 then 0 else least_units end as from_units,
        lead(least_units) over (order by size_class asc nulls last) as below_units,
        p10_ratio,
        p90_ratio
    from class_ratios

),

-- ---- What each product may do: its category's guardrails, where one is blank the default's. ----
bounded as (

    select
        responses.product_id,
        responses.category,
        responses.fallback_level,
        responses.elasticity,
        responses.p10_elasticity,
        responses.p90_elasticity,
        responses.price_amount,
        responses.as_of_date,
        products.unit_cost_amount,
        demand.mean_units,
        coalesce(own.price_step_amount, defaults.price_step_amount) as price_step_amount,
        coalesce(own.price_ending_amount, defaults.price_ending_amount) as price_ending_amount,
        coalesce(own.minimum_gain_rate, defaults.minimum_gain_rate) as minimum_gain_rate,
        responses.price_amount * (1 + coalesce(own.largest_rise_rate, defaults.largest_rise_rate)) as rise_limit_amount,
        responses.price_amount * (1 - coalesce(own.largest_cut_rate, defaults.largest_cut_rate)) as cut_limit_amount,
        products.unit_cost_amount / nullif(1 - coalesce(own.margin_floor_rate, defaults.margin_floor_rate), 0) as floor_amount,
        -- A price that stands above the cap already need not come down, but it rises no further.
        case
            when products.list_price_amount > 0
                then
                    greatest(
                        products.list_price_amount * coalesce(own.largest_list_ratio, defaults.largest_list_ratio), responses.price_amount
                    )
        end as list_limit_amount,
        {{ quantile_of_sum('demand.mean_units', 'least(ratios.p10_ratio, 1)', 'ratios.forecasts', 0.1) }} as p10_units,
        {{ quantile_of_sum('demand.mean_units', 'greatest(ratios.p90_ratio, 1)', 'ratios.forecasts', 0.9) }} as p90_units
    from responses
    inner join products
        on responses.product_id = products.product_id
    left join demand
        on responses.product_id = demand.product_id
    left join guardrails as own
        on responses.category = own.category
    left join guardrails as defaults
        on defaults.category = 'default'
    left join ratios
        on
            demand.mean_units >= ratios.from_units
            and (demand.mean_units < ratios.below_units or ratios.below_units is null)

),

ranged as (

    select
        bounded.*,
        greatest(cut_limit_amount, floor_amount) as lower_amount,
        least(rise_limit_amount, coalesce(list_limit_amount, rise_limit_amount)) as upper_amount
    from bounded

),

-- Profit (p - c) * p ^ e has one peak, at p = c * e / (1 + e) for an elasticity below -1, and rises without end for a weaker one. Within
-- the limits the best price is therefore the peak or the limit nearest to it, and among allowed endings one of its two neighbours.
targeted as (

    select
        ranged.*,
        least(
            greatest(
                case when elasticity < -1 then unit_cost_amount * elasticity / nullif(1 + elasticity, 0) else upper_amount end, lower_amount
            ), upper_amount
        ) as target_amount,
        case
            when price_amount is null or price_amount <= 0 then 'no_price'
            when unit_cost_amount is null then 'no_cost'
            when fallback_level = 'prior' then 'no_response'
            when lower_amount > upper_amount then 'guardrails_clash'
        end as obstacle
    from ranged

),

candidates as (

    select
        product_id,
        price_amount as candidate_amount,
        true as is_current
    from targeted
    where
        obstacle is null
        and price_amount >= lower_amount
    union all
    select
        product_id,
        round(floor((target_amount - price_ending_amount) / nullif(price_step_amount, 0)) * price_step_amount + price_ending_amount, 4)
            as candidate_amount,
        false as is_current
    from targeted
    where obstacle is null
    union all
    select
        product_id,
        round(
            (floor((target_amount - price_ending_amount) / nullif(price_step_amount, 0)) + 1) * price_step_amount + price_ending_amount, 4
        ) as candidate_amount,
        false as is_current
    from targeted
    where obstacle is null

),

valued as (

    select
        candidates.product_id,
        candidates.candidate_amount,
        candidates.is_current,
        targeted.minimum_gain_rate,
        round(
            (candidates.candidate_amount - targeted.unit_cost_amount)
            * targeted.mean_units
            * power(candidates.candidate_amount / nullif(targeted.price_amount, 0), targeted.elasticity), 6
        ) as profit_amount
    from candidates
    inner join targeted
        on candidates.product_id = targeted.product_id
    where
        candidates.is_current
        or (
            candidates.candidate_amount between targeted.lower_amount and targeted.upper_amount
            and candidates.candidate_amount > 0
            and candidates.candidate_amount <> targeted.price_amount
        )

),

compared as (

    select
        valued.*,
        max(case when is_current then profit_amount end) over (partition by product_id) as current_profit_amount
    from valued

),

-- A change has to be worth it; between two that are equally good, the lower price is the kinder one.
chosen as (

    select
        product_id,
        candidate_amount as planned_amount,
        is_passed_over
    from (
        select
            product_id,
            candidate_amount,
            max(
                case when not is_current and not is_worth_it and profit_amount > current_profit_amount then 1 else 0 end
            ) over (partition by product_id) = 1 as is_passed_over,
            row_number() over (
                partition by product_id
                order by
                    case when is_worth_it then 0 when is_current then 1 else 2 end asc nulls last,
                    profit_amount desc nulls last,
                    candidate_amount asc nulls last
            ) as preference
        from (
            select
                compared.*,
                not is_current
                and coalesce(
                    profit_amount - current_profit_amount > minimum_gain_rate * abs(current_profit_amount), current_profit_amount is null
                ) as is_worth_it
            from compared
        ) as judged
    ) as ranked
    where preference = 1

),

planned as (

    select
        targeted.*,
        case when chosen.product_id is null then coalesce(targeted.obstacle, 'no_allowed_price') end as hold_reason,
        chosen.planned_amount,
        chosen.is_passed_over,
        power(chosen.planned_amount / nullif(targeted.price_amount, 0), targeted.elasticity) as units_ratio,
        least(
            power(chosen.planned_amount / nullif(targeted.price_amount, 0), targeted.p10_elasticity),
            power(chosen.planned_amount / nullif(targeted.price_amount, 0), targeted.p90_elasticity)
        ) as p10_units_ratio,
        greatest(
            power(chosen.planned_amount / nullif(targeted.price_amount, 0), targeted.p10_elasticity),
            power(chosen.planned_amount / nullif(targeted.price_amount, 0), targeted.p90_elasticity)
        ) as p90_units_ratio
    from targeted
    left join chosen
        on targeted.product_id = chosen.product_id

),

-- Two sources of error that have nothing to do with each other, how much is wanted and how the price moves it: their distances from the
-- mean add up as squares.
expected as (

    select
        planned.*,
        mean_units * units_ratio as planned_units,
        greatest(
            mean_units * units_ratio
            - sqrt(power((mean_units - p10_units) * units_ratio, 2) + power(mean_units * (units_ratio - p10_units_ratio), 2)), 0
        ) as planned_p10_units,
        mean_units * units_ratio
        + sqrt(power((p90_units - mean_units) * units_ratio, 2) + power(mean_units * (p90_units_ratio - units_ratio), 2))
            as planned_p90_units,
        planned_amount - unit_cost_amount as planned_margin_amount,
        (price_amount - unit_cost_amount) * mean_units as kept_profit_amount
    from planned

),

described as (

    select
        expected.*,
        case
            when hold_reason is not null then 'review'
            when planned_amount > price_amount then 'raise'
            when planned_amount < price_amount then 'cut'
            else 'keep'
        end as action,
        planned_margin_amount * planned_units as planned_profit_amount,
        case
            when hold_reason is not null then 'none'
            when planned_amount = price_amount and is_passed_over then 'minimum_gain'
            when target_amount = upper_amount and upper_amount < rise_limit_amount then 'list_price'
            when planned_amount = price_amount then 'none'
            when target_amount = upper_amount then 'largest_rise'
            when target_amount = lower_amount and lower_amount > cut_limit_amount then 'margin_floor'
            when target_amount = lower_amount then 'largest_cut'
            else 'none'
        end as binding_guardrail
    from expected

),

final as (

    select
        product_id,
        category,
        fallback_level,
        action,
        binding_guardrail,
        elasticity,
        price_amount as current_price_amount,
        planned_amount as planned_price_amount,
        unit_cost_amount,
        floor_amount as lowest_allowed_price_amount,
        round(mean_units, 6) as current_units,
        round(planned_units, 6) as planned_units,
        round(planned_p10_units, 6) as p10_planned_units,
        round(planned_p90_units, 6) as p90_planned_units,
        round(mean_units * price_amount, 6) as current_revenue_amount,
        round(planned_units * planned_amount, 6) as planned_revenue_amount,
        round(planned_p10_units * planned_amount, 6) as p10_planned_revenue_amount,
        round(planned_p90_units * planned_amount, 6) as p90_planned_revenue_amount,
        round(kept_profit_amount, 6) as current_profit_amount,
        round(planned_profit_amount, 6) as planned_profit_amount,
        round(least(planned_margin_amount * planned_p10_units, planned_margin_amount * planned_p90_units), 6) as p10_planned_profit_amount,
        round(greatest(planned_margin_amount * planned_p10_units, planned_margin_amount * planned_p90_units), 6)
            as p90_planned_profit_amount,
        round(planned_profit_amount - kept_profit_amount, 6) as profit_gain_amount,
        round(
            least(planned_margin_amount * mean_units * p10_units_ratio, planned_margin_amount * mean_units * p90_units_ratio)
            - kept_profit_amount, 6
        ) as p10_profit_gain_amount,
        round(
            greatest(planned_margin_amount * mean_units * p10_units_ratio, planned_margin_amount * mean_units * p90_units_ratio)
            - kept_profit_amount, 6
        ) as p90_profit_gain_amount,
        case action
            when 'review'
                then
                    case hold_reason
                        when 'no_price' then 'No plan: the product has no price.'
                        when 'no_cost' then 'No plan: what a unit costs is not known, so neither is its profit.'
                        when 'no_response' then 'No plan: no price of the shop ever moved enough to tell how customers respond.'
                        when 'guardrails_clash'
                            then
                                'No plan: the margin floor asks for '
                                || cast(cast(floor_amount as decimal(18, 2)) as string)
                                || ', the other guardrails allow '
                                || cast(cast(upper_amount as decimal(18, 2)) as string)
                                || ' at most. Decide by hand.'
                        else 'No plan: no price with an allowed ending lies within the guardrails.'
                    end
            when 'keep'
                then
                    case binding_guardrail
                        when 'minimum_gain' then 'Keep: the best allowed change would bring less than the minimum gain.'
                        when 'list_price' then 'Keep: a higher price would bring more, but the cap on the list price forbids it.'
                        else 'Keep: no other allowed price is expected to bring more.'
                    end
            else
                case action when 'raise' then 'Raise by ' else 'Cut by ' end
                || cast(cast(abs(100 * (planned_amount / nullif(price_amount, 0) - 1)) as decimal(18, 1)) as string)
                || '%: units '
                || case when units_ratio < 1 then 'fall' else 'rise' end
                || ' by '
                || cast(cast(abs(100 * (units_ratio - 1)) as decimal(18, 1)) as string)
                || '% at an elasticity of '
                || cast(cast(elasticity as decimal(18, 2)) as string)
                || ', profit changes by '
                || cast(cast(planned_profit_amount - kept_profit_amount as decimal(18, 2)) as string)
                || ' in 28 days.'
                || case binding_guardrail
                    when 'largest_rise' then ' The largest rise allowed in one step holds it back.'
                    when 'largest_cut' then ' The largest cut allowed in one step holds it back.'
                    when 'margin_floor' then ' The margin floor sets it.'
                    when 'list_price' then ' The cap on the list price holds it back.'
                    else ''
                end
        end as reason,
        as_of_date
    from described

)

select * from final

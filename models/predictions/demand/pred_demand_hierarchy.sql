{% set parents = {'total': none, 'seller': 'total', 'category': 'total', 'subcategory': 'category'} %}
{% set levels = [0.1, 0.5, 0.9] %}

with daily as (

    select
        product_id,
        horizon_days,
        cast(ceil(horizon_days / 7.0e0) as integer) as horizon_week,
        mean_units,
        as_of_date,
        target_date,
        scored_at
    from {{ ref('pred_demand_daily') }}

),

nodes as (

    select
        product_id,
        total,
        seller,
        category,
        subcategory
    from {{ ref('ml_demand__nodes') }}

),

champion as (

    select
        fit_id,
        algorithm
    from {{ ref('ml_demand__standings') }}
    where is_champion

),

chosen as (

    select method
    from {{ ref('ml_demand__reconciliation_standings') }}
    where is_chosen

),

judged as (

    select
        product_id,
        horizon_days,
        horizon_week,
        actual_units,
        mean_units,
        as_of_date
    from {{ ref('ml_demand__judged_days') }}

),

-- ---- Who adds up to what. ----
members as (

    {% for level, parent in parents.items() %}
        select
            product_id,
            '{{ level }}' as level,
            {{ level }} as node,
            {{ "'" ~ parent ~ "'" if parent else 'cast(null as varchar)' }} as parent_level,
            {{ parent if parent else 'cast(null as varchar)' }} as parent_node
        from nodes
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- ---- How far the sums were off, out of sample. Sums are rounded here and below, because the last digit of a sum of fractions depends on the
-- order of the rows, and two builds must be equal. ----
past_periods as (

    {% for period, number in [('day', 'horizon_days'), ('week', 'horizon_week')] %}
        select
            members.level,
            members.node,
            '{{ period }}' as period_kind,
            judged.{{ number }} as period_number,
            round(sum(judged.actual_units), 6) as actual_units,
            round(sum(judged.mean_units), 6) as mean_units,
            judged.as_of_date
        from judged
        inner join members
            on judged.product_id = members.product_id
        group by members.level, members.node, judged.{{ number }}, judged.as_of_date
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Pooled over levels, nodes, periods ahead and origins, in eight classes by size: one node alone has too few periods to tell a tail, and a small
-- sum is off by more of itself than a large one.
sized_periods as (

    select
        period_kind,
        actual_units,
        mean_units,
        ntile(8) over (
            partition by period_kind
            order by
                mean_units asc nulls last, level asc nulls last, node asc nulls last, as_of_date asc nulls last, period_number asc nulls last
        ) as size_class
    from past_periods
    where mean_units > 0

),

ranked_periods as (

    select
        period_kind,
        size_class,
        mean_units,
        actual_units / nullif(mean_units, 0) as ratio,
        row_number() over (partition by period_kind, size_class order by actual_units / nullif(mean_units, 0) asc nulls last) as place,
        count(*) over (partition by period_kind, size_class) as periods
    from sized_periods

),

class_ratios as (

    select
        period_kind,
        size_class,
        max(periods) as periods,
        {%- for level in levels %}
            round({{ ranked_quantile('ratio', 'place', 'periods', level) }}, 9) as {{ quantile_column(level, 'ratio') }},
        {%- endfor %}
        min(mean_units) as least_units
    from ranked_periods
    group by period_kind, size_class

),

-- Each class reaches from its smallest sum to the next class's; the outer ones are open.
ratios as (

    select
        period_kind,
        periods,
        case when size_class = 1 then 0 else least_units end as from_units,
        lead(least_units) over (partition by period_kind order by size_class asc nulls last) as below_units,
        p10_ratio,
        p50_ratio,
        p90_ratio
    from class_ratios

),

-- ---- The sums of the next 28 days. ----
sums as (

    {% for period, number in [('day', 'horizon_days'), ('week', 'horizon_week')] %}
        select
            members.level,
            members.node,
            members.parent_level,
            members.parent_node,
            '{{ period }}' as period_kind,
            daily.{{ number }} as period_number,
            max(daily.horizon_week) as horizon_week,
            count(distinct daily.product_id) as products,
            round(sum(daily.mean_units), 6) as mean_units,
            daily.as_of_date,
            min(daily.target_date) as period_start_date,
            max(daily.target_date) as period_end_date,
            max(daily.scored_at) as scored_at
        from daily
        inner join members
            on daily.product_id = members.product_id
        group by members.level, members.node, members.parent_level, members.parent_node, daily.{{ number }}, daily.as_of_date
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        sums.level,
        sums.node,
        sums.parent_level,
        sums.parent_node,
        sums.period_kind,
        chosen.method,
        champion.algorithm,
        champion.fit_id,
        sums.horizon_week,
        sums.products,
        sums.mean_units,
        {% for level in levels %}
            {{ quantile_of_sum('sums.mean_units', 'ratios.' ~ quantile_column(level, 'ratio'), 'ratios.periods', level) }}
                as {{ quantile_column(level) }},
        {% endfor %}
        round({{ safe_divide('sums.mean_units', 'parents.mean_units') }}, 6) as parent_share,
        sums.as_of_date,
        sums.period_start_date,
        sums.period_end_date,
        sums.scored_at
    from sums
    cross join chosen
    left join sums as parents
        on
            sums.parent_level = parents.level
            and sums.parent_node = parents.node
            and sums.period_kind = parents.period_kind
            and sums.period_number = parents.period_number
    left join ratios
        on
            sums.period_kind = ratios.period_kind
            and sums.mean_units >= ratios.from_units
            and (sums.mean_units < ratios.below_units or ratios.below_units is null)
    left join champion
        on true

)

select * from final

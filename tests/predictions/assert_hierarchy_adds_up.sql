-- A returned row is a sum of pred_demand_hierarchy that does not add up (`rule` says how): a level that differs from the products' own forecasts in
-- pred_demand_daily, a parent that differs from its children, a week that differs from its days, a category's week that differs from
-- pred_demand_weekly. A product is lost, counted twice, or has no node at some level: see the CTE members of pred_demand_hierarchy.
with hierarchy as (

    select
        level,
        node,
        parent_level,
        parent_node,
        period_kind,
        horizon_week,
        period_start_date,
        mean_units
    from {{ ref('pred_demand_hierarchy') }}

),

daily as (

    select
        target_date,
        mean_units
    from {{ ref('pred_demand_daily') }}

),

weekly as (

    select
        category,
        horizon_week,
        mean_units
    from {{ ref('pred_demand_weekly') }}

),

levels as (

    select 'total' as level
    union all
    select 'seller' as level
    union all
    select 'category' as level
    union all
    select 'subcategory' as level

),

product_days as (

    select
        target_date,
        sum(mean_units) as units
    from daily
    group by target_date

),

level_days as (

    select
        level,
        period_start_date,
        sum(mean_units) as units
    from hierarchy
    where period_kind = 'day'
    group by level, period_start_date

),

children as (

    select
        parent_level,
        parent_node,
        period_kind,
        period_start_date,
        -- The total has two sets of children, the sellers and the categories.
        level,
        sum(mean_units) as units
    from hierarchy
    where parent_node is not null
    group by parent_level, parent_node, period_kind, period_start_date, level

),

node_days as (

    select
        level,
        node,
        horizon_week,
        sum(mean_units) as units
    from hierarchy
    where period_kind = 'day'
    group by level, node, horizon_week

),

compared as (

    select
        'level = products' as rule,
        levels.level,
        cast(product_days.target_date as varchar) as period,
        product_days.units as expected_units,
        level_days.units as found_units
    from product_days
    cross join levels
    left join level_days
        on
            levels.level = level_days.level
            and product_days.target_date = level_days.period_start_date

    union all

    select
        'parent = children' as rule,
        children.parent_level || ' ' || children.parent_node || ' of ' || children.level as level,
        children.period_kind || ' ' || cast(children.period_start_date as varchar) as period,
        children.units as expected_units,
        hierarchy.mean_units as found_units
    from children
    left join hierarchy
        on
            children.parent_level = hierarchy.level
            and children.parent_node = hierarchy.node
            and children.period_kind = hierarchy.period_kind
            and children.period_start_date = hierarchy.period_start_date

    union all

    select
        'week = days' as rule,
        node_days.level || ' ' || node_days.node as level,
        cast(node_days.horizon_week as varchar) as period,
        node_days.units as expected_units,
        hierarchy.mean_units as found_units
    from node_days
    left join hierarchy
        on
            node_days.level = hierarchy.level
            and node_days.node = hierarchy.node
            and node_days.horizon_week = hierarchy.horizon_week
            and hierarchy.period_kind = 'week'

    union all

    select
        'category = pred_demand_weekly' as rule,
        weekly.category as level,
        cast(weekly.horizon_week as varchar) as period,
        weekly.mean_units as expected_units,
        hierarchy.mean_units as found_units
    from weekly
    left join hierarchy
        on
            hierarchy.level = 'category'
            and weekly.category = hierarchy.node
            and weekly.horizon_week = hierarchy.horizon_week
            and hierarchy.period_kind = 'week'

)

select *
from compared
where
    found_units is null
    or abs(found_units - expected_units) > 0.00001 * (1 + abs(expected_units))

{%- set groups = demand_fusion_inputs() -%}
{%- set level_bound = 0.5 -%}

with as_of_dates as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}

),

inputs as (

    select
        product_id,
        {%- for group, members in groups.items() %}
            {%- for name in members %}
                {{ name }},
            {%- endfor %}
        {%- endfor %}
        lift_next_28d,
        as_of_date,
        cast(floor({{ days_between("cast('2000-01-03' as date)", 'as_of_date') }} / 7.0e0) as integer) as week_number
    from {{ ref('feat_demand_fusion_inputs') }}

),

scaling as (

    select
        input,
        direction,
        mean_value,
        standard_deviation,
        correlation,
        as_of_date
    from {{ ref('feat_demand_fusion_scaling') }}

),

-- One row per date, so that each product's row meets its scales in one join.
scales as (

    select
        {%- for group, members in groups.items() %}
            {%- for name in members %}
                max(case when input = '{{ name }}' then direction end) as {{ name }}_direction,
                max(case when input = '{{ name }}' then mean_value end) as {{ name }}_mean,
                max(case when input = '{{ name }}' then standard_deviation end) as {{ name }}_sd,
                coalesce(max(case when input = '{{ name }}' then correlation end), 0) as {{ name }}_weight,
            {%- endfor %}
        {%- endfor %}
        as_of_date
    from scaling
    group by as_of_date

),

-- Standardised, and held within three standard deviations. Null where the input or its scale is not known, or it does not vary.
standardised as (

    select
        inputs.product_id,
        {%- for group, members in groups.items() %}
            {%- for name in members %}
                case
                    when scales.{{ name }}_sd is not null and inputs.{{ name }} is not null
                        then
                            least(
                                greatest({{ standardize('inputs.' ~ name, 'scales.' ~ name ~ '_mean', 'scales.' ~ name ~ '_sd') }}, -3.0e0), 3.0e0
                            )
                end as {{ name }},
                scales.{{ name }}_direction,
                scales.{{ name }}_weight,
            {%- endfor %}
        {%- endfor %}
        inputs.lift_next_28d,
        inputs.as_of_date,
        inputs.week_number
    from inputs
    inner join scales
        on inputs.as_of_date = scales.as_of_date

),

summed as (

    select
        product_id,
        {%- for group, members in groups.items() %}
            {%- for name in members %}
                {{ '+ ' if not loop.first }}coalesce({{ name }} * {{ name }}_direction, 0)
            {%- endfor %} as {{ group }}_sum,
            {%- for name in members %}
                {{ '+ ' if not loop.first }}case when {{ name }} is null then 0 else 1 end
            {%- endfor %} as {{ group }}_known,
            {%- for name in members %}
                {{ '+ ' if not loop.first }}coalesce({{ name }} * {{ name }}_weight, 0)
            {%- endfor %} as {{ group }}_weighted_sum,
            {%- for name in members %}
                {{ '+ ' if not loop.first }}case when {{ name }} is null then 0 else abs({{ name }}_weight) end
            {%- endfor %} as {{ group }}_weight,
        {%- endfor %}
        lift_next_28d,
        as_of_date,
        week_number
    from standardised

),

indexed as (

    select
        product_id,
        {%- for group in groups %}
            round({{ safe_divide(group ~ '_sum', group ~ '_known') }}, 6) as {{ group }}_mean_index,
            round({{ safe_divide(group ~ '_weighted_sum', group ~ '_weight') }}, 6) as {{ group }}_weighted_index,
        {%- endfor %}
        round({{ safe_divide(
            groups | map('string') | join('_weighted_sum + ') ~ '_weighted_sum', groups | map('string') | join('_weight + ') ~ '_weight'
        ) }}, 6) as fused_weighted,
        cast(lift_next_28d as decimal(18, 6)) as lift,
        as_of_date,
        week_number
    from summed

),

-- ---- The decision table: three levels of each group, and what came of each of the 27 combinations so far. ----
decided as (

    select
        product_id,
        {%- for group in groups %}
            {{ group }}_mean_index,
            {{ group }}_weighted_index,
        {%- endfor %}
        {{ safe_divide(
            'coalesce(' ~ groups | map('string') | join('_mean_index, 0) + coalesce(') ~ '_mean_index, 0)',
            'case when ' ~ groups | map('string') | join('_mean_index is null then 0 else 1 end + case when ') ~ '_mean_index is null then 0 else 1 end'
        ) }} as fused_mean,
        fused_weighted,
        {%- for group in groups %}
            case
                when {{ group }}_weighted_index is null then 'none'
                when {{ group }}_weighted_index < -{{ level_bound }} then 'low'
                when {{ group }}_weighted_index > {{ level_bound }} then 'high'
                else 'mid'
            end{{ " || '-' ||" if not loop.last }}
        {%- endfor %} as combination,
        lift,
        as_of_date,
        week_number
    from indexed

),

combination_weeks as (

    select
        combination,
        week_number,
        count(lift) as examples,
        coalesce(sum(lift), 0) as lift_sum
    from decided
    group by combination, week_number

),

weeks as (

    select distinct week_number
    from decided

),

combinations as (

    select distinct combination
    from decided

),

-- Every combination on every date, also where it did not occur, so that its past can be looked up.
combination_grid as (

    select
        combinations.combination,
        weeks.week_number,
        coalesce(combination_weeks.examples, 0) as examples,
        coalesce(combination_weeks.lift_sum, 0) as lift_sum
    from combinations
    cross join weeks
    left join combination_weeks
        on
            combinations.combination = combination_weeks.combination
            and weeks.week_number = combination_weeks.week_number

),

week_totals as (

    select
        week_number,
        sum(examples) as examples,
        sum(lift_sum) as lift_sum
    from combination_grid
    group by week_number

),

overall as (

    select
        week_number,
        {{ safe_divide('sum(lift_sum) over past', 'sum(examples) over past') }} as lift
    from week_totals
    window past as (order by week_number asc nulls last range between unbounded preceding and 4 preceding)

),

past_combinations as (

    select
        combination,
        week_number,
        cast(sum(examples) over past as double) as examples,
        cast(sum(lift_sum) over past as double) as lift_sum
    from combination_grid
    window past as (partition by combination order by week_number asc nulls last range between unbounded preceding and 4 preceding)

),

-- A combination seldom seen is drawn to what all rows did, as if by a hundred of them.
decision_table as (

    select
        past_combinations.combination,
        past_combinations.week_number,
        round(
            exp(
                (coalesce(past_combinations.lift_sum, 0) + 100 * overall.lift)
                / (coalesce(past_combinations.examples, 0) + 100)
            ), 6
        ) as lift_ratio
    from past_combinations
    inner join overall
        on past_combinations.week_number = overall.week_number

),

final as (

    select
        decided.product_id,
        decided.combination as decision_combination,
        {%- for group in groups %}
            decided.{{ group }}_mean_index,
            decided.{{ group }}_weighted_index,
        {%- endfor %}
        round(decided.fused_mean, 6) as fused_mean,
        decided.fused_weighted,
        decision_table.lift_ratio as fused_decision,
        decided.as_of_date
    from decided
    inner join as_of_dates
        on decided.as_of_date = as_of_dates.as_of_date
    left join decision_table
        on
            decided.combination = decision_table.combination
            and decided.week_number = decision_table.week_number

)

select * from final

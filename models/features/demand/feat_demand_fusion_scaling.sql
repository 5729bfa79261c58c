{%- set groups = demand_fusion_inputs() -%}
{%- set inputs = [] -%}
{%- for group, members in groups.items() -%}
    {%- for name, direction in members.items() -%}
        {%- do inputs.append((group, name, direction)) -%}
    {%- endfor -%}
{%- endfor -%}

-- As decimals, whose sums come out the same in whatever order they are made: two builds must be equal.
with examples as (

    select
        {%- for group, name, direction in inputs %}
            cast({{ name }} as decimal(18, 6)) as {{ name }},
        {%- endfor %}
        cast(lift_next_28d as decimal(18, 6)) as lift,
        as_of_date
    from {{ ref('feat_demand_fusion_inputs') }}

),

-- One pass: per date and input the sums from which mean, spread and correlation of any longer time follow. Products without a label count
-- for none of them.
dated as (

    select
        {%- for group, name, direction in inputs %}
            count(case when lift is not null then {{ name }} end) as {{ name }}_n,
            sum(case when lift is not null then {{ name }} end) as {{ name }}_x,
            sum(cast(case when lift is not null then {{ name }} * {{ name }} end as decimal(18, 6))) as {{ name }}_xx,
            sum(case when {{ name }} is not null then lift end) as {{ name }}_y,
            sum(cast(case when {{ name }} is not null then lift * lift end as decimal(18, 6))) as {{ name }}_yy,
            sum(cast({{ name }} * lift as decimal(18, 6))) as {{ name }}_xy,
        {%- endfor %}
        as_of_date
    from examples
    group by as_of_date

),

long as (

    {% for group, name, direction in inputs %}
        select
            as_of_date,
            '{{ group }}' as feature_group,
            '{{ name }}' as input,
            {{ direction }} as direction,
            {{ name }}_n as n,
            coalesce({{ name }}_x, 0) as x,
            coalesce({{ name }}_xx, 0) as xx,
            coalesce({{ name }}_y, 0) as y,
            coalesce({{ name }}_yy, 0) as yy,
            coalesce({{ name }}_xy, 0) as xy
        from dated
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

numbered as (

    select
        long.*,
        cast(floor({{ days_between("cast('2000-01-03' as date)", 'long.as_of_date') }} / 7.0e0) as integer) as week_number
    from long

),

-- The label of a row is known 28 days after its date: what is used as of a date ends four weeks before it.
known as (

    select
        as_of_date,
        feature_group,
        input,
        direction,
        cast(sum(n) over past as double) as n,
        cast(sum(x) over past as double) as x,
        cast(sum(xx) over past as double) as xx,
        cast(sum(y) over past as double) as y,
        cast(sum(yy) over past as double) as yy,
        cast(sum(xy) over past as double) as xy
    from numbered
    window past as (partition by input order by week_number asc nulls last range between unbounded preceding and 4 preceding)

),

moments as (

    select
        as_of_date,
        feature_group,
        input,
        direction,
        coalesce(n, 0) as examples,
        {{ safe_divide('x', 'n') }} as mean_value,
        {{ safe_divide('xx', 'n') }} - power({{ safe_divide('x', 'n') }}, 2) as variance,
        {{ safe_divide('yy', 'n') }} - power({{ safe_divide('y', 'n') }}, 2) as lift_variance,
        {{ safe_divide('xy', 'n') }} - {{ safe_divide('x', 'n') }} * {{ safe_divide('y', 'n') }} as covariance
    from known

),

-- Inputs carry six decimals: a spread below that is rounding noise.
correlated as (

    select
        as_of_date,
        feature_group,
        input,
        direction,
        cast(examples as bigint) as examples,
        round(mean_value, 6) as mean_value,
        case when variance > 0.000001 then round(sqrt(variance), 6) end as standard_deviation,
        case
            when variance > 0.000001 and lift_variance > 0.000001 then round(covariance / nullif(sqrt(variance * lift_variance), 0), 6)
        end as correlation
    from moments

),

final as (

    select
        correlated.feature_group,
        correlated.input,
        correlated.direction,
        correlated.examples,
        correlated.mean_value,
        correlated.standard_deviation,
        correlated.correlation,
        round({{ safe_divide(
            'abs(correlated.correlation)', 'sum(abs(correlated.correlation)) over (partition by correlated.as_of_date, correlated.feature_group)'
        ) }}, 6) as importance_weight,
        correlated.as_of_date
    from correlated

)

select * from final

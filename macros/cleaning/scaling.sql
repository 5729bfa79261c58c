{% macro min_max_scale(x, min_x, max_x) %}{{ return(adapter.dispatch('min_max_scale', 'trendhouse')(x, min_x, max_x)) }}{% endmacro %}

{# A range below 2.22e-15 (10 x machine epsilon) counts as constant and is not divided by: scikit-learn's rule. #}
{% macro default__min_max_scale(x, min_x, max_x) -%}
    (
        (cast({{ x }} as double) - cast({{ min_x }} as double))
        / case
            when cast({{ max_x }} as double) - cast({{ min_x }} as double) < 2.220446049250313e-15 then 1.0e0
            else cast({{ max_x }} as double) - cast({{ min_x }} as double)
        end
    )
{%- endmacro %}


{% macro standardize(x, mean_x, sd_x) %}{{ return(adapter.dispatch('standardize', 'trendhouse')(x, mean_x, sd_x)) }}{% endmacro %}

{% macro default__standardize(x, mean_x, sd_x) -%}
    (
        (cast({{ x }} as double) - cast({{ mean_x }} as double))
        / case when cast({{ sd_x }} as double) = 0 then 1.0e0 else cast({{ sd_x }} as double) end
    )
{%- endmacro %}


{% macro fit_scaling(relation, columns, where=none) %}{{ return(adapter.dispatch('fit_scaling', 'trendhouse')(relation, columns, where)) }}{% endmacro %}

{# A full select, to stand as the body of a common table expression or of a model. #}
{% macro default__fit_scaling(relation, columns, where=none) -%}
    {%- if columns is string or not columns -%}
        {{ exceptions.raise_compiler_error('fit_scaling needs a list of at least one column.') }}
    {%- endif %}
    with fit_columns as (
        {%- for column in columns %}
        select {{ trendhouse.text_literal(column) }} as column_name
        {%- if not loop.last %} union all {% endif %}
        {%- endfor %}
    ),

    fit_values as (
        {%- for column in columns %}
        select
            {{ trendhouse.text_literal(column) }} as column_name,
            cast({{ column }} as double) as x
        from {{ relation }}
        {%- if where %}
        where {{ where }}
        {%- endif %}
        {%- if not loop.last %}
        union all
        {% endif %}
        {%- endfor %}
    ),

    fit_moments as (
        select
            column_name,
            count(*) as row_count,
            count(x) as value_count,
            min(x) as min_value,
            max(x) as max_value,
            avg(x) as mean_value,
            stddev_pop(x) as raw_standard_deviation,
            percentile_cont(0.25) within group (order by x) as first_quartile,
            median(x) as median_value,
            percentile_cont(0.75) within group (order by x) as third_quartile
        from fit_values
        group by column_name
    ),

    fit_deviations as (
        select
            fit_values.column_name,
            median(abs(fit_values.x - fit_moments.median_value)) as median_absolute_deviation
        from fit_values
        inner join fit_moments on fit_values.column_name = fit_moments.column_name
        group by fit_values.column_name
    ),

    fit_counts as (
        select
            column_name,
            x,
            count(*) as times
        from fit_values
        where x is not null
        group by column_name, x
    ),

    -- The most frequent value; the smallest of them when several are equally frequent.
    fit_modes as (
        select
            column_name,
            x,
            row_number() over (partition by column_name order by times desc nulls last, x asc nulls last) as mode_rank
        from fit_counts
    )

    select
        fit_columns.column_name,
        coalesce(fit_moments.row_count, 0) as row_count,
        coalesce(fit_moments.row_count - fit_moments.value_count, 0) as null_count,
        fit_moments.min_value,
        fit_moments.max_value,
        fit_moments.mean_value,
        -- Rounding noise around a constant is no spread: scikit-learn's bound on the variance.
        case
            when
                power(fit_moments.raw_standard_deviation, 2)
                <= fit_moments.value_count * 2.220446049250313e-16 * power(fit_moments.raw_standard_deviation, 2)
                + power(fit_moments.value_count * fit_moments.mean_value * 2.220446049250313e-16, 2)
                then 0.0e0
            else fit_moments.raw_standard_deviation
        end as standard_deviation,
        fit_moments.first_quartile,
        fit_moments.median_value,
        fit_moments.third_quartile,
        fit_deviations.median_absolute_deviation,
        fit_modes.x as mode_value
    from fit_columns
    left join fit_moments on fit_columns.column_name = fit_moments.column_name
    left join fit_deviations on fit_columns.column_name = fit_deviations.column_name
    left join fit_modes on fit_columns.column_name = fit_modes.column_name and fit_modes.mode_rank = 1
{%- endmacro %}

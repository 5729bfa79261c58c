{# Windows: "ignore nulls" stands inside the call on DuckDB and behind it on Spark. #}

{% macro last_known(x, order_by, partition_by=none) %}{{ return(adapter.dispatch('last_known', 'trendhouse')(x, order_by, partition_by)) }}{% endmacro %}

{% macro duckdb__last_known(x, order_by, partition_by=none) -%}
    last_value({{ x }} ignore nulls) over ({{ trendhouse.window_of(order_by, partition_by) }} rows between unbounded preceding and current row)
{%- endmacro %}

{% macro spark__last_known(x, order_by, partition_by=none) -%}
    last_value({{ x }}) ignore nulls over ({{ trendhouse.window_of(order_by, partition_by) }} rows between unbounded preceding and current row)
{%- endmacro %}


{% macro next_known(x, order_by, partition_by=none) %}{{ return(adapter.dispatch('next_known', 'trendhouse')(x, order_by, partition_by)) }}{% endmacro %}

{% macro duckdb__next_known(x, order_by, partition_by=none) -%}
    first_value({{ x }} ignore nulls) over ({{ trendhouse.window_of(order_by, partition_by) }} rows between current row and unbounded following)
{%- endmacro %}

{% macro spark__next_known(x, order_by, partition_by=none) -%}
    first_value({{ x }}) ignore nulls over ({{ trendhouse.window_of(order_by, partition_by) }} rows between current row and unbounded following)
{%- endmacro %}


{% macro median_over(x, window_name) %}{{ return(adapter.dispatch('median_over', 'trendhouse')(x, window_name)) }}{% endmacro %}

{% macro duckdb__median_over(x, window_name) -%}
    median({{ x }}) over {{ window_name }}
{%- endmacro %}

{# Spark takes no ordered window for `median`: the mean of the two middle values of the sorted frame. #}
{% macro spark__median_over(x, window_name) -%}
    {%- set sorted = 'sort_array(collect_list(' ~ x ~ ') over ' ~ window_name ~ ')' -%}
    {%- set known = 'count(' ~ x ~ ') over ' ~ window_name -%}
    case
        when {{ known }} > 0
            then
                (
                    element_at({{ sorted }}, cast(floor(({{ known }} + 1) / 2.0e0) as integer))
                    + element_at({{ sorted }}, cast(floor(({{ known }} + 2) / 2.0e0) as integer))
                ) / 2.0e0
    end
{%- endmacro %}


{# Ascending, nulls first, for one expression or a list of them. #}
{% macro window_of(order_by, partition_by=none) -%}
    {%- set orders = [order_by] if order_by is string else order_by -%}
    {%- set partitions = [partition_by] if partition_by is string else (partition_by or []) -%}
    {%- if partitions -%}
        partition by {{ partitions | join(', ') }}{{ ' ' }}
    {%- endif -%}
    order by {{ orders | join(' nulls first, ') }} nulls first
{%- endmacro %}

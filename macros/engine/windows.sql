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


{# Ascending, nulls first, for one expression or a list of them. #}
{% macro window_of(order_by, partition_by=none) -%}
    {%- set orders = [order_by] if order_by is string else order_by -%}
    {%- set partitions = [partition_by] if partition_by is string else (partition_by or []) -%}
    {%- if partitions -%}
        partition by {{ partitions | join(', ') }}{{ ' ' }}
    {%- endif -%}
    order by {{ orders | join(' nulls first, ') }} nulls first
{%- endmacro %}

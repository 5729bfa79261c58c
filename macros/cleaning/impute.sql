{% macro impute(x, method, fill_value=none, order_by=none, partition_by=none, time_type='date') %}{{ return(adapter.dispatch('impute', 'trendhouse')(x, method, fill_value, order_by, partition_by, time_type)) }}{% endmacro %}

{% macro default__impute(x, method, fill_value=none, order_by=none, partition_by=none, time_type='date') -%}
    {%- if method in ['mean', 'median', 'mode', 'constant'] -%}
        {%- if fill_value is none -%}
            {{ exceptions.raise_compiler_error("impute by '" ~ method ~ "' needs fill_value, the value fitted on the training window and stored.") }}
        {%- endif -%}
        coalesce({{ x }}, {{ fill_value }})
    {%- elif method == 'last_value' -%}
        {%- if not order_by -%}
            {{ exceptions.raise_compiler_error("impute by 'last_value' needs order_by.") }}
        {%- endif -%}
        {{ trendhouse.last_known(x, order_by, partition_by) }}
    {%- elif method == 'linear' -%}
        {%- if order_by is not string -%}
            {{ exceptions.raise_compiler_error("impute by 'linear' needs order_by, one expression for the time.") }}
        {%- endif -%}
        {%- if time_type not in ['date', 'timestamp', 'number'] -%}
            {{ exceptions.raise_compiler_error("impute by 'linear' knows no time_type '" ~ time_type ~ "'; use one of: date, timestamp, number.") }}
        {%- endif -%}
        {%- set known_x = 'case when (' ~ order_by ~ ') is not null then cast(' ~ x ~ ' as double) end' -%}
        {%- set known_time = 'case when (' ~ x ~ ') is not null then ' ~ order_by ~ ' end' -%}
        {%- set before_x = trendhouse.last_known(known_x, order_by, partition_by) -%}
        {%- set after_x = trendhouse.next_known(known_x, order_by, partition_by) -%}
        {%- set before_time = trendhouse.last_known(known_time, order_by, partition_by) -%}
        {%- set after_time = trendhouse.next_known(known_time, order_by, partition_by) -%}
        case
            when ({{ x }}) is not null then cast({{ x }} as double)
            when ({{ order_by }}) is not null
                then
                    {{ before_x }}
                    + ({{ after_x }} - {{ before_x }})
                    * coalesce(
                        {{ trendhouse.time_distance(before_time, order_by, time_type) }}
                        / nullif({{ trendhouse.time_distance(before_time, after_time, time_type) }}, 0),
                        0
                    )
        end
    {%- else -%}
        {{ exceptions.raise_compiler_error("impute knows no method '" ~ method ~ "'; use one of: mean, median, mode, constant, last_value, linear.") }}
    {%- endif -%}
{%- endmacro %}


{# How far apart two times are, as a number: days, seconds, or the plain difference. #}
{% macro time_distance(from_time, to_time, time_type) -%}
    {%- if time_type == 'date' -%}
        {{ trendhouse.days_between(from_time, to_time) }}
    {%- elif time_type == 'timestamp' -%}
        {{ trendhouse.seconds_between(from_time, to_time) }}
    {%- else -%}
        (cast({{ to_time }} as double) - cast({{ from_time }} as double))
    {%- endif -%}
{%- endmacro %}

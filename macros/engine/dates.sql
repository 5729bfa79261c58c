{# Dates: the spellings on which DuckDB and Spark differ. Arguments are SQL expressions; documented in _engine__macros.yml. #}

{% macro days_between(from_date, to_date) %}{{ return(adapter.dispatch('days_between', 'trendhouse')(from_date, to_date)) }}{% endmacro %}

{% macro default__days_between(from_date, to_date) -%}
    cast({{ dbt.datediff('cast(' ~ from_date ~ ' as date)', 'cast(' ~ to_date ~ ' as date)', 'day') }} as integer)
{%- endmacro %}

{% macro duckdb__days_between(from_date, to_date) -%}
    cast(date_diff('day', cast({{ from_date }} as date), cast({{ to_date }} as date)) as integer)
{%- endmacro %}

{% macro spark__days_between(from_date, to_date) -%}
    datediff(cast({{ to_date }} as date), cast({{ from_date }} as date))
{%- endmacro %}


{% macro seconds_between(from_time, to_time) %}{{ return(adapter.dispatch('seconds_between', 'trendhouse')(from_time, to_time)) }}{% endmacro %}

{% macro duckdb__seconds_between(from_time, to_time) -%}
    (date_diff('microsecond', cast({{ from_time }} as timestamp), cast({{ to_time }} as timestamp)) / 1000000.0e0)
{%- endmacro %}

{% macro spark__seconds_between(from_time, to_time) -%}
    ((unix_micros(cast({{ to_time }} as timestamp)) - unix_micros(cast({{ from_time }} as timestamp))) / 1000000.0e0)
{%- endmacro %}


{% macro add_days(date_expr, n_expr) %}{{ return(adapter.dispatch('add_days', 'trendhouse')(date_expr, n_expr)) }}{% endmacro %}

{% macro default__add_days(date_expr, n_expr) -%}
    cast({{ dbt.dateadd('day', n_expr, 'cast(' ~ date_expr ~ ' as date)') }} as date)
{%- endmacro %}

{% macro duckdb__add_days(date_expr, n_expr) -%}
    (cast({{ date_expr }} as date) + cast({{ n_expr }} as integer))
{%- endmacro %}

{% macro spark__add_days(date_expr, n_expr) -%}
    date_add(cast({{ date_expr }} as date), cast({{ n_expr }} as int))
{%- endmacro %}


{% macro day_of_week(date_expr) %}{{ return(adapter.dispatch('day_of_week', 'trendhouse')(date_expr)) }}{% endmacro %}

{% macro duckdb__day_of_week(date_expr) -%}
    cast(isodow(cast({{ date_expr }} as date)) as integer)
{%- endmacro %}

{% macro spark__day_of_week(date_expr) -%}
    (weekday(cast({{ date_expr }} as date)) + 1)
{%- endmacro %}


{% macro week_start(date_expr) %}{{ return(adapter.dispatch('week_start', 'trendhouse')(date_expr)) }}{% endmacro %}

{% macro default__week_start(date_expr) -%}
    cast(date_trunc('week', cast({{ date_expr }} as date)) as date)
{%- endmacro %}


{% macro date_spine_between(start_expr, end_expr) %}{{ return(adapter.dispatch('date_spine_between', 'trendhouse')(start_expr, end_expr)) }}{% endmacro %}

{% macro duckdb__date_spine_between(start_expr, end_expr) -%}
    (
        select
            cast(
                unnest(generate_series(cast({{ start_expr }} as date), cast({{ end_expr }} as date), interval 1 day))
                as date
            ) as date_day
    )
{%- endmacro %}

{# sequence() raises on an end before its start, explode() of null gives no row. #}
{% macro spark__date_spine_between(start_expr, end_expr) -%}
    (
        select
            explode(
                case
                    when cast({{ start_expr }} as date) <= cast({{ end_expr }} as date)
                        then sequence(cast({{ start_expr }} as date), cast({{ end_expr }} as date), interval 1 day)
                end
            ) as date_day
    )
{%- endmacro %}

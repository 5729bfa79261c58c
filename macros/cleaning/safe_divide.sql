{% macro safe_divide(numerator, denominator) %}{{ return(adapter.dispatch('safe_divide', 'trendhouse')(numerator, denominator)) }}{% endmacro %}

{% macro default__safe_divide(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

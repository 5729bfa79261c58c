{% macro trend_of(x, window_name) %}{{ return(adapter.dispatch('trend_of', 'trendhouse')(x, window_name)) }}{% endmacro %}

{# Amounts below 0 (a corrected bill) count as none: the logarithm knows no such thing. #}
{% macro default__trend_of(x, window_name) -%}
    ln((4.0e0 * greatest({{ x }}, 0) + 1) / (greatest(sum({{ x }}) over {{ window_name }}, 0) + 1))
{%- endmacro %}

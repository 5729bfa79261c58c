{# Population moments, written out, because the engines' own skewness and kurtosis differ in their corrections. Aggregates. #}

{% macro skewness_of(x, center=0) %}{{ return(adapter.dispatch('skewness_of', 'trendhouse')(x, center)) }}{% endmacro %}

{% macro default__skewness_of(x, center=0) -%}
    {%- set d = trendhouse.deviation_from(x, center) -%}
    case
        when min({{ x }}) < max({{ x }})
            then (avg(power({{ d }}, 3)) - 3 * avg({{ d }}) * avg(power({{ d }}, 2)) + 2 * power(avg({{ d }}), 3)) / power(var_pop({{ d }}), 1.5e0)
    end
{%- endmacro %}


{% macro kurtosis_of(x, center=0) %}{{ return(adapter.dispatch('kurtosis_of', 'trendhouse')(x, center)) }}{% endmacro %}

{% macro default__kurtosis_of(x, center=0) -%}
    {%- set d = trendhouse.deviation_from(x, center) -%}
    case
        when min({{ x }}) < max({{ x }})
            then
                (
                    avg(power({{ d }}, 4))
                    - 4 * avg({{ d }}) * avg(power({{ d }}, 3))
                    + 6 * power(avg({{ d }}), 2) * avg(power({{ d }}, 2))
                    - 3 * power(avg({{ d }}), 4)
                ) / power(var_pop({{ d }}), 2)
                - 3
    end
{%- endmacro %}


{% macro deviation_from(x, center) -%}
    (cast({{ x }} as double) - cast({{ center }} as double))
{%- endmacro %}

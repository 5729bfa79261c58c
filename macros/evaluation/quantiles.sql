{# The quantiles that every forecast carries. Documented in _evaluation__macros.yml. #}

{% macro quantile_levels() %}
    {% set levels = [] %}
    {% for step in range(1, 20) %}
        {% do levels.append((step * 5 / 100) | round(2)) %}
    {% endfor %}
    {{ return(levels) }}
{% endmacro %}


{% macro quantile_column(level) -%}
    p{{ '%02d' % ((level * 100) | round | int) }}_units
{%- endmacro %}


{# Standard deviations from the mean at which a level of the normal distribution lies. #}
{% macro standard_normal_quantile(level) -%}
    {%- set above = [0.0, 0.125661, 0.253347, 0.38532, 0.524401, 0.67449, 0.841621, 1.036433, 1.281552, 1.644854] -%}
    {%- set step = ((level - 0.5) * 20) | round | int -%}
    {{ above[step] if step >= 0 else -above[-step] }}e0
{%- endmacro %}


{% macro levels_with(comparison, units) -%}
    (
    {%- for level in quantile_levels() -%}
        {{ ' + ' if not loop.first }}case when {{ quantile_column(level) }} {{ comparison }} {{ units }} then 1 else 0 end
    {%- endfor -%}
    )
{%- endmacro %}

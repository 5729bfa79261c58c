{# The quantiles that every forecast carries. Documented in _evaluation__macros.yml. #}

{% macro quantile_levels() %}
    {% set levels = [] %}
    {% for step in range(1, 20) %}
        {% do levels.append((step * 5 / 100) | round(2)) %}
    {% endfor %}
    {{ return(levels) }}
{% endmacro %}


{% macro quantile_column(level, measure='units') -%}
    p{{ '%02d' % ((level * 100) | round | int) }}_{{ measure }}
{%- endmacro %}


{# Standard deviations from the mean at which a level of the normal distribution lies. #}
{% macro standard_normal_quantile(level) -%}
    {%- set above = [0.0, 0.125661, 0.253347, 0.38532, 0.524401, 0.67449, 0.841621, 1.036433, 1.281552, 1.644854] -%}
    {%- set step = ((level - 0.5) * 20) | round | int -%}
    {{ above[step] if step >= 0 else -above[-step] }}e0
{%- endmacro %}


{# The quantile at position (n + 1) * level of n ordered values, between two of them interpolated (Hyndman and Fan 1996, type 6). At whole positions the
   expected share of a further such value below it is the level itself, however few the values are. #}
{% macro ranked_quantile(value, place, places, level) -%}
    sum({{ value }} * greatest(1 - abs({{ place }} - least(greatest(({{ places }} + 1) * {{ level }}e0, 1), {{ places }})), 0))
{%- endmacro %}


{# Without ten past sums of its size to learn from, the normal approximation of a Poisson sum. #}
{% macro quantile_of_sum(mean, ratio, sums, level) -%}
    case
        when {{ sums }} >= 10 then {{ mean }} * {{ ratio }}
        else greatest({{ mean }} + {{ standard_normal_quantile(level) }} * sqrt({{ mean }}), 0)
    end
{%- endmacro %}


{% macro levels_with(comparison, units) -%}
    (
    {%- for level in quantile_levels() -%}
        {{ ' + ' if not loop.first }}case when {{ quantile_column(level) }} {{ comparison }} {{ units }} then 1 else 0 end
    {%- endfor -%}
    )
{%- endmacro %}

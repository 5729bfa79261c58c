{% macro time_decay(age_days, half_life_days) %}{{ return(adapter.dispatch('time_decay', 'trendhouse')(age_days, half_life_days)) }}{% endmacro %}

{# An event after the as-of date (negative age) has no weight: counting it would let a feature see the future. #}
{% macro default__time_decay(age_days, half_life_days) -%}
    {%- if half_life_days is number and half_life_days <= 0 -%}
        {{ exceptions.raise_compiler_error('time_decay needs half_life_days above 0, not ' ~ half_life_days ~ '.') }}
    {%- endif -%}
    case
        when ({{ age_days }}) < 0 and ({{ half_life_days }}) > 0 then 0.0e0
        when ({{ half_life_days }}) > 0 then power(0.5e0, cast({{ age_days }} as double) / nullif(cast({{ half_life_days }} as double), 0))
    end
{%- endmacro %}

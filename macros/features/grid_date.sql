{% macro grid_date(date_expr, as_of_expr, step_days) %}{{ return(adapter.dispatch('grid_date', 'trendhouse')(date_expr, as_of_expr, step_days)) }}{% endmacro %}

{# The first date of the grid as-of, as-of - step, as-of - 2 steps ... on which the day is past. #}
{% macro default__grid_date(date_expr, as_of_expr, step_days) -%}
    {%- set steps_back = 'floor((' ~ trendhouse.days_between(date_expr, as_of_expr) ~ ' - 1) / ' ~ step_days ~ '.0e0)' -%}
    {{ trendhouse.add_days(as_of_expr, '(-' ~ step_days ~ ' * cast(' ~ steps_back ~ ' as integer))') }}
{%- endmacro %}

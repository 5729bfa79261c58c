{# How many rows break a condition, by column, in one reading of the table; documented in _evaluation__macros.yml. #}

{% macro columns_with_bad_rows(model, columns, condition) -%}
with counted as (

    select
        {%- for column in columns %}
        sum(case when {{ condition | replace('the_column', column) }} then 1 else 0 end) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}

)

{% for column in columns -%}
select
    '{{ column }}' as column_name,
    {{ column }} as bad_rows
from counted
where {{ column }} > 0
{{ 'union all' if not loop.last }}
{% endfor %}
{%- endmacro %}

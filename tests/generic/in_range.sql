{# A returned row holds a value outside min_value .. max_value (both allowed, either may be left out) or a NaN; a null passes, not_null is its own test.
   Find out whether the formula or the input is wrong before widening the range. #}
{% test in_range(model, column_name, min_value=none, max_value=none) %}
    {%- if min_value is none and max_value is none -%}
        {{ exceptions.raise_compiler_error('in_range needs min_value, max_value or both.') }}
    {%- endif %}
select {{ column_name }}
from {{ model }}
where
    false
    {%- if min_value is not none %}
    or {{ column_name }} < {{ min_value }}
    {%- endif %}
    {%- if max_value is not none %}
    or {{ column_name }} > {{ max_value }}
    {%- else %}
    or cast({{ column_name }} as string) in ('nan', 'NaN')
    {%- endif %}
{% endtest %}

{# A returned row names a column that holds values outside min_value .. max_value (both allowed, either may be left out) or a NaN, and in how many rows;
   a null passes. Find out whether the formula or the input is wrong before widening the range. #}
{% test in_range(model, columns, min_value=none, max_value=none) %}
    {%- if columns is string or not columns or (min_value is none and max_value is none) -%}
        {{ exceptions.raise_compiler_error('in_range needs a list of at least one column, and min_value, max_value or both.') }}
    {%- endif %}
    {%- set broken = ["the_column < " ~ min_value] if min_value is not none else [] %}
    {%- set broken = broken + (["the_column > " ~ max_value] if max_value is not none else ["cast(the_column as string) in ('nan', 'NaN')"]) %}
{{ trendhouse.columns_with_bad_rows(model, columns, broken | join(' or ')) }}
{% endtest %}

{# A returned row names a column that holds numbers below 0 (or NaN) where none can be (a quantity, an amount, a count), and in how many rows. A null
   passes. Find the rows in staging: either a dirty row was not rejected, or a subtraction downstream has its sides swapped. #}
{# NaN sorts above infinity on both engines. #}
{% test not_negative(model, columns) %}
    {%- if columns is string or not columns -%}
        {{ exceptions.raise_compiler_error('not_negative needs a list of at least one column.') }}
    {%- endif %}
{{ trendhouse.columns_with_bad_rows(model, columns, "the_column < 0 or the_column > cast('infinity' as double)") }}
{% endtest %}

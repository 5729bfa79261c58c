{# A returned row names a column that holds nulls where there can be none, and in how many rows. A join upstream finds no partner, or a rule leaves a
   case out: look at the rows of the table where that column is null. One test for all such columns of a table, because each test costs a build time. #}
{% test not_null_columns(model, columns) %}
    {%- if columns is string or not columns -%}
        {{ exceptions.raise_compiler_error('not_null_columns needs a list of at least one column.') }}
    {%- endif %}
{{ trendhouse.columns_with_bad_rows(model, columns, 'the_column is null') }}
{% endtest %}

{# A returned row breaks column 1 <= column 2 <= ... : quantiles that cross, a period that ends before it starts. Pairs with a null pass. Look at what
   computes the two neighbours that are out of order. #}
{% test ordered_columns(model, columns) %}
    {%- if columns is string or columns | length < 2 -%}
        {{ exceptions.raise_compiler_error('ordered_columns needs a list of at least two columns.') }}
    {%- endif %}
select
    {{ columns | join(',\n    ') }}
from {{ model }}
where
    false
    {%- for column in columns[1:] %}
    or {{ columns[loop.index0] }} > {{ column }}
    {%- endfor %}
{% endtest %}

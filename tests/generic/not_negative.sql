{# A returned row holds a number below 0 (or a NaN) where none can be: a quantity, an amount, a count. A null passes. Find the row in staging: either a
   dirty row was not rejected, or a subtraction downstream has its sides swapped. #}
{# NaN sorts above infinity on both engines. #}
{% test not_negative(model, column_name) %}
select {{ column_name }}
from {{ model }}
where
    {{ column_name }} < 0
    or {{ column_name }} > cast('infinity' as double)
{% endtest %}

{# A returned row is a combination of values that occurs more than once (nulls count as equal); `times` says how often. A join upstream has
   multiplied rows, or a key is not what the model says it is: look at the rows of one such combination and find the join. #}
{% test unique_combination(model, columns) %}
    {%- if columns is string or not columns -%}
        {{ exceptions.raise_compiler_error('unique_combination needs a list of at least one column.') }}
    {%- endif %}
select
    {{ columns | join(',\n    ') }},
    count(*) as times
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

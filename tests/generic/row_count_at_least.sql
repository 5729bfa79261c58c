{# The one returned row says that the model has fewer rows than it must (`rows_found`). An upstream join or filter has dropped everything: compare
   row counts along the lineage. #}
{% test row_count_at_least(model, at_least=1) %}
select rows_found
from (
    select count(*) as rows_found
    from {{ model }}
) as counted
where rows_found < {{ at_least }}
{% endtest %}

{# A returned row breaks the condition that the test's name states (one that cannot be told, being null, counts as broken). With at_least_once, the one
   returned row says that no row meets it; a table without rows passes. Correct the table. #}
{% test holds(model, condition, column_name=none, at_least_once=false) %}
{%- if at_least_once %}
select
    rows_found,
    rows_that_hold
from (
    select
        count(*) as rows_found,
        sum(case when {{ condition }} then 1 else 0 end) as rows_that_hold
    from {{ model }}
) as counted
where rows_found > 0 and rows_that_hold = 0
{%- else %}
select *
from {{ model }}
where not coalesce({{ condition }}, false)
{%- endif %}
{% endtest %}

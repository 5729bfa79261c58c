{# Which training serves; documented in _evaluation__macros.yml. #}

{# A build of an earlier date is not served by a later fit. #}
{% macro trainings(fits, as_of) -%}
    select
        {{ fits }}.fit_key,
        row_number() over (
            order by max({{ fits }}.data_to) desc nulls last, max({{ fits }}.trained_at) desc nulls last, {{ fits }}.fit_key desc nulls last
        ) = 1 as is_latest
    from {{ fits }}
    cross join {{ as_of }}
    where {{ fits }}.data_to < {{ as_of }}.as_of_date
    group by {{ fits }}.fit_key
{%- endmacro %}

{# What goes together more often than by chance; documented in _recommendation__macros.yml. #}

{% macro log_likelihood_ratio(together, first, second, total) -%}
    2.0e0 * (
        {{ trendhouse.log_term(together, first, second, total) }}
        + {{ trendhouse.log_term('(' ~ first ~ ' - ' ~ together ~ ')', first, '(' ~ total ~ ' - ' ~ second ~ ')', total) }}
        + {{ trendhouse.log_term('(' ~ second ~ ' - ' ~ together ~ ')', '(' ~ total ~ ' - ' ~ first ~ ')', second, total) }}
        + {{ trendhouse.log_term(
            '(' ~ total ~ ' - ' ~ first ~ ' - ' ~ second ~ ' + ' ~ together ~ ')',
            '(' ~ total ~ ' - ' ~ first ~ ')', '(' ~ total ~ ' - ' ~ second ~ ')', total
        ) }}
    )
{%- endmacro %}


{# observed x ln(observed / expected), 0 when nothing was observed. #}
{% macro log_term(observed, row_total, column_total, total) -%}
    case
        when {{ observed }} > 0
            then
                {{ observed }} * ln(
                    cast({{ observed }} as double) * {{ total }} / nullif(cast({{ row_total }} as double) * {{ column_total }}, 0)
                )
        else 0
    end
{%- endmacro %}


{% macro shrunk_ratio(observed, expected, prior) -%}
    {{ trendhouse.safe_divide('(' ~ observed ~ ') + ' ~ prior, '(' ~ expected ~ ') + ' ~ prior) }}
{%- endmacro %}

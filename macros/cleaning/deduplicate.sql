{% macro deduplicate(relation, columns, partition_by, order_by) %}{{ return(adapter.dispatch('deduplicate', 'trendhouse')(relation, columns, partition_by, order_by)) }}{% endmacro %}

{# A full select, to stand as the body of a common table expression. The columns themselves break ties, so that equal input gives equal output. #}
{% macro default__deduplicate(relation, columns, partition_by, order_by) -%}
    {%- for name, given in {'columns': columns, 'partition_by': partition_by, 'order_by': order_by}.items() -%}
        {%- if given is string or not given -%}
            {{ exceptions.raise_compiler_error('deduplicate needs a list of at least one entry for ' ~ name ~ '.') }}
        {%- endif -%}
    {%- endfor -%}
    {%- for term in order_by -%}
        {%- if not (term | lower).rstrip().endswith(('nulls first', 'nulls last')) -%}
            {{ exceptions.raise_compiler_error("deduplicate: say 'nulls first' or 'nulls last' in order_by: '" ~ term ~ "'.") }}
        {%- endif -%}
    {%- endfor %}
    {%- set ties = [] -%}
    {%- set ordered = [] -%}
    {%- for term in order_by -%}
        {%- do ordered.append(term.split()[0]) -%}
    {%- endfor -%}
    {%- for column in columns if column not in partition_by and column not in ordered -%}
        {%- do ties.append(column ~ ' nulls last') -%}
    {%- endfor %}
    select
        {{ columns | join(',\n        ') }}
    from (
        select
            {{ columns | join(',\n            ') }},
            row_number() over (
                partition by {{ partition_by | join(', ') }}
                order by {{ (order_by + ties) | join(', ') }}
            ) as duplicate_rank
        from {{ relation }}
    ) as ranked_duplicates
    where duplicate_rank = 1
{%- endmacro %}

{%- set tables = shop_tables() -%}
with

rejected as (
    {%- for table in tables %}
        select
            '{{ table }}' as source_table,
            reject_reasons,
            raw_row
        from {{ ref('base_shop__' ~ table) }}
        where reject_reasons is not null
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}
)

select * from rejected

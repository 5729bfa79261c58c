{%- set tables = shop_tables() -%}
with

-- Counted in the raw tables themselves, not in what staging made of them: otherwise a row that staging lost would not be missed.
raw_counts as (
    {%- for table in tables %}
        {%- set relation = shop_relation(table) %}
        select
            '{{ table }}' as source_table,
            {% if relation is none %}cast(0 as bigint){% else %}(select count(*) from {{ relation }}){% endif %} as rows_in
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}
),

staged_counts as (
    {%- for table in tables %}
        select
            '{{ table }}' as source_table,
            count(case when duplicate_rank = 1 then 1 end) as rows_kept,
            count(case when duplicate_rank > 1 then 1 end) as rows_duplicate,
            count(case when reject_reasons is not null then 1 end) as rows_rejected,
            count(case when duplicate_rank = 1 and unreadable_columns is not null then 1 end) as rows_repaired
        from {{ ref('base_shop__' ~ table) }}
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}
),

final as (
    select
        raw_counts.source_table,
        cast(raw_counts.rows_in as bigint) as rows_in,
        cast(staged_counts.rows_kept as bigint) as rows_kept,
        cast(staged_counts.rows_duplicate as bigint) as rows_duplicate,
        cast(staged_counts.rows_rejected as bigint) as rows_rejected,
        cast(staged_counts.rows_repaired as bigint) as rows_repaired
    from raw_counts
    inner join staged_counts on raw_counts.source_table = staged_counts.source_table
)

select * from final

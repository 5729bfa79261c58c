{#- One select per prediction table and piece of the raw shop that feeds its domain: prediction, domain, source_table, column_name,
    is_needed, is_found. A prediction names the tables and the columns it cannot do without in its properties (config: meta: needs: [events,
    products.seller_id]); required tables and columns are needed by all. -#}
{% macro coverage_rows() %}
    {%- set domains = ['demand', 'pricing', 'recommendation', 'marketing', 'credit', 'fraud'] -%}
    {%- if not execute -%}
        {#- Parsing: only the lineage matters, so that this model runs after the raw tables exist. -#}
        {%- for table in trendhouse.shop_tables() -%}
            {%- do trendhouse.shop_relation(table) -%}
        {%- endfor -%}
        {{ return('select 1 as not_executed') }}
    {%- endif -%}
    {%- set found = {} -%}
    {%- for table in trendhouse.shop_tables() -%}
        {%- set relation = trendhouse.shop_relation(table) -%}
        {%- do found.update({table: {'relation': relation, 'columns': trendhouse.shop_columns(table, relation)}}) -%}
    {%- endfor -%}
    {%- set rows = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'model' and node.package_name == 'trendhouse' and 'predictions' in node.fqn and node.fqn[-2] in domains -%}
        {%- set domain = node.fqn[-2] -%}
        {%- set needs = node.config.meta.get('needs', []) -%}
        {%- for table, piece in found.items() if domain in trendhouse.shop_contract(table).config.meta.feeds -%}
            {%- set is_needed = trendhouse.shop_contract(table).config.meta.required or table in needs -%}
            {%- do rows.append((node.name, domain, table, '(table)', is_needed, piece.relation is not none)) -%}
            {%- for column in piece.columns if column.is_required or domain in column.feeds -%}
                {%- do rows.append((
                        node.name,
                        domain,
                        table,
                        column.name,
                        (is_needed and column.is_required) or table ~ '.' ~ column.name in needs,
                        column.raw_type is not none,
                    )) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for row in rows %}
    select
        cast('{{ row[0] }}' as varchar) as prediction,
        cast('{{ row[1] }}' as varchar) as domain,
        cast('{{ row[2] }}' as varchar) as source_table,
        cast('{{ row[3] }}' as varchar) as column_name,
        {{ row[4] | lower }} as is_needed,
        {{ row[5] | lower }} as is_found
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        cast(null as varchar) as prediction,
        cast(null as varchar) as domain,
        cast(null as varchar) as source_table,
        cast(null as varchar) as column_name,
        false as is_needed,
        false as is_found
    where 1 = 0
    {%- endfor %}
{% endmacro %}

{#- Where the raw shop is: which relation stands behind each table of the contract, and which of its columns are there. -#}

{% macro uses_demo_shop() %}
    {{ return(not var('trendhouse_shop_schema') and not var('trendhouse_shop_models')) }}
{% endmacro %}


{#- The relation of one raw table: a model of the user's, a demo seed, or a source table; none when the shop has no such table. -#}
{% macro shop_relation(table) %}
    {%- set models = var('trendhouse_shop_models') -%}
    {%- if table in models -%}
        {{ return(ref(project_name, models[table])) }}
    {%- elif trendhouse.uses_demo_shop() -%}
        {{ return(ref('demo_shop_' ~ table)) }}
    {%- elif not var('trendhouse_shop_schema') -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set relation = source('shop', table) -%}
    {%- if execute and not adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(relation) }}
{% endmacro %}


{#- The contract's entry of one table, from models/staging/_shop__sources.yml. Only while executing: dbt has no graph when it parses. -#}
{% macro shop_contract(table) %}
    {%- for node in graph.sources.values() if node.package_name == 'trendhouse' and node.source_name == 'shop' and node.name == table -%}
        {{ return(node) }}
    {%- endfor -%}
{% endmacro %}


{#- The names of all tables of the contract, in its order. -#}
{% macro shop_table_names() %}
    {%- set names = [] -%}
    {%- for node in graph.sources.values() if node.package_name == 'trendhouse' and node.source_name == 'shop' -%}
        {%- do names.append(node.name) -%}
    {%- endfor -%}
    {{ return(names) }}
{% endmacro %}


{#- The contract's columns of one table beside what the relation holds: a list of
    {name, data_type, is_required, personal, feeds, raw_name, raw_type (none: the column is missing)}. -#}
{% macro shop_columns(table, relation) %}
    {%- set raw_types = {} -%}
    {%- if relation is not none -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do raw_types.update({column.name | lower: (column.name, column.dtype | upper)}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set mapping = var('trendhouse_shop_columns').get(table, {}) -%}
    {%- set columns = [] -%}
    {%- for column in trendhouse.shop_contract(table).columns.values() -%}
        {%- set meta = column.config.meta -%}
        {%- set raw_name = mapping.get(column.name, column.name) -%}
        {%- set found = raw_types.get(raw_name | lower) -%}
        {%- do columns.append({
            'name': column.name,
            'data_type': column.data_type,
            'is_required': meta.get('required', false),
            'personal': meta.get('personal'),
            'feeds': meta.get('feeds', []),
            'raw_name': found[0] if found else raw_name,
            'raw_type': found[1] if found else none,
        }) -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

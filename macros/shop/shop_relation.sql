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
    {%- if execute and not trendhouse.is_built(relation) -%}
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


{#- The names of all tables of the contract, in its order. Written out, because refs have to be known when dbt parses, and it has no graph to
    read the contract from then; a test holds the list against the contract. -#}
{% macro shop_tables() %}
    {{ return([
        'products', 'orders', 'order_items', 'customers', 'events', 'reviews', 'sellers', 'campaigns', 'promotions', 'campaign_contacts',
        'coupons', 'ad_spend_daily', 'inventory_daily', 'weather_daily', 'credit_accounts', 'confirmed_fraud',
    ]) }}
{% endmacro %}


{#- Whether a relation stands in the warehouse. A seed or model that no build has made yet does not: `dbt compile` meets it in a fresh clone. -#}
{% macro is_built(relation) %}
    {{ return(adapter.get_relation(relation.database, relation.schema, relation.identifier) is not none) }}
{% endmacro %}


{#- The contract's columns of one table beside what the relation holds: a list of
    {name, data_type, is_required, personal, feeds, raw_name, raw_type (none: the column is missing)}. A relation not built yet is taken to
    hold what the contract says. -#}
{% macro shop_columns(table, relation) %}
    {%- set raw_types = {} -%}
    {%- set is_presumed = relation is not none and not trendhouse.is_built(relation) -%}
    {%- if relation is not none and not is_presumed -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do raw_types.update({column.name | lower: (column.name, column.dtype | upper)}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set mapping = var('trendhouse_shop_columns').get(table, {}) -%}
    {%- set columns = [] -%}
    {%- for column in trendhouse.shop_contract(table).columns.values() -%}
        {%- set meta = column.config.meta -%}
        {%- set raw_name = mapping.get(column.name, column.name) -%}
        {%- set found = (raw_name, column.data_type | upper) if is_presumed else raw_types.get(raw_name | lower) -%}
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

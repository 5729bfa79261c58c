{#- Looks the raw shop over and prints one line of JSON behind a marker, for `trendhouse check` to lay out: what is there, what is missing,
    what looks wrong. -#}
{% macro shop_report() %}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set tables = [] -%}
    {%- set problems = trendhouse.settings_problems() + trendhouse.shop_problems() -%}
    {%- for table in trendhouse.shop_tables() -%}
        {%- set contract = trendhouse.shop_contract(table) -%}
        {%- set relation = trendhouse.shop_table_now(table) -%}
        {%- set columns = trendhouse.shop_columns(table, relation) -%}
        {%- set entry = {
            'table': table,
            'is_required': contract.config.meta.required,
            'is_found': relation is not none,
            'relation': relation | string if relation is not none else none,
            'feeds': contract.config.meta.feeds,
            'row_count': none,
            'columns': [],
            'suspicious': [],
        } -%}
        {%- set facts = trendhouse.raw_table_facts(table, relation, columns) if relation is not none else {} -%}
        {%- if relation is not none -%}
            {%- do entry.update({'row_count': facts['row_count']}) -%}
        {%- endif -%}
        {%- for column in columns -%}
            {%- do entry['columns'].append({
                'column': column.name,
                'raw_column': column.raw_name,
                'is_required': column.is_required,
                'is_found': column.raw_type is not none,
                'data_type': column.data_type,
                'null_count': facts.get('null_' ~ column.name),
                'unreadable_count': facts.get('unreadable_' ~ column.name),
                'feeds': column.feeds,
            }) -%}
            {%- for kind, sentence in {'negative': ' is negative', 'future': ' lies in the future', 'repeated': ' occurs more than once'}.items() -%}
                {%- if facts.get(kind ~ '_' ~ column.name) -%}
                    {%- do entry['suspicious'].append({'check': column.name ~ sentence, 'row_count': facts[kind ~ '_' ~ column.name]}) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do tables.append(entry) -%}
    {%- endfor -%}
    {%- do print('TRENDHOUSE_SHOP_REPORT ' ~ tojson({'tables': tables, 'problems': problems})) -%}
{% endmacro %}


{#- Counts over one raw table in one pass: rows, and per column nulls, unreadable values, negative numbers, dates in the future, repeated keys. -#}
{% macro raw_table_facts(table, relation, columns) %}
    {%- set counts = ['count(*) as row_count'] -%}
    {%- for column in columns if column.raw_type is not none -%}
        {%- set raw = adapter.quote(column.raw_name) -%}
        {%- set text = trendhouse.clean_text(raw, column.raw_type) -%}
        {%- set value = trendhouse.read_value(raw, column.raw_type, column.data_type) -%}
        {%- do counts.append('count(*) - count(' ~ text ~ ') as null_' ~ column.name) -%}
        {%- do counts.append('count(' ~ text ~ ') - count(' ~ value ~ ') as unreadable_' ~ column.name) -%}
        {%- if column.data_type == 'double' and column.name != 'temperature_c' -%}
            {%- do counts.append('count(case when ' ~ value ~ ' < 0 then 1 end) as negative_' ~ column.name) -%}
        {%- elif column.data_type in ('timestamp', 'date') and column.name not in ('starts_at', 'ends_at', 'due_at') -%}
            {%- do counts.append('count(case when ' ~ value ~ ' >= ' ~ trendhouse.future_begins_at() ~ ' then 1 end) as future_' ~ column.name) -%}
        {%- elif loop.first and column.is_required and column.name.endswith('_id') and columns | selectattr('is_required') | map(attribute='name')
            | select('in', ['customer_id', 'product_id']) | reject('equalto', column.name) | list | length == 0 -%}
            {%- do counts.append('count(' ~ text ~ ') - count(distinct ' ~ text ~ ') as repeated_' ~ column.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set result = run_query('select ' ~ counts | join(', ') ~ ' from ' ~ relation) -%}
    {%- set facts = {} -%}
    {%- for name in result.column_names -%}
        {%- do facts.update({name: result.rows[0][name] | int}) -%}
    {%- endfor -%}
    {{ return(facts) }}
{% endmacro %}

{#- Reads one raw table through the contract. Yields every contract column under its contract name and type (null where the shop lacks
    it), the raw values beside them as raw_<column>, and
      contract_reasons      what the contract has against the row: a required value missing or unreadable; null when nothing
      unreadable_columns    optional columns whose value could not be read and is null from here on; null when none -#}
{% macro shop_source(table) %}
    {%- set relation = trendhouse.shop_relation(table) -%}
    {%- if not execute -%}
        {{ return('select 1 as not_executed') }}
    {%- endif -%}
    {%- set columns = trendhouse.shop_columns(table, relation) -%}
    {%- do trendhouse.assert_required_columns(table, relation, columns) -%}
    {%- set reasons = [] -%}
    {%- set unreadable = [] -%}
    select
    {%- for column in columns %}
        {%- if column.raw_type is none %}
        cast(null as varchar) as raw_{{ column.name }},
        cast(null as {{ column.data_type }}) as {{ column.name }},
        {%- else %}
        {%- set raw = adapter.quote(column.raw_name) %}
        {%- set value = trendhouse.read_value(raw, column.raw_type, column.data_type) %}
        {{ raw }} as raw_{{ column.name }},
        {{ value }} as {{ column.name }},
            {%- set is_unreadable = value ~ ' is null and ' ~ trendhouse.clean_text(raw, column.raw_type) ~ ' is not null' %}
            {%- set can_fail = column.data_type != 'varchar' and not trendhouse.is_same_type(column.raw_type, column.data_type) %}
            {%- if column.is_required %}
                {%- if can_fail %}
                    {%- do reasons.append('case when ' ~ is_unreadable ~ " then '" ~ column.name ~ ' cannot be read as ' ~ column.data_type ~ "' end") %}
                {%- endif %}
                {%- do reasons.append('case when ' ~ trendhouse.clean_text(raw, column.raw_type) ~ " is null then '" ~ column.name ~ " is missing' end") %}
            {%- elif can_fail %}
                {%- do unreadable.append('case when ' ~ is_unreadable ~ " then '" ~ column.name ~ "' end") %}
            {%- endif %}
        {%- endif %}
    {%- endfor %}
        {{ trendhouse.concat_nonnull(reasons, '; ') if reasons else 'cast(null as varchar)' }} as contract_reasons,
        {{ trendhouse.concat_nonnull(unreadable, ', ') if unreadable else 'cast(null as varchar)' }} as unreadable_columns
    {%- if relation is none %}
    where 1 = 0
    {%- else %}
    from {{ relation }}
    {%- endif %}
{% endmacro %}


{#- Text without padding; null for blank text and for the usual spellings of nothing. -#}
{% macro clean_text(expression, raw_type) %}
    {%- if raw_type.startswith('VARCHAR') or raw_type in ('STRING', 'TEXT') -%}
        {{ return("case when lower(trim(" ~ expression ~ ")) not in ('', 'null', 'nan', 'n/a') then trim(" ~ expression ~ ") end") }}
    {%- endif -%}
    {{ return('cast(' ~ expression ~ ' as varchar)') }}
{% endmacro %}


{% macro is_same_type(raw_type, data_type) %}
    {%- set whole = ['TINYINT', 'SMALLINT', 'INTEGER', 'INT', 'BIGINT', 'UTINYINT', 'USMALLINT', 'UINTEGER'] -%}
    {%- set native = {
        'double': whole,
        'bigint': whole,
        'timestamp': ['TIMESTAMP', 'TIMESTAMP_NS', 'TIMESTAMP_MS', 'TIMESTAMP_S', 'TIMESTAMP WITH TIME ZONE', 'DATE'],
        'date': ['DATE', 'TIMESTAMP', 'TIMESTAMP_NS', 'TIMESTAMP_MS', 'TIMESTAMP_S', 'TIMESTAMP WITH TIME ZONE'],
        'boolean': ['BOOLEAN'],
    } -%}
    {{ return(raw_type in native.get(data_type, [])) }}
{% endmacro %}


{#- One raw value as the contract's type; null when it cannot be read. -#}
{% macro read_value(expression, raw_type, data_type) %}
    {%- set text = trendhouse.clean_text(expression, raw_type) -%}
    {%- if data_type == 'varchar' -%}
        {{ return(text) }}
    {%- elif trendhouse.is_same_type(raw_type, data_type) -%}
        {%- if raw_type == 'TIMESTAMP WITH TIME ZONE' -%}
            {{ return('cast(' ~ trendhouse.to_utc(expression) ~ ' as ' ~ data_type ~ ')') }}
        {%- endif -%}
        {{ return('cast(' ~ expression ~ ' as ' ~ data_type ~ ')') }}
    {%- elif data_type == 'double' -%}
        {#- The bounds leave out infinities and not-a-number, which no sum survives. -#}
        {{ return('case when try_cast(' ~ text ~ ' as double) between -1e300 and 1e300 then try_cast(' ~ text ~ ' as double) end') }}
    {%- elif data_type == 'bigint' -%}
        {{ return('case when try_cast(' ~ text ~ ' as double) between -9e15 and 9e15 then cast(round(try_cast(' ~ text ~ ' as double)) as bigint) end') }}
    {%- elif data_type == 'boolean' -%}
        {{ return('case when lower(' ~ text ~ ") in ('true', 't', 'yes', 'y', '1') then true when lower(" ~ text ~ ") in ('false', 'f', 'no', 'n', '0') then false end") }}
    {%- elif data_type == 'date' -%}
        {{ return('cast(try_cast(' ~ text ~ ' as timestamp) as date)') }}
    {%- endif -%}
    {{ return('try_cast(' ~ text ~ ' as ' ~ data_type ~ ')') }}
{% endmacro %}


{#- The raw row as JSON text, for the quarantine. Personal columns go in as keyed hashes; columns outside the contract stay out, because
    nobody has said what they hold. Reads the raw_<column> columns of shop_source. -#}
{% macro shop_raw_row(table) %}
    {%- if not execute -%}
        {{ return('null') }}
    {%- endif -%}
    {%- set pairs = {} -%}
    {%- for column in trendhouse.shop_contract(table).columns.values() -%}
        {%- set text = 'cast(raw_' ~ column.name ~ ' as varchar)' -%}
        {%- do pairs.update({column.name: trendhouse.keyed_hash(text) if column.config.meta.get('personal') else text}) -%}
    {%- endfor -%}
    {{ return(trendhouse.json_object_of(pairs)) }}
{% endmacro %}


{#- Why a row is rejected: the contract's reasons and the model's own rules {sentence: condition}; null when the row is fine. -#}
{% macro reject_reasons(rules={}) %}
    {%- set parts = ['contract_reasons'] -%}
    {%- for sentence, condition in rules.items() -%}
        {%- do parts.append('case when ' ~ condition ~ " then '" ~ sentence ~ "' end") -%}
    {%- endfor -%}
    {{ return(trendhouse.concat_nonnull(parts, '; ')) }}
{% endmacro %}


{#- The first moment that counts as the future: a day after the build started, to leave room for clocks and time zones. -#}
{% macro future_begins_at() %}
    {%- set moment = (run_started_at.replace(tzinfo=none) + modules.datetime.timedelta(days=1)).strftime('%Y-%m-%d %H:%M:%S') -%}
    {%- set as_of = var('trendhouse_as_of_date') | string -%}
    {{ return("cast('" ~ ([moment, as_of] | max) ~ "' as timestamp)") }}
{% endmacro %}


{#- Every column of the contract as an order: the last word among copies of a row, so that the choice is the same in every build. -#}
{% macro shop_column_order(table) %}
    {%- if not execute -%}
        {{ return('1') }}
    {%- endif -%}
    {{ return(trendhouse.shop_contract(table).columns.keys() | join(' nulls last, ') ~ ' nulls last') }}
{% endmacro %}

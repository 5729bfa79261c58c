{#- Stops a staging model whose raw table lacks what the contract requires, with a sentence that says how to map it. check_settings says
    the same before the build starts wherever the table exists by then. -#}
{% macro assert_required_columns(table, relation, columns) %}
    {%- if relation is not none and flags.WHICH in ('run', 'build') and not trendhouse.is_built(relation) -%}
        {{ exceptions.raise_compiler_error(
            'There is no ' ~ relation.schema ~ '.' ~ relation.identifier ~ " yet, which the table '" ~ table
            ~ "' is read from: run dbt build, which makes it first, or dbt seed for a seed."
        ) }}
    {%- endif -%}
    {%- set problems = trendhouse.required_problems(table, relation, columns) -%}
    {%- if problems -%}
        {{ exceptions.raise_compiler_error(problems | join('\n')) }}
    {%- endif -%}
{% endmacro %}


{#- One sentence per required table or column that is missing. -#}
{% macro required_problems(table, relation, columns) %}
    {%- set problems = [] -%}
    {%- if relation is none -%}
        {%- if trendhouse.shop_contract(table).config.meta.required -%}
            {%- set name = trendhouse.shop_contract(table).identifier -%}
            {%- do problems.append(
                "The required table '" ~ table ~ "' is missing: there is no " ~ (var('trendhouse_shop_schema') ~ '.' if var('trendhouse_shop_schema') else '')
                ~ name ~ ". Name your table in the var trendhouse_shop_tables: {" ~ table ~ ": <your table>}, or your model in trendhouse_shop_models: {"
                ~ table ~ ": <your model>}."
            ) -%}
        {%- endif -%}
    {%- else -%}
        {%- for column in columns if column.is_required and column.raw_type is none -%}
            {%- do problems.append(
                "The required column '" ~ column.raw_name ~ "' is missing in " ~ relation.schema ~ '.' ~ relation.identifier ~ " (table '" ~ table
                ~ "'). Name your column in the var trendhouse_shop_columns: {" ~ table ~ ": {" ~ column.name ~ ": <your column>}}."
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(problems) }}
{% endmacro %}

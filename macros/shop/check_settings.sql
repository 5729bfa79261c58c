{#- Runs before every build: unknown, contradictory or unreadable settings and missing required tables or columns stop it here, each with
    one sentence that says what to change. -#}
{% macro check_settings() %}
    {%- if execute -%}
        {%- set problems = trendhouse.settings_problems() + trendhouse.shop_problems() -%}
        {%- if problems -%}
            {{ exceptions.raise_compiler_error('Trendhouse cannot build:\n- ' ~ problems | join('\n- ')) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{#- What is wrong with the vars. -#}
{% macro settings_problems() %}
    {%- set problems = [] -%}
    {%- set defaults = trendhouse.project_vars('trendhouse') -%}
    {%- set given = {} -%}
    {%- set own = trendhouse.project_vars(project_name) -%}
    {%- for name, value in own.items() -%}
        {%- if value is mapping and name == 'trendhouse' -%}
            {%- do given.update(value) -%}
        {%- else -%}
            {%- do given.update({name: value}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do given.update(invocation_args_dict.get('vars') or {}) -%}
    {%- for name in given if name.startswith('trendhouse_') and defaults and name not in defaults -%}
        {%- do problems.append("The var '" ~ name ~ "' is unknown: remove it or correct its name. Known vars: " ~ (defaults | sort | join(', ')) ~ '.') -%}
    {%- endfor -%}
    {%- for name, default in defaults.items() -%}
        {%- set value = var(name) -%}
        {%- set wanted = 'a mapping' if default is mapping else 'a whole number' if default is integer else 'a number' if default is number else none -%}
        {%- set fits = (value is mapping) if default is mapping else (value is integer) if default is integer else (value is number) if default is number else true -%}
        {%- if wanted and (not fits or (value is boolean) != (default is boolean)) -%}
            {%- do problems.append("The var '" ~ name ~ "' must be " ~ wanted ~ ', not ' ~ value ~ '.') -%}
        {%- endif -%}
    {%- endfor -%}

    {%- if var('trendhouse_train') not in ['auto', 'always', 'never'] -%}
        {%- do problems.append("The var 'trendhouse_train' must be auto, always or never, not " ~ var('trendhouse_train') ~ '.') -%}
    {%- endif -%}
    {%- if var('trendhouse_demand_tuning') not in ['none', 'grid', 'random', 'bayesian'] -%}
        {%- do problems.append(
            "The var 'trendhouse_demand_tuning' must be none, grid, random or bayesian, not " ~ var('trendhouse_demand_tuning') ~ '.'
        ) -%}
    {%- endif -%}
    {%- if var('trendhouse_recommendation_diversity') is number and not 0 <= var('trendhouse_recommendation_diversity') <= 1 -%}
        {%- do problems.append(
            "The var 'trendhouse_recommendation_diversity' must lie between 0 and 1, not be " ~ var('trendhouse_recommendation_diversity') ~ '.'
        ) -%}
    {%- endif -%}
    {%- if var('trendhouse_recommendation_places') is integer and var('trendhouse_recommendation_places') < 1 -%}
        {%- do problems.append("The var 'trendhouse_recommendation_places' must be 1 or more, not " ~ var('trendhouse_recommendation_places') ~ '.') -%}
    {%- endif -%}
    {%- set as_of = var('trendhouse_as_of_date') | string -%}
    {%- if as_of and not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', as_of) -%}
        {%- do problems.append("The var 'trendhouse_as_of_date' must be a date such as 2026-09-30, not " ~ as_of ~ '.') -%}
    {%- endif -%}

    {%- set tables = trendhouse.shop_tables() -%}
    {%- for name in ['trendhouse_shop_tables', 'trendhouse_shop_models', 'trendhouse_shop_columns'] if var(name) is mapping -%}
        {%- for table in var(name) if table not in tables -%}
            {%- do problems.append("The var '" ~ name ~ "' names '" ~ table ~ "', which is no table of the contract; its tables are " ~ tables | join(', ') ~ '.') -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if var('trendhouse_shop_columns') is mapping -%}
        {%- for table, mapping in var('trendhouse_shop_columns').items() if table in tables -%}
            {%- set known = trendhouse.shop_contract(table).columns.keys() | list -%}
            {%- for column in mapping if column not in known -%}
                {%- do problems.append(
                    "The var 'trendhouse_shop_columns' maps '" ~ table ~ '.' ~ column ~ "', which is no column of the contract; its columns are "
                    ~ known | join(', ') ~ '.'
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if var('trendhouse_shop_models') is mapping and var('trendhouse_shop_tables') is mapping -%}
        {%- for table in var('trendhouse_shop_models') if table in var('trendhouse_shop_tables') -%}
            {%- do problems.append(
                "The table '" ~ table ~ "' is in both trendhouse_shop_models and trendhouse_shop_tables: keep the one that holds."
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if var('trendhouse_shop_tables') and not var('trendhouse_shop_schema') -%}
        {%- do problems.append("The var 'trendhouse_shop_tables' names tables but 'trendhouse_shop_schema' is empty: say which schema holds them.") -%}
    {%- endif -%}
    {{ return(problems) }}
{% endmacro %}


{#- What is wrong with the raw shop, as far as it exists before the build: seeds and models of the user's are looked at when their staging
    model runs. -#}
{% macro shop_problems() %}
    {%- set problems = [] -%}
    {%- if not trendhouse.uses_demo_shop() -%}
        {%- set ns = namespace(holds_personal_data=false) -%}
        {%- for table in trendhouse.shop_tables() -%}
            {%- set relation = trendhouse.shop_table_now(table) -%}
            {%- if relation is not none or table not in var('trendhouse_shop_models') -%}
                {%- set columns = trendhouse.shop_columns(table, relation) -%}
                {%- do problems.extend(trendhouse.required_problems(table, relation, columns)) -%}
                {%- for column in columns if column.personal and column.raw_type -%}
                    {%- set ns.holds_personal_data = true -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if ns.holds_personal_data and not env_var('TRENDHOUSE_HASH_KEY', '') -%}
            {%- do problems.append(
                'The raw shop holds personal data, which leaves staging only as keyed hashes: set the environment variable TRENDHOUSE_HASH_KEY to a '
                ~ 'long random text, and keep it the same from build to build.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(problems) }}
{% endmacro %}


{#- The relation of one raw table as it stands now, outside any model: none when it is not there (yet). -#}
{% macro shop_table_now(table) %}
    {%- set model = var('trendhouse_shop_models').get(table) or ('demo_shop_' ~ table if trendhouse.uses_demo_shop()) -%}
    {%- if model -%}
        {%- for node in graph.nodes.values() if node.name == model and node.resource_type in ('model', 'seed', 'snapshot') -%}
            {{ return(adapter.get_relation(node.database, node.schema, node.alias)) }}
        {%- endfor -%}
        {{ return(none) }}
    {%- elif not var('trendhouse_shop_schema') -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set node = trendhouse.shop_contract(table) -%}
    {{ return(adapter.get_relation(node.database, node.schema, node.identifier)) }}
{% endmacro %}


{#- The vars that a project's dbt_project.yml sets, by reading the file: Jinja can ask for one var, not for all. Empty where the engine
    cannot read files, and then unknown vars go unnoticed. -#}
{% macro project_vars(project) %}
    {{ return(adapter.dispatch('project_vars', 'trendhouse')(project)) }}
{% endmacro %}

{% macro default__project_vars(project) %}
    {{ return({}) }}
{% endmacro %}

{% macro duckdb__project_vars(project) %}
    {%- set root = invocation_args_dict.get('project_dir') or '.' -%}
    {%- set files = run_query(
        "select content from read_text(['" ~ root ~ "/dbt_project.yml', '" ~ root ~ "/*/*/dbt_project.yml'])"
    ) -%}
    {%- for row in files.rows -%}
        {%- set settings = fromyaml(row[0]) -%}
        {%- if settings.name == project -%}
            {{ return(settings.get('vars') or {}) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return({}) }}
{% endmacro %}

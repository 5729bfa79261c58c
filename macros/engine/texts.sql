{# Text: literals, patterns, paths, JSON. `expr` is SQL; `pattern`, `replacement`, `sep` and `text` are plain text, which the macro quotes. #}

{% macro text_literal(text) %}{{ return(adapter.dispatch('text_literal', 'trendhouse')(text)) }}{% endmacro %}

{% macro default__text_literal(text) -%}
    '{{ (text | string).replace("'", "''") }}'
{%- endmacro %}

{# Spark reads a backslash in a literal as an escape. #}
{% macro spark__text_literal(text) -%}
    '{{ (text | string).replace("\\", "\\\\").replace("'", "\\'") }}'
{%- endmacro %}


{% macro regex_matches(expr, pattern) %}{{ return(adapter.dispatch('regex_matches', 'trendhouse')(expr, pattern)) }}{% endmacro %}

{% macro duckdb__regex_matches(expr, pattern) -%}
    regexp_matches({{ expr }}, {{ trendhouse.text_literal(pattern) }})
{%- endmacro %}

{% macro spark__regex_matches(expr, pattern) -%}
    regexp_like({{ expr }}, {{ trendhouse.text_literal(pattern) }})
{%- endmacro %}


{% macro regex_replace(expr, pattern, replacement) %}{{ return(adapter.dispatch('regex_replace', 'trendhouse')(expr, pattern, replacement)) }}{% endmacro %}

{# The replacement is plain text on both engines: group references are spelled differently and are therefore switched off. #}
{% macro duckdb__regex_replace(expr, pattern, replacement) -%}
    regexp_replace({{ expr }}, {{ trendhouse.text_literal(pattern) }}, {{ trendhouse.text_literal(replacement.replace("\\", "\\\\")) }}, 'g')
{%- endmacro %}

{% macro spark__regex_replace(expr, pattern, replacement) -%}
    regexp_replace({{ expr }}, {{ trendhouse.text_literal(pattern) }}, {{ trendhouse.text_literal(replacement.replace("\\", "\\\\").replace("$", "\\$")) }})
{%- endmacro %}


{% macro split_path(expr, sep, n) %}{{ return(adapter.dispatch('split_path', 'trendhouse')(expr, sep, n)) }}{% endmacro %}

{% macro default__split_path(expr, sep, n) -%}
    nullif(trim(split_part({{ expr }}, {{ trendhouse.text_literal(sep) }}, {{ n }})), '')
{%- endmacro %}


{% macro concat_nonnull(exprs, sep) %}{{ return(adapter.dispatch('concat_nonnull', 'trendhouse')(exprs, sep)) }}{% endmacro %}

{# concat_ws skips nulls and gives '' when all are null, which is not the same as no text. #}
{% macro default__concat_nonnull(exprs, sep) -%}
    {%- if not exprs -%}
        {{ exceptions.raise_compiler_error('concat_nonnull needs at least one expression.') }}
    {%- endif -%}
    {%- set parts = [] -%}
    {%- for expr in exprs -%}
        {%- do parts.append('cast(' ~ expr ~ ' as string)') -%}
    {%- endfor -%}
    case when coalesce({{ (parts + ['null']) | join(', ') }}) is not null then concat_ws({{ trendhouse.text_literal(sep) }}, {{ parts | join(', ') }}) end
{%- endmacro %}


{% macro json_object_of(pairs) %}{{ return(adapter.dispatch('json_object_of', 'trendhouse')(pairs)) }}{% endmacro %}

{% macro duckdb__json_object_of(pairs) -%}
    {%- set parts = [] -%}
    {%- for name, expr in pairs.items() -%}
        {%- do parts.append(trendhouse.text_literal(name) ~ ', ' ~ expr) -%}
    {%- endfor -%}
    cast(json_object({{ parts | join(', ') }}) as string)
{%- endmacro %}

{% macro spark__json_object_of(pairs) -%}
    {%- set parts = [] -%}
    {%- for name, expr in pairs.items() -%}
        {%- do parts.append(trendhouse.text_literal(name) ~ ', ' ~ expr) -%}
    {%- endfor -%}
    to_json(named_struct({{ parts | join(', ') }}), map('ignoreNullFields', 'false', 'timestampFormat', 'yyyy-MM-dd HH:mm:ss'))
{%- endmacro %}

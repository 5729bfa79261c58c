{# Hashes and samples: the same text gives the same hash on every engine. `string` is the one text type both engines cast to. #}

{# Documentation and compiled previews are passed around, so the key never goes into them. #}
{% macro hash_key() %}
    {%- if flags.WHICH in ['generate', 'compile'] -%}
        {{ return('(hash key)') }}
    {%- endif -%}
    {{ return(env_var('TRENDHOUSE_HASH_KEY', 'demo')) }}
{% endmacro %}


{% macro keyed_hash(expr) %}{{ return(adapter.dispatch('keyed_hash', 'trendhouse')(expr)) }}{% endmacro %}

{% macro duckdb__keyed_hash(expr) -%}
    sha256({{ trendhouse.text_literal(trendhouse.hash_key() ~ ':') }} || cast({{ expr }} as string))
{%- endmacro %}

{% macro spark__keyed_hash(expr) -%}
    sha2({{ trendhouse.text_literal(trendhouse.hash_key() ~ ':') }} || cast({{ expr }} as string), 256)
{%- endmacro %}


{% macro row_hash(exprs) %}{{ return(adapter.dispatch('row_hash', 'trendhouse')(exprs)) }}{% endmacro %}

{# Each value goes in with its length before it ("3:abc", null as "-"), so that two different rows never give one text. #}
{% macro default__row_hash(exprs) -%}
    {%- set parts = [] -%}
    {%- for expr in exprs -%}
        {%- set text = 'cast(' ~ expr ~ ' as string)' -%}
        {%- do parts.append("coalesce(cast(length(" ~ text ~ ") as string) || ':' || " ~ text ~ ", '-')") -%}
    {%- endfor -%}
    {%- if not parts -%}
        {{ exceptions.raise_compiler_error('row_hash needs at least one expression.') }}
    {%- endif -%}
    md5({{ parts | join(' || ') }})
{%- endmacro %}


{% macro stable_fraction(expr) %}{{ return(adapter.dispatch('stable_fraction', 'trendhouse')(expr)) }}{% endmacro %}

{# The first 13 hex digits are 52 bits: exact in a double. 4503599627370496 = 16 ^ 13. #}
{% macro duckdb__stable_fraction(expr) -%}
    (cast('0x' || substr(md5(cast({{ expr }} as string)), 1, 13) as bigint) / 4503599627370496.0e0)
{%- endmacro %}

{% macro spark__stable_fraction(expr) -%}
    (cast(conv(substr(md5(cast({{ expr }} as string)), 1, 13), 16, 10) as bigint) / 4503599627370496.0e0)
{%- endmacro %}

{#- Keyed hashes of every run of three words: near-equal texts share most of them, and nobody reads the text back from them. -#}
{% macro keyed_shingle_hashes(expression) %}
    {{ return(adapter.dispatch('keyed_shingle_hashes', 'trendhouse')(expression)) }}
{% endmacro %}

{% macro spark__keyed_shingle_hashes(expression) %}
    {%- set words = "split(" ~ trendhouse.plain_words(expression) ~ ", ' ')" -%}
    {{ return(
        "case when " ~ expression ~ " is not null then array_distinct(transform(sequence(0, greatest(size(" ~ words ~ ") - 3, 0)), i -> "
        ~ trendhouse.keyed_hash("array_join(slice(" ~ words ~ ", i + 1, 3), ' ')") ~ ")) end"
    ) }}
{% endmacro %}

{% macro duckdb__keyed_shingle_hashes(expression) %}
    {%- set words = "string_split(" ~ trendhouse.plain_words(expression) ~ ", ' ')" -%}
    {{ return(
        "case when " ~ expression ~ " is not null then list_sort(list_distinct(list_transform(range(greatest(len(" ~ words ~ ") - 2, 1)), lambda i: "
        ~ trendhouse.keyed_hash("array_to_string(list_slice(" ~ words ~ ", i + 1, i + 3), ' ')") ~ "))) end"
    ) }}
{% endmacro %}


{#- Lower-case words parted by one space: what is left when spelling tricks are taken out. -#}
{% macro plain_words(expression) %}
    {{ return("trim(" ~ trendhouse.regex_replace("lower(" ~ expression ~ ")", "[^\\p{L}\\p{N}]+", " ") ~ ")") }}
{% endmacro %}

{# Similarity of long-form vectors (a row per key and dimension), and the best few of each key; documented in _recommendation__macros.yml. #}

{% macro similarity_of(left_vectors, left_key, right_vectors, right_key, measure='cosine', dimension='dimension', value='value') -%}
    {{ return(adapter.dispatch('similarity_of', 'trendhouse')(left_vectors, left_key, right_vectors, right_key, measure, dimension, value)) }}
{%- endmacro %}

{# Sums of fractions depend on the order of the rows in their last digits: rounded, equal builds give equal tables. #}
{% macro default__similarity_of(left_vectors, left_key, right_vectors, right_key, measure, dimension, value) -%}
    {%- if measure not in ['cosine', 'dot'] -%}
        {{ exceptions.raise_compiler_error("similarity_of knows the measures cosine and dot, not '" ~ measure ~ "'.") }}
    {%- endif -%}
    (
        select
            products.left_key,
            products.right_key,
            {% if measure == 'cosine' -%}
            round(products.dot / nullif(left_lengths.length * right_lengths.length, 0), 9) as similarity
            {%- else -%}
            round(products.dot, 9) as similarity
            {%- endif %}
        from (
            select
                left_vectors.{{ left_key }} as left_key,
                right_vectors.{{ right_key }} as right_key,
                sum(cast(left_vectors.{{ value }} as double) * cast(right_vectors.{{ value }} as double)) as dot
            from {{ left_vectors }} as left_vectors
            inner join {{ right_vectors }} as right_vectors
                on left_vectors.{{ dimension }} = right_vectors.{{ dimension }}
            group by left_vectors.{{ left_key }}, right_vectors.{{ right_key }}
        ) as products
        {%- if measure == 'cosine' %}
        inner join {{ trendhouse.vector_lengths(left_vectors, left_key, value) }} as left_lengths
            on products.left_key = left_lengths.vector_key
        inner join {{ trendhouse.vector_lengths(right_vectors, right_key, value) }} as right_lengths
            on products.right_key = right_lengths.vector_key
        {%- endif %}
    )
{%- endmacro %}


{% macro vector_lengths(vectors, key, value='value') -%}
    (
        select
            {{ key }} as vector_key,
            sqrt(sum(cast({{ value }} as double) * cast({{ value }} as double))) as length
        from {{ vectors }}
        group by {{ key }}
    )
{%- endmacro %}


{% macro top_n(relation, n, key='left_key', candidate='right_key', score='similarity') -%}
    {{ return(adapter.dispatch('top_n', 'trendhouse')(relation, n, key, candidate, score)) }}
{%- endmacro %}

{% macro default__top_n(relation, n, key, candidate, score) -%}
    (
        select
            {{ key }},
            {{ candidate }},
            {{ score }},
            place
        from (
            select
                {{ key }},
                {{ candidate }},
                {{ score }},
                row_number() over (partition by {{ key }} order by {{ score }} desc nulls last, {{ candidate }} asc nulls last) as place
            from {{ relation }} as scored
        ) as placed
        where place <= {{ n }}
    )
{%- endmacro %}

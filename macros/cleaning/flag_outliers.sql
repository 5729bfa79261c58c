{% macro flag_outliers(x, method, first_quartile=none, third_quartile=none, mean_x=none, sd_x=none, median_x=none, mad_x=none, threshold=none, min_spread=0) %}{{ return(adapter.dispatch('flag_outliers', 'trendhouse')(x, method, first_quartile, third_quartile, mean_x, sd_x, median_x, mad_x, threshold, min_spread)) }}{% endmacro %}

{# With a spread of 0 the scale is unknown and nothing is flagged. A null is never > 0, so a null value or bound ends in false. #}
{% macro default__flag_outliers(x, method, first_quartile=none, third_quartile=none, mean_x=none, sd_x=none, median_x=none, mad_x=none, threshold=none, min_spread=0) -%}
    {%- if method not in ['iqr', 'z_score', 'mad'] -%}
        {{ exceptions.raise_compiler_error("flag_outliers knows no method '" ~ method ~ "'; use one of: iqr, z_score, mad.") }}
    {%- endif -%}
    {%- set needed = {
        'iqr': {'first_quartile': first_quartile, 'third_quartile': third_quartile},
        'z_score': {'mean_x': mean_x, 'sd_x': sd_x},
        'mad': {'median_x': median_x, 'mad_x': mad_x},
    }[method] -%}
    {%- for name, given in needed.items() -%}
        {%- if given is none -%}
            {{ exceptions.raise_compiler_error("flag_outliers by '" ~ method ~ "' needs " ~ (needed | join(' and ')) ~ ".") }}
        {%- endif -%}
    {%- endfor -%}
    {%- set value = 'cast(' ~ x ~ ' as double)' -%}
    {%- set bounds = [] -%}
    {%- for given in needed.values() -%}
        {%- do bounds.append('cast(' ~ given ~ ' as double)') -%}
    {%- endfor -%}
    {%- set raw_spread = bounds[1] ~ ' - ' ~ bounds[0] if method == 'iqr' else bounds[1] -%}
    {%- set spread = 'greatest(' ~ raw_spread ~ ', cast(' ~ min_spread ~ ' as double))' -%}
    {%- set limit = {'iqr': 1.5, 'z_score': 3, 'mad': 3.5}[method] if threshold is none else threshold -%}
    coalesce(
        {{ bounds[0] }} is not null and {{ bounds[1] }} is not null
        and {{ spread }} > 0
        and {% if method == 'iqr' -%}
        ({{ value }} < {{ bounds[0] }} - {{ limit }} * {{ spread }} or {{ value }} > {{ bounds[1] }} + {{ limit }} * {{ spread }})
        {%- elif method == 'z_score' -%}
        abs({{ value }} - {{ bounds[0] }}) / nullif({{ spread }}, 0) > {{ limit }}
        {%- else -%}
        0.6745e0 * abs({{ value }} - {{ bounds[0] }}) / nullif({{ spread }}, 0) > {{ limit }}
        {%- endif %},
        false
    )
{%- endmacro %}

{# Forecast metrics as aggregates over the rows of a group. The same formulas as in trendhouse/evaluation/metrics.py; documented in
   _evaluation__macros.yml. #}

{% macro wape(actual, predicted) -%}
    {{ trendhouse.safe_divide('sum(abs(' ~ actual ~ ' - ' ~ predicted ~ '))', 'sum(' ~ actual ~ ')') }}
{%- endmacro %}


{% macro relative_bias(actual, predicted) -%}
    {{ trendhouse.safe_divide('sum(' ~ predicted ~ ' - ' ~ actual ~ ')', 'sum(' ~ actual ~ ')') }}
{%- endmacro %}


{% macro rmse(actual, predicted) -%}
    sqrt(avg(power({{ actual }} - {{ predicted }}, 2)))
{%- endmacro %}


{% macro pinball_loss(actual, quantile, level) -%}
    avg(greatest({{ level }} * ({{ actual }} - {{ quantile }}), ({{ level }} - 1) * ({{ actual }} - {{ quantile }})))
{%- endmacro %}


{% macro share_of(condition) -%}
    avg(case when {{ condition }} then 1.0e0 else 0.0e0 end)
{%- endmacro %}

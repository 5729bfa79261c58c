{# Inventory formulas, on SQL expressions; documented in _planning__macros.yml. #}

{% macro economic_order_quantity(daily_units, order_amount, holding_day_amount) -%}
    sqrt(2 * ({{ order_amount }}) * {{ safe_divide(daily_units, holding_day_amount) }})
{%- endmacro %}


{% macro critical_ratio(underage_amount, overage_amount) -%}
    {{ safe_divide(underage_amount, '(' ~ underage_amount ~ ') + (' ~ overage_amount ~ ')') }}
{%- endmacro %}


{% macro whole_number(expr) -%}
    cast(cast({{ expr }} as bigint) as string)
{%- endmacro %}

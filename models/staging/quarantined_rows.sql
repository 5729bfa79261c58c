{%- set tables = [
    'products', 'orders', 'order_items', 'customers', 'events', 'reviews', 'sellers', 'campaigns', 'promotions',
    'campaign_contacts', 'coupons', 'ad_spend_daily', 'inventory_daily', 'weather_daily', 'credit_accounts', 'confirmed_fraud',
] -%}
with

rejected as (
    {%- for table in tables %}
        select
            '{{ table }}' as source_table,
            reject_reasons,
            raw_row
        from {{ ref('base_shop__' ~ table) }}
        where reject_reasons is not null
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}
)

select * from rejected

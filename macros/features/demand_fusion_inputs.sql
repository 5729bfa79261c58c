{#- The inputs that feature fusion draws together, by group: columns of feat_demand_fusion_inputs, with the direction in which each is read
    (1: more of it means more demand; -1: less). -#}
{% macro demand_fusion_inputs() %}
    {{ return({
        'behaviour': {
            'views_trend': 1,
            'favourites_trend': 1,
            'add_to_carts_trend': 1,
            'orders_trend': 1,
            'add_to_cart_rate': 1,
            'conversion_rate': 1,
        },
        'product': {
            'category_units_trend': 1,
            'price_to_list': -1,
            'price_to_mean': -1,
            'discount_rate_7d': 1,
        },
        'marketing': {
            'promotion_days_next_28d': 1,
            'campaign_days_next_28d': 1,
            'coupons_issued_trend': 1,
            'coupons_redeemed_trend': 1,
            'ad_cost_trend': 1,
        },
    }) }}
{% endmacro %}

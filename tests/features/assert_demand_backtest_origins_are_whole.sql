-- A returned row is an origin of the back-test on which fewer products have all 28 horizons than trendhouse_demand_backtest_products asks for,
-- though more were on sale. Origins made of sampled rows would judge a model on part of the shop: look at `kept` in feat_demand_horizons.
{% set backtest_weeks_ago = [] %}
{% for origin in range(1, var('trendhouse_demand_backtest_origins') + 2) %}
    {% do backtest_weeks_ago.append(4 * origin) %}
{% endfor %}

with origins as (

    select as_of_date
    from {{ ref('dim_as_of_dates') }}
    where {{ 'weeks_ago in (' ~ backtest_weeks_ago | join(', ') ~ ')' if backtest_weeks_ago else 'false' }}

),

on_sale as (

    select
        products.as_of_date,
        count(*) as products_on_sale
    from {{ ref('feat_demand_products') }} as products
    inner join origins
        on products.as_of_date = origins.as_of_date
    group by products.as_of_date

),

whole_products as (

    select
        horizons.as_of_date,
        horizons.product_id
    from {{ ref('feat_demand_horizons') }} as horizons
    inner join origins
        on horizons.as_of_date = origins.as_of_date
    group by horizons.as_of_date, horizons.product_id
    having count(*) = 28

),

counted as (

    select
        as_of_date,
        count(*) as products_whole
    from whole_products
    group by as_of_date

)

select
    on_sale.as_of_date,
    on_sale.products_on_sale,
    counted.products_whole
from on_sale
left join counted
    on on_sale.as_of_date = counted.as_of_date
where
    coalesce(counted.products_whole, 0) < least(on_sale.products_on_sale, {{ var('trendhouse_demand_backtest_products') }})

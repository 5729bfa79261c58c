-- A returned row is a product that was on sale in the week before the as-of date and has no row in pred_trends, or the other way round. The radar
-- has to answer for all of them, those with too short a history too: look in feat_demand_trend_weeks for the week that is missing.

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

on_sale as (

    select weeks.product_id
    from {{ ref('feat_demand_weeks') }} as weeks
    inner join as_of
        on weeks.as_of_date = as_of.as_of_date

),

trends as (

    select entity_id
    from {{ ref('pred_trends') }}
    where kind = 'product'

)

select
    on_sale.product_id,
    trends.entity_id
from on_sale
full outer join trends
    on on_sale.product_id = trends.entity_id
where
    on_sale.product_id is null
    or trends.entity_id is null

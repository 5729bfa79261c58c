-- A returned row is a fact table with another number of rows than its staging table: a join has dropped or multiplied rows. Find the
-- join in the model that `fact` names; staging has already refused what cannot be a fact, so the two must be equal.
with counted as (

    select
        'fct_orders' as fact,
        (select count(*) from {{ ref('stg_shop__orders') }}) as staged_rows,
        (select count(*) from {{ ref('fct_orders') }}) as fact_rows
    union all
    select
        'fct_order_items' as fact,
        (select count(*) from {{ ref('stg_shop__order_items') }}) as staged_rows,
        (select count(*) from {{ ref('fct_order_items') }}) as fact_rows
    union all
    select
        'fct_events' as fact,
        (select count(*) from {{ ref('stg_shop__events') }}) as staged_rows,
        (select count(*) from {{ ref('fct_events') }}) as fact_rows

)

select *
from counted
where staged_rows != fact_rows

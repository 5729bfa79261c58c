{% set as_of_date = var('trendhouse_as_of_date') %}

with orders as (

    select ordered_at
    from {{ ref('stg_shop__orders') }}

),

bounds as (

    select
        cast(min(ordered_at) as date) as first_order_date,
        cast(max(ordered_at) as date) as last_order_date
    from orders

),

-- A shop without orders has no "today": no row, and every table that looks at it comes out empty.
final as (

    select
        {% if as_of_date %}
            cast('{{ as_of_date }}' as date) as as_of_date,
        {% else %}
            last_order_date as as_of_date,
        {% endif %}
        first_order_date,
        last_order_date
    from bounds
    where first_order_date is not null

)

select * from final

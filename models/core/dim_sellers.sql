with sellers as (

    select
        seller_id,
        seller_name,
        category,
        joined_at
    from {{ ref('stg_shop__sellers') }}

),

products as (

    select seller_id
    from {{ ref('stg_shop__products') }}

),

confirmed_fraud as (

    select seller_id
    from {{ ref('fct_confirmed_fraud') }}

),

members as (

    select seller_id from sellers
    union distinct
    select seller_id from products
    union distinct
    select seller_id from confirmed_fraud

),

final as (

    select
        members.seller_id,
        sellers.seller_name,
        sellers.category,
        sellers.seller_id is null as is_inferred,
        sellers.joined_at
    from members
    left join sellers
        on members.seller_id = sellers.seller_id
    where members.seller_id is not null

)

select * from final

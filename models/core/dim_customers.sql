with customers as (

    select
        customer_id,
        gender,
        region,
        acquisition_channel,
        email_hash,
        phone_hash,
        birth_year,
        signed_up_at
    from {{ ref('stg_shop__customers') }}

),

orders as (

    select customer_id
    from {{ ref('fct_orders') }}

),

events as (

    select customer_id
    from {{ ref('fct_events') }}

),

reviews as (

    select customer_id
    from {{ ref('fct_reviews') }}

),

campaign_contacts as (

    select customer_id
    from {{ ref('fct_campaign_contacts') }}

),

coupons as (

    select customer_id
    from {{ ref('fct_coupons') }}

),

credit_accounts as (

    select customer_id
    from {{ ref('fct_credit_accounts') }}

),

-- Every customer that any fact names, so that a shop without a customer table still has customers.
members as (

    select customer_id from customers
    union distinct
    select customer_id from orders
    union distinct
    select customer_id from events
    union distinct
    select customer_id from reviews
    union distinct
    select customer_id from campaign_contacts
    union distinct
    select customer_id from coupons
    union distinct
    select customer_id from credit_accounts

),

final as (

    select
        members.customer_id,
        customers.gender,
        customers.region,
        customers.acquisition_channel,
        customers.email_hash,
        customers.phone_hash,
        customers.birth_year,
        customers.customer_id is null as is_inferred,
        customers.signed_up_at
    from members
    left join customers
        on members.customer_id = customers.customer_id
    where members.customer_id is not null

)

select * from final

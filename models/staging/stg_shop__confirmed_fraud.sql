with

base as (
    select
        confirmed_fraud_id,
        order_id,
        seller_id,
        fraud_kind,
        confirmed_at
    from {{ ref('base_shop__confirmed_fraud') }}
    where duplicate_rank = 1
)

select * from base

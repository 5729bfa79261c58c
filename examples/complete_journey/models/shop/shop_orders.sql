with

transactions as (
    select * from {{ source('raw', 'transactions') }}
),

-- Every line of a basket carries the same household, store and time. The times are UTC; the shop's day and its weeks of promotions turn at
-- midnight in its own time zone, four or five hours later, so the orders are dated in that.
final as (
    select
        basket_id as order_id,
        any_value(household_id) as customer_id,
        'store' as channel,
        timezone('America/New_York', timezone('UTC', any_value(transaction_timestamp))) as ordered_at
    from transactions
    group by basket_id
)

select * from final

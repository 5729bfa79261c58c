with

transactions as (
    select * from {{ source('raw', 'transactions') }}
),

products as (
    select * from {{ source('raw', 'products') }}
),

-- Petrol is counted in thousandths of a gallon: 89,638 'units' for 215 dollars. Single units of petrol stand for a whole fill.
measured as (
    select
        transactions.*,
        case
            when products.product_type like 'GASOLINE%' and transactions.quantity >= 10 then transactions.quantity / 1000
            else transactions.quantity
        end as units
    from transactions
    left join products on transactions.product_id = products.product_id
),

-- sales_value is what the shop takes: after its own discounts (loyalty card, matched coupons), before the maker's coupon, which the maker
-- pays back.
final as (
    select
        basket_id as order_id,
        product_id,
        units as quantity,
        (sales_value + retail_disc + coupon_match_disc) / nullif(units, 0) as unit_price,
        retail_disc + coupon_match_disc as discount_amount
    from measured
)

select * from final

with

lines as (
    select * from {{ ref('shop_lines') }}
),

-- Eight customers moved between countries; the first one counts, because it was known from the start.
final as (
    select
        customer_number as customer_id,
        min_by(country, invoiced_at_text || invoice_number) as region
    from lines
    where customer_number is not null
    group by customer_number
)

select * from final

with

lines as (
    select * from {{ ref('shop_lines') }}
),

invoices as (
    select
        invoice_number,
        max(customer_number) as customer_number,
        max(country) as country,
        max(unit_price) as highest_unit_price,
        bool_or(is_credit_note) as is_credit_note,
        -- 43 invoices ran over a minute's end and carry two times.
        min(invoiced_at_text) as invoiced_at_text
    from lines
    group by invoice_number
),

final as (
    select
        invoice_number as order_id,
        customer_number as customer_id,
        invoiced_at_text as ordered_at,
        country as region,
        case
            when is_credit_note then 'cancelled'
            -- Bad-debt adjustments, and stock counts written as invoices: nobody bought, nothing was paid.
            when starts_with(invoice_number, 'A') then 'void'
            when customer_number is null and highest_unit_price <= 0 then 'void'
            else 'invoiced'
        end as status
    from invoices
)

select * from final

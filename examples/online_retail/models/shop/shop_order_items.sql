with

lines as (
    select * from {{ ref('shop_lines') }}
),

sold_lines as (
    select distinct
        invoice_number,
        stock_code,
        customer_number,
        quantity,
        unit_price,
        invoiced_at
    from lines
    where not is_credit_note and quantity > 0
),

credits as (
    select
        invoice_number,
        stock_code,
        customer_number,
        unit_price,
        min(invoiced_at) as credited_at,
        -sum(quantity) as credited_quantity
    from lines
    where is_credit_note
    group by invoice_number, stock_code, customer_number, unit_price
),

-- A credit note does not name the invoice it takes back. It is laid to the customer's latest earlier line of the same article at the same
-- price that was large enough.
matches as (
    select
        sold_lines.invoice_number,
        sold_lines.stock_code,
        sold_lines.quantity,
        sold_lines.unit_price,
        credits.credited_quantity,
        row_number() over (
            partition by credits.invoice_number, credits.stock_code, credits.unit_price
            order by sold_lines.invoiced_at desc nulls last, sold_lines.invoice_number desc nulls last, sold_lines.quantity asc nulls last
        ) as nearness_rank
    from credits
    inner join sold_lines
        on
            credits.customer_number = sold_lines.customer_number
            and credits.stock_code = sold_lines.stock_code
            and credits.unit_price = sold_lines.unit_price
            and credits.credited_at >= sold_lines.invoiced_at
            and credits.credited_quantity <= sold_lines.quantity
),

returns as (
    select
        invoice_number,
        stock_code,
        quantity,
        unit_price,
        least(sum(credited_quantity), quantity) as returned_quantity
    from matches
    where nearness_rank = 1
    group by invoice_number, stock_code, quantity, unit_price
),

-- The lines of a credit note are those of a cancelled order: what was taken back, as a positive quantity. Every other negative quantity is
-- a stock write-off and stays negative, so that Trendhouse sets the row aside.
final as (
    select
        lines.invoice_number as order_id,
        lines.stock_code as product_id,
        case when lines.is_credit_note then ltrim(lines.quantity_text, '-') else lines.quantity_text end as quantity,
        lines.unit_price_text as unit_price,
        returns.returned_quantity
    from lines
    left join returns
        on
            lines.invoice_number = returns.invoice_number
            and lines.stock_code = returns.stock_code
            and lines.quantity = returns.quantity
            and lines.unit_price = returns.unit_price
)

select * from final

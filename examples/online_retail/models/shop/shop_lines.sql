with

raw_lines as (
    select * from {{ source('raw', 'online_retail') }}
),

-- Numbers stay beside their text: the text goes on to Trendhouse, which says of each row what it could not read.
final as (
    select
        trim(invoiceno) as invoice_number,
        upper(trim(stockcode)) as stock_code,
        regexp_replace(trim(customerid), '[.]0$', '') as customer_number,
        trim(description) as description_text,
        trim(country) as country,
        trim(quantity) as quantity_text,
        trim(unitprice) as unit_price_text,
        trim(invoicedate) as invoiced_at_text,
        try_cast(quantity as double) as quantity,
        try_cast(unitprice as double) as unit_price,
        starts_with(trim(invoiceno), 'C') as is_credit_note,
        try_cast(invoicedate as timestamp) as invoiced_at
    from raw_lines
)

select * from final

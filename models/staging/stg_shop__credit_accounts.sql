with

base as (
    select
        credit_id,
        customer_id,
        credit_status,
        principal_amount,
        term_days,
        opened_at,
        due_at,
        repaid_at
    from {{ ref('base_shop__credit_accounts') }}
    where duplicate_rank = 1
)

select * from base

with staged as (

    select
        credit_id,
        customer_id,
        credit_status,
        principal_amount,
        term_days,
        opened_at,
        due_at,
        repaid_at
    from {{ ref('stg_shop__credit_accounts') }}

),

final as (

    select
        credit_id,
        customer_id,
        credit_status,
        principal_amount,
        term_days,
        cast(opened_at as date) as opened_date,
        cast(due_at as date) as due_date,
        cast(repaid_at as date) as repaid_date,
        opened_at,
        due_at,
        repaid_at
    from staged

)

select * from final

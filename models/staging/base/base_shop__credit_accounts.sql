with

source as (
    {{ shop_source('credit_accounts') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'principal is not above zero': 'principal <= 0',
            'opened_at lies in the future': 'opened_at >= ' ~ future_begins_at(),
            'repaid_at lies before opened_at': 'repaid_at < opened_at',
        }) }} as reject_reasons
    from source
),

-- A credit loaded twice counts once: the copy that knows of its repayment stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by credit_id, reject_reasons is null
            order by repaid_at nulls last, {{ shop_column_order('credit_accounts') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        credit_id,
        customer_id,
        lower(status) as credit_status,
        principal as principal_amount,
        term_days,
        opened_at,
        due_at,
        repaid_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('credit_accounts') }} end as raw_row
    from ranked
)

select * from final

with

source as (
    {{ shop_source('customers') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'signed_up_at lies in the future': 'signed_up_at >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A customer loaded twice counts once: the oldest, fullest entry stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by customer_id, reject_reasons is null
            order by signed_up_at nulls last, {{ shop_column_order('customers') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        customer_id,
        lower(gender) as gender,
        lower(region) as region,
        lower(acquisition_channel) as acquisition_channel,
        {{ keyed_hash('lower(email)') }} as email_hash,
        {{ keyed_hash('phone') }} as phone_hash,
        case when birth_year between 1900 and 2100 then birth_year end as birth_year,
        signed_up_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('customers') }} end as raw_row
    from ranked
)

select * from final

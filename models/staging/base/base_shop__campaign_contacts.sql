with

source as (
    {{ shop_source('campaign_contacts') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'contacted_at lies in the future': 'contacted_at >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A contact loaded twice counts once.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by campaign_id, customer_id, contacted_at, reject_reasons is null
            order by {{ shop_column_order('campaign_contacts') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        {{ row_hash(['campaign_id', 'customer_id', 'contacted_at']) }} as campaign_contact_id,
        campaign_id,
        customer_id,
        coalesce(is_holdout, false) as is_holdout,
        contacted_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('campaign_contacts') }} end as raw_row
    from ranked
)

select * from final

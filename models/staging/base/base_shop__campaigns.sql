with

source as (
    {{ shop_source('campaigns') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'ends_at lies before starts_at': 'ends_at < starts_at',
            'discount_rate is not between 0 and 1': 'discount_rate not between 0 and 1',
            'budget is negative': 'budget < 0',
        }) }} as reject_reasons
    from source
),

-- A campaign loaded twice counts once.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by campaign_id, reject_reasons is null
            order by {{ shop_column_order('campaigns') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        campaign_id,
        name as campaign_name,
        lower(kind) as campaign_kind,
        lower(channel) as channel,
        budget as budget_amount,
        discount_rate,
        starts_at,
        ends_at,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('campaigns') }} end as raw_row
    from ranked
)

select * from final

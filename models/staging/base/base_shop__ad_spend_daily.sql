with

source as (
    {{ shop_source('ad_spend_daily') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'cost is negative': 'cost < 0',
            'impressions or clicks are negative': 'impressions < 0 or clicks < 0',
            'date lies in the future': 'date >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A day reported twice counts once: the later, larger report stays.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by date, lower(channel), campaign_id, reject_reasons is null
            order by cost desc nulls last, {{ shop_column_order('ad_spend_daily') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        {{ row_hash(['date', 'lower(channel)', 'campaign_id']) }} as ad_spend_id,
        campaign_id,
        lower(channel) as channel,
        impressions,
        clicks,
        cost as cost_amount,
        conversions,
        date as spend_date,
        duplicate_rank,
        reject_reasons,
        unreadable_columns,
        case when reject_reasons is not null then {{ shop_raw_row('ad_spend_daily') }} end as raw_row
    from ranked
)

select * from final

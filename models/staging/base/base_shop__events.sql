with

source as (
    {{ shop_source('events') }}
),

judged as (
    select
        *,
        {{ reject_reasons({
            'occurred_at lies in the future': 'occurred_at >= ' ~ future_begins_at(),
        }) }} as reject_reasons
    from source
),

-- A rare search term can name a person: a term passes only when enough customers typed it.
shared_terms as (
    select lower(search_text) as search_term from judged
    where search_text is not null and reject_reasons is null
    group by lower(search_text)
    having count(distinct customer_id) >= {{ var('trendhouse_search_term_min_customers') }}
),

-- An event sent twice counts once.
ranked as (
    select
        *,
        case when reject_reasons is null then row_number() over (
            partition by event_id, reject_reasons is null
            order by {{ shop_column_order('events') }}
        ) end as duplicate_rank
    from judged
),

final as (
    select
        ranked.event_id,
        ranked.session_id,
        ranked.customer_id,
        ranked.product_id,
        ranked.device_id,
        case
            when lower(ranked.event_type) in ('view', 'search', 'click', 'favourite', 'add_to_cart', 'purchase') then lower(ranked.event_type)
            else 'other'
        end as event_type,
        shared_terms.search_term,
        ranked.occurred_at,
        ranked.duplicate_rank,
        ranked.reject_reasons,
        ranked.unreadable_columns,
        case when ranked.reject_reasons is not null then {{ shop_raw_row('events') }} end as raw_row
    from ranked
    left join shared_terms on lower(ranked.search_text) = shared_terms.search_term
)

select * from final

with

base as (
    select
        campaign_id,
        campaign_name,
        campaign_kind,
        channel,
        budget_amount,
        discount_rate,
        starts_at,
        ends_at
    from {{ ref('base_shop__campaigns') }}
    where duplicate_rank = 1
)

select * from base

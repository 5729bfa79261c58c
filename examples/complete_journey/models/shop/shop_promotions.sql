with

promotions as (
    select * from {{ source('raw', 'promotions') }}
),

-- Distinct stores, because some keys come twice.
product_weeks as (
    select
        product_id,
        week,
        count(distinct case when display_location != '0' then store_id end) as display_stores,
        count(distinct case when mailer_location != '0' then store_id end) as mailer_stores
    from promotions
    group by product_id, week
),

store_counts as (
    select
        week,
        count(distinct store_id) as stores
    from promotions
    group by week
),

-- The contract knows no stores: a promotion counts when at least a fifth of the week's stores ran it.
kinds as (
    select
        product_weeks.product_id,
        product_weeks.week,
        'display' as kind
    from product_weeks
    inner join store_counts on product_weeks.week = store_counts.week
    where product_weeks.display_stores >= 0.2 * store_counts.stores

    union all

    select
        product_weeks.product_id,
        product_weeks.week,
        'mailer' as kind
    from product_weeks
    inner join store_counts on product_weeks.week = store_counts.week
    where product_weeks.mailer_stores >= 0.2 * store_counts.stores
),

-- Weeks run from Monday to Sunday; week 1 holds the first of January 2017, a Sunday.
final as (
    select
        product_id,
        kind,
        cast(date '2016-12-26' + 7 * cast(week - 1 as integer) as timestamp) as starts_at,
        cast(date '2016-12-26' + 7 * cast(week - 1 as integer) + 6 as timestamp) as ends_at
    from kinds
)

select * from final

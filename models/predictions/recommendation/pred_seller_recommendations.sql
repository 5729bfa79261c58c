with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

scores as (

    select
        scores.customer_id,
        scores.seller_id,
        scores.anchor_seller_id,
        scores.fallback_level,
        scores.place,
        scores.score,
        scores.is_anchor_bought,
        scores.as_of_date
    from {{ ref('ml_recommendation__seller_scores') }} as scores
    inner join as_of
        on scores.as_of_date = as_of.as_of_date

),

sellers as (

    select
        seller_id,
        coalesce(seller_name, seller_id) as name
    from {{ ref('dim_sellers') }}

),

final as (

    select
        scores.customer_id,
        scores.seller_id,
        scores.anchor_seller_id,
        scores.fallback_level,
        case scores.fallback_level
            when 'behaviour' then 'Shares customers with ' || anchors.name
            when 'content' then 'Sells what ' || anchors.name || ' sells'
            else 'Popular in the shop'
        end
        || case when scores.is_anchor_bought then ', bought from before' when not scores.is_anchor_bought then ', looked at before' else '' end
        || '.' as reason,
        scores.place,
        scores.score,
        scores.as_of_date
    from scores
    left join sellers as anchors
        on scores.anchor_seller_id = anchors.seller_id

)

select * from final

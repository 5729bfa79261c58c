with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

products as (

    select
        product_id,
        product_name,
        category
    from {{ ref('dim_products') }}

),

trends as (

    select
        kind,
        entity_id,
        direction,
        sentence,
        rank,
        weeks,
        growth_log,
        growth_low_log,
        growth_high_log,
        growth_units,
        z_score,
        p_value,
        q_value,
        recent_units,
        usual_units,
        change_units,
        season_units,
        price_units,
        promotion_units,
        stock_units,
        own_units,
        season_share,
        price_share,
        promotion_share,
        stock_share,
        own_share,
        novelty_share,
        is_new,
        is_season_known,
        as_of_date,
        change_week_date,
        first_sold_date
    from {{ ref('ml_demand__trends') }}

),

final as (

    select
        trends.kind,
        trends.entity_id,
        coalesce(products.product_name, trends.entity_id) as entity_name,
        case trends.kind
            when 'product' then products.category
            when 'subcategory' then {{ split_path('trends.entity_id', ' > ', 1) }}
            when 'category' then trends.entity_id
        end as category,
        trends.direction,
        trends.sentence,
        trends.rank,
        trends.weeks,
        trends.growth_log,
        trends.growth_low_log,
        trends.growth_high_log,
        trends.growth_units,
        trends.z_score,
        trends.p_value,
        trends.q_value,
        trends.recent_units,
        trends.usual_units,
        trends.change_units,
        trends.season_units,
        trends.price_units,
        trends.promotion_units,
        trends.stock_units,
        trends.own_units,
        trends.season_share,
        trends.price_share,
        trends.promotion_share,
        trends.stock_share,
        trends.own_share,
        trends.novelty_share,
        trends.is_new,
        trends.is_season_known,
        trends.as_of_date,
        trends.change_week_date,
        trends.first_sold_date
    from trends
    inner join as_of
        on trends.as_of_date = as_of.as_of_date
    left join products
        on
            trends.kind = 'product'
            and trends.entity_id = products.product_id

)

select * from final

with fits as (

    select
        fit_id,
        fit_key,
        algorithm,
        is_baseline,
        trained_at,
        data_to
    from {{ ref('ml_recommendation__next_basket_fits') }}

),

as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

tested as (

    select
        fit_id,
        count(distinct origin_date) as origins,
        round(avg(case when metric = 'ndcg' and k = 10 then metric_value end), 9) as ndcg_at_10,
        round(avg(case when metric = 'recall' and k = 10 then metric_value end), 9) as recall_at_10
    from {{ ref('ml_recommendation__next_basket_backtest') }}
    group by fit_id

),

trainings as (

    {{ trainings('fits', 'as_of') }}

),

-- Without back-test rows the simpler rule goes first, and of the two rules the one that knows the customer: by name, the later.
ranked as (

    select
        fits.fit_id,
        fits.fit_key,
        fits.algorithm,
        tested.origins,
        tested.ndcg_at_10,
        tested.recall_at_10,
        cast(
            row_number() over (
                partition by fits.fit_key
                order by tested.ndcg_at_10 desc nulls last, fits.is_baseline desc nulls last, fits.algorithm desc nulls last
            ) as integer
        ) as standing,
        fits.is_baseline
    from fits
    left join tested
        on fits.fit_id = tested.fit_id

),

final as (

    select
        ranked.fit_id,
        ranked.fit_key,
        ranked.algorithm,
        cast(coalesce(ranked.origins, 0) as integer) as origins,
        ranked.standing,
        ranked.ndcg_at_10,
        ranked.recall_at_10,
        ranked.is_baseline,
        coalesce(trainings.is_latest, false) as is_latest,
        coalesce(trainings.is_latest, false) and ranked.standing = 1 as is_champion
    from ranked
    left join trainings
        on ranked.fit_key = trainings.fit_key

)

select * from final

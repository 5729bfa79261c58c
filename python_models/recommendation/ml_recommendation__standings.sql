with fits as (

    {% for model in ['ml_recommendation__fits', 'ml_recommendation__rankers'] %}
        select
            fit_id,
            fit_key,
            algorithm,
            is_baseline,
            {{ 'false' if loop.first else 'true' }} as is_ranker,
            trained_at,
            data_to
        from {{ ref(model) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

origins as (

    select
        fit_id,
        cast(metric_value as decimal(18, 9)) as metric_value,
        origin_date
    from {{ ref('ml_recommendation__backtest') }}
    where metric = 'ndcg' and k = 10

),

as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

judged as (

    select
        fit_id,
        cast(count(distinct origin_date) as integer) as origins,
        cast(round(avg(metric_value), 9) as double) as mean_ndcg_at_10
    from origins
    group by fit_id

),

trainings as (

    {{ trainings('fits', 'as_of') }}

),

-- Without back-test rows, and on equal values, the simpler rule goes first.
ranked as (

    select
        fits.fit_id,
        fits.fit_key,
        fits.algorithm,
        judged.origins,
        cast(
            row_number() over (
                partition by fits.fit_key
                order by
                    judged.mean_ndcg_at_10 desc nulls last,
                    fits.is_baseline desc nulls last,
                    fits.is_ranker asc nulls last,
                    fits.algorithm = 'popularity' desc nulls last,
                    fits.algorithm asc nulls last
            ) as integer
        ) as standing,
        judged.mean_ndcg_at_10,
        fits.is_baseline,
        fits.data_to
    from fits
    left join judged
        on fits.fit_id = judged.fit_id

),

final as (

    select
        ranked.fit_id,
        ranked.fit_key,
        ranked.algorithm,
        coalesce(ranked.origins, 0) as origins,
        ranked.standing,
        ranked.mean_ndcg_at_10,
        ranked.is_baseline,
        coalesce(trainings.is_latest, false) as is_latest,
        coalesce(trainings.is_latest, false) and ranked.standing = 1 as is_champion,
        ranked.data_to
    from ranked
    left join trainings
        on ranked.fit_key = trainings.fit_key

)

select * from final

with as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

trials as (

    select
        tuning_id,
        algorithm,
        sampler,
        default_parameters,
        changed_parameters,
        fold_origins,
        fold_scores,
        trial,
        mean_score,
        is_best,
        data_to,
        trained_at
    from {{ ref('ml_demand__tuning') }}

),

-- Each algorithm's latest search that saw nothing of the as-of date.
latest as (

    select
        trials.algorithm,
        trials.tuning_id,
        row_number() over (
            partition by trials.algorithm
            order by trials.data_to desc nulls last, trials.trained_at desc nulls last, trials.tuning_id desc nulls last
        ) as place
    from trials
    cross join as_of
    where
        trials.is_best
        and trials.data_to < as_of.as_of_date

),

defaults as (

    select
        tuning_id,
        algorithm,
        mean_score
    from trials
    where trial = 0

),

final as (

    select
        trials.tuning_id,
        'demand' as topic,
        trials.algorithm,
        trials.sampler,
        trials.default_parameters,
        trials.changed_parameters,
        trials.fold_origins,
        trials.fold_scores,
        trials.trial,
        cast(
            row_number() over (
                partition by trials.tuning_id, trials.algorithm order by trials.mean_score asc nulls last, trials.trial asc nulls last
            ) as integer
        ) as standing,
        trials.mean_score,
        round(1 - {{ safe_divide('trials.mean_score', 'defaults.mean_score') }}, 9) as gain_over_default,
        trials.is_best,
        trials.is_best and latest.tuning_id is not null as is_in_use,
        trials.data_to,
        trials.trained_at
    from trials
    left join defaults
        on
            trials.tuning_id = defaults.tuning_id
            and trials.algorithm = defaults.algorithm
    left join latest
        on
            trials.tuning_id = latest.tuning_id
            and trials.algorithm = latest.algorithm
            and latest.place = 1

)

select * from final

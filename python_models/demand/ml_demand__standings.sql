with fits as (

    {% for model in ['ml_demand__fits', 'ml_demand__ensembles'] %}
        select
            fit_id,
            fit_key,
            algorithm,
            is_baseline,
            {{ 'false' if loop.first else 'true' }} as is_ensemble,
            trained_at,
            data_to
        from {{ ref(model) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Weeks, not days: most days of most products sell nothing, and there a forecast of nothing has the lowest absolute error. And products and
-- categories alike, as in the M5 competition: a planner orders the one and plans the other, and forecasts that are all a little low do well by
-- product and badly in sum.
origins as (

    select
        fit_id,
        metric,
        -- Decimals add up to the same sum in any order, so that two builds are equal.
        cast(metric_value as decimal(18, 9)) as metric_value,
        origin_date
    from {{ ref('ml_demand__backtest_metrics') }}
    where cut = 'origin' and metric in ('weekly_wape', 'category_weekly_wape')

),

as_of as (

    select as_of_date
    from {{ ref('dim_as_of') }}

),

errors as (

    select
        fit_id,
        cast(count(distinct origin_date) as integer) as origins,
        round(avg(case when metric = 'weekly_wape' then metric_value end), 9) as mean_weekly_wape,
        round(avg(case when metric = 'category_weekly_wape' then metric_value end), 9) as mean_category_weekly_wape,
        round(avg(metric_value), 9) as mean_wape
    from origins
    group by fit_id

),

trainings as (

    {{ trainings('fits', 'as_of') }}

),

-- Without back-test rows, and on equal errors, the simpler rule goes first.
ranked as (

    select
        fits.fit_id,
        fits.fit_key,
        fits.algorithm,
        errors.origins,
        cast(
            row_number() over (
                partition by fits.fit_key
                order by errors.mean_wape asc nulls last, fits.is_baseline desc, fits.is_ensemble asc, fits.algorithm asc
            ) as integer
        ) as standing,
        errors.mean_weekly_wape,
        errors.mean_category_weekly_wape,
        errors.mean_wape,
        fits.is_baseline
    from fits
    left join errors
        on fits.fit_id = errors.fit_id

),

final as (

    select
        ranked.fit_id,
        ranked.fit_key,
        ranked.algorithm,
        coalesce(ranked.origins, 0) as origins,
        ranked.standing,
        ranked.mean_weekly_wape,
        ranked.mean_category_weekly_wape,
        ranked.mean_wape,
        ranked.is_baseline,
        coalesce(trainings.is_latest, false) as is_latest,
        coalesce(trainings.is_latest, false) and ranked.standing = 1 as is_champion
    from ranked
    left join trainings
        on ranked.fit_key = trainings.fit_key

)

select * from final

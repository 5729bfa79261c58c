with

pieces as (
    {{ coverage_rows() }}
),

final as (
    select
        prediction,
        domain,
        source_table,
        column_name,
        is_needed,
        is_found,
        min(case when is_needed and not is_found then 0 else 1 end) over (partition by prediction) = 1 as is_prediction_on,
        case
            when is_found then 'used'
            when is_needed then 'missing: the prediction is off until the shop brings it'
            else 'missing: the prediction works without it, less precisely'
        end as effect
    from pieces
)

select * from final

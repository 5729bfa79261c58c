with final as (

    select
        customer_id,
        fit_id,
        dimension,
        value,
        as_of_date
    from {{ ref('ml_recommendation__customer_vectors') }}

)

select * from final

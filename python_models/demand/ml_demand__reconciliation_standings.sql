with backtest as (

    select
        level,
        actual_units,
        bottom_up_units,
        mint_shrink_units,
        as_of_date
    from {{ ref('ml_demand__reconciliation_backtest') }}
    where not is_warm_up

),

-- The mean of the origins' WAPE, as the champion's is.
origins as (

    {% for method in ['bottom_up', 'mint_shrink'] %}
        select
            '{{ method }}' as method,
            level,
            as_of_date,
            {{ wape('actual_units', method ~ '_units') }} as wape
        from backtest
        group by level, as_of_date
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

levels as (

    select
        method,
        level,
        avg(wape) as wape
    from origins
    group by method, level

),

errors as (

    select
        method,
        round(max(case when level = 'product' then wape end), 9) as product_wape,
        round(avg(case when level <> 'product' then wape end), 9) as upper_wape
    from levels
    group by method

),

methods as (

    select 'bottom_up' as method
    union all
    select 'mint_shrink' as method

),

compared as (

    select
        methods.method,
        errors.product_wape,
        errors.upper_wape,
        max(case when errors.method = 'bottom_up' then errors.product_wape end) over () as bottom_up_product_wape,
        max(case when errors.method = 'bottom_up' then errors.upper_wape end) over () as bottom_up_upper_wape
    from methods
    left join errors
        on methods.method = errors.method

),

judged as (

    select
        method,
        product_wape,
        upper_wape,
        method = 'mint_shrink'
        and coalesce(product_wape <= bottom_up_product_wape and upper_wape < bottom_up_upper_wape, false) as is_better
    from compared

),

-- MinT has to earn its place: better sums that cost the products nothing. Otherwise, and without a back-test, products are added up.
final as (

    select
        method,
        product_wape,
        upper_wape,
        case
            when method = 'mint_shrink' then is_better
            else max(case when is_better then 1 else 0 end) over () = 0
        end as is_chosen
    from judged

)

select * from final

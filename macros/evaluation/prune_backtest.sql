{# Documented in _evaluation__macros.yml. `render` names the tables themselves, also in a build with --empty. #}
{% macro prune_backtest(backtest, fits, as_of) -%}
    delete from {{ backtest.render() }}
    where fit_key not in (
        select fit_key
        from (
            select
                fits.fit_key,
                row_number() over (
                    order by max(fits.data_to) desc nulls last, max(fits.trained_at) desc nulls last, fits.fit_key desc nulls last
                ) as place,
                row_number() over (
                    order by
                        max(case when fits.data_to < as_of.as_of_date then 1 else 0 end) desc nulls last,
                        max(fits.data_to) desc nulls last,
                        max(fits.trained_at) desc nulls last,
                        fits.fit_key desc nulls last
                ) as place_at_as_of
            from {{ fits.render() }} as fits
            cross join {{ as_of.render() }} as as_of
            group by fits.fit_key
        ) as trainings
        where place <= 2 or place_at_as_of = 1
    )
{%- endmacro %}

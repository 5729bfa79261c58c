-- A returned row is a rule of price_guardrails without a default value (or all of them, when the row called default is missing). Fill it in:
-- categories without a row of their own have no rule otherwise. (A seed without any row plans nothing.)
with guardrails as (

    select
        category,
        margin_floor_rate,
        largest_rise_rate,
        largest_cut_rate,
        largest_list_ratio,
        price_step_amount,
        price_ending_amount,
        minimum_gain_rate
    from {{ ref('price_guardrails') }}

),

defaults as (

    select
        count(*) as all_rows,
        count(case when category = 'default' then 1 end) as default_rows,
        count(case when category = 'default' then margin_floor_rate end) as margin_floors,
        count(case when category = 'default' then largest_rise_rate end) as largest_rises,
        count(case when category = 'default' then largest_cut_rate end) as largest_cuts,
        count(case when category = 'default' then largest_list_ratio end) as largest_list_ratios,
        count(case when category = 'default' then price_step_amount end) as price_steps,
        count(case when category = 'default' then price_ending_amount end) as price_endings,
        count(case when category = 'default' then minimum_gain_rate end) as minimum_gains
    from guardrails

)

select default_rows
from defaults
where
    all_rows > 0
    and least(margin_floors, largest_rises, largest_cuts, largest_list_ratios, price_steps, price_endings, minimum_gains) < 1

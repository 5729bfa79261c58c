-- A returned row is a raw table whose rejected rows do not all stand in quarantined_rows.
-- What to do: see whether quarantined_rows names the table's base model.
with

quarantined as (
    select
        source_table,
        count(*) as rows_quarantined
    from {{ ref('quarantined_rows') }}
    group by source_table
)

select
    ledger.source_table,
    ledger.rows_rejected,
    quarantined.rows_quarantined
from {{ ref('mon_row_ledger') }} as ledger
left join quarantined on ledger.source_table = quarantined.source_table
where ledger.rows_rejected <> coalesce(quarantined.rows_quarantined, 0)

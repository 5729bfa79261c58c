-- A returned row is a raw table of which rows got lost, or were counted twice, on the way through staging.
-- What to do: compare the raw table with base_shop__<table>; a join in the base model that is not one to one is the usual cause.
select
    source_table,
    rows_in,
    rows_kept,
    rows_duplicate,
    rows_rejected
from {{ ref('mon_row_ledger') }}
where rows_in <> rows_kept + rows_duplicate + rows_rejected

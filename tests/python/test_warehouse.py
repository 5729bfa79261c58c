"""The seam to the engine reads what is asked for, in whole or in batches."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from trendhouse import warehouse

SCHEMA = pa.schema([("name", pa.string()), ("twice", pa.int64())])


def relation(rows: int = 10) -> duckdb.DuckDBPyRelation:
    return duckdb.connect().sql(
        f"select 'p' || i as name, i as number, date '2025-01-01' + cast(i % 3 as integer) as day from range({rows}) as r (i)"
    )


def doubled(batch: pa.Table) -> pa.Table:
    return pa.table({"name": batch["name"], "twice": pc.multiply(batch["number"], 2)})


def test_only_wanted_columns_and_rows_are_read() -> None:
    table = warehouse.to_arrow(relation(), ["number"], where="number >= 7")
    assert table.to_pydict() == {"number": [7, 8, 9]}


def test_batches_give_what_one_piece_gives() -> None:
    whole = warehouse.map_batches(relation(5000), doubled, SCHEMA)
    parts = warehouse.map_batches(relation(5000), doubled, SCHEMA, batch_rows=100)
    assert parts.schema == SCHEMA
    assert parts.sort_by("twice").equals(whole.sort_by("twice"))
    assert parts.num_rows == 5000


def test_no_rows_are_typed_rows() -> None:
    assert warehouse.map_batches(relation(0), doubled, SCHEMA).schema == SCHEMA
    assert warehouse.maximum(relation(0), "day") is None
    assert warehouse.to_arrow(relation(), where=warehouse.equals("day", None)).num_rows == 0


def test_conditions_quote_their_values() -> None:
    names = duckdb.connect().sql("select * from (values ('it''s'), ('a'), ('b')) as t (name)")
    assert warehouse.values(names, "name", where=warehouse.is_one_of("name", ["it's", "b"])) == ["b", "it's"]
    assert warehouse.values(names, "name", where=warehouse.is_one_of("name", [])) == []
    assert warehouse.values(names, "name", where=warehouse.is_between("name", "c", "it's")) == ["it's"]
    assert warehouse.to_arrow(relation(), where=warehouse.equals("day", date(2025, 1, 2))).num_rows == 3
    both = warehouse.is_between("day", date(2025, 1, 1), date(2025, 1, 2))
    either = [warehouse.equals("day", date(2025, 1, day)) for day in (1, 2)]
    assert warehouse.to_arrow(relation(), where=both).num_rows == sum(
        warehouse.to_arrow(relation(), where=one).num_rows for one in either
    )


def test_an_incremental_model_starts_without_rows() -> None:
    connection = duckdb.connect()
    connection.sql("create table made as select 'x' as name, 1 as twice, 2 as more")
    assert warehouse.existing_rows(connection, "made", False, SCHEMA).num_rows == 0
    assert warehouse.existing_rows(connection, "made", True, SCHEMA).to_pylist() == [{"name": "x", "twice": 1}]
    assert warehouse.existing_rows(connection, "made", True, SCHEMA, ["name"]).column_names == ["name"]

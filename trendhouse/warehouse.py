"""The one seam that knows the engine: a relation of the warehouse in, Arrow out.

A dbt Python model hands over what `dbt.ref` returned and gets Arrow tables back; the algorithms behind it never see the
engine. Today the engine is DuckDB. A second engine joins by teaching these functions its relation type.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

BATCH_ROWS = 131_072


def column_names(relation: Any) -> list[str]:
    """Names of the relation's columns, in their order."""
    return list(relation.columns)


def maximum(relation: Any, column: str) -> Any:
    """Largest value of one column as a Python value; None when the relation has no rows."""
    return relation.aggregate(f"max({column})").fetchall()[0][0]


def values(relation: Any, column: str, where: str | None = None) -> list[Any]:
    """Distinct values of one column as Python values, sorted."""
    return sorted(set(to_arrow(relation, [column], where).column(column).to_pylist()))


def equals(column: str, value: date | None) -> str:
    """SQL condition: the column is this date; never true for None."""
    return "false" if value is None else f"{column} = {_literal(value)}"


def is_between(column: str, first: date | str, last: date | str) -> str:
    """SQL condition: the column is one of these dates or texts or lies between them; texts go by their characters' numbers."""
    return f"{column} between {_literal(first)} and {_literal(last)}"


def is_one_of(column: str, texts: Iterable[str]) -> str:
    """SQL condition: the column is one of these texts; never true for none."""
    quoted = [_literal(text) for text in texts]
    return f"{column} in ({', '.join(quoted)})" if quoted else "false"


def to_arrow(relation: Any, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
    """Rows of a relation as an Arrow table.

    `columns` (all by default) and the SQL condition `where` are applied in the engine, so that only what is needed is read.
    """
    return _narrowed(relation, columns, where).to_arrow_table()


def map_batches(
    relation: Any,
    function: Callable[[pa.Table], pa.Table],
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    batch_rows: int = BATCH_ROWS,
) -> pa.Table:
    """Apply `function` (Arrow table in, Arrow table of `schema` out) batch by batch and join the results.

    Memory is bounded by one batch of the input plus the whole output. A relation without rows gives zero rows of `schema`.
    """
    reader = _narrowed(relation, columns, where).to_arrow_reader(batch_rows)
    parts = [function(pa.Table.from_batches([batch])).cast(schema) for batch in reader if batch.num_rows]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def existing_rows(
    session: Any, this: Any, is_incremental: bool, schema: pa.Schema, columns: Sequence[str] | None = None
) -> pa.Table:
    """Rows an incremental model already holds; zero rows of `schema` on its first build.

    `this` is the model's own relation (`dbt.this`). Only `columns` (all of `schema` by default) are read.
    """
    names = list(columns) if columns is not None else schema.names
    wanted = pa.schema([schema.field(name) for name in names])
    if not is_incremental:
        return wanted.empty_table()
    return session.sql(f"select {', '.join(names)} from {this}").to_arrow_table().cast(wanted)


def _narrowed(relation: Any, columns: Sequence[str] | None, where: str | None) -> Any:
    if where is not None:
        relation = relation.filter(where)
    if columns is not None:
        relation = relation.project(", ".join(columns))
    return relation


def _literal(value: date | str) -> str:
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'"

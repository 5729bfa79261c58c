"""The raw shop as it would have been dumped at the start of an earlier day.

What has a date and when it became known is read from the contract, models/staging/_shop__sources.yml:

- a row whose `event_time` lies on or after the day is not there yet, nor are the lines of such an order;
- a column marked `is_known_at` is null when it lies on or after the day, and so are the columns `known_with` it;
- everything else (products, campaigns, promotions) is master data or a plan, and stays whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import yaml

# Lines have no date of their own: they come and go with the row of the other table that has the same key.
DATED_BY = {"order_items": ("orders", "order_id")}


@dataclass(frozen=True)
class RawTable:
    """What the contract says about one raw table as far as time goes."""

    name: str
    event_time: str | None
    known_at: tuple[str, ...] = ()
    known_with: dict[str, str] = field(default_factory=dict)


def read_contract(path: Path) -> dict[str, RawTable]:
    """Return the raw tables of the contract by name."""
    tables = {}
    for table in yaml.safe_load(path.read_text())["sources"][0]["tables"]:
        metas = {column["name"]: column.get("config", {}).get("meta", {}) for column in table["columns"]}
        tables[table["name"]] = RawTable(
            name=table["name"],
            event_time=table["config"].get("event_time"),
            known_at=tuple(name for name, meta in metas.items() if meta.get("is_known_at")),
            known_with={name: meta["known_with"] for name, meta in metas.items() if "known_with" in meta},
        )
    return tables


def cut_shop(
    connection: duckdb.DuckDBPyConnection, tables: dict[str, RawTable], source: str, target: str, day: date
) -> None:
    """Write the tables of schema `source` to schema `target` as they stood when `day` began; missing ones stay missing."""
    connection.execute(f"create schema if not exists {target}")
    present = connection.execute(
        "select table_name from information_schema.tables where table_schema = ?", [source]
    ).fetchall()
    for (name,) in present:
        if name not in tables:
            continue
        table = tables[name]
        columns = [row[0] for row in connection.execute(f"describe {source}.{name}").fetchall()]
        selected = []
        for column in columns:
            known_at = column if column in table.known_at else table.known_with.get(column)
            is_unknown = _is_later(known_at, day) if known_at in columns else "false"
            selected.append(f"case when not {is_unknown} then {column} end as {column}")
        condition = "true"
        if table.event_time in columns:
            condition = f"not {_is_later(table.event_time, day)}"
        elif name in DATED_BY:
            parent, key = DATED_BY[name]
            later = _is_later(tables[parent].event_time, day)
            condition = (
                f"not exists (select 1 from (select {key} from {source}.{parent} group by 1 having bool_and({later}))"
                f" as later where later.{key} = {name}.{key})"
            )
        connection.execute(
            f"create or replace table {target}.{name} as "
            f"select {', '.join(selected)} from {source}.{name} where {condition}"
        )


def _is_later(column: str | None, day: date) -> str:
    """SQL: the column, text or time, lies on or after the day; false when it cannot be read."""
    return f"coalesce(try_cast(trim(cast({column} as varchar)) as timestamp) >= timestamp '{day} 00:00:00', false)"

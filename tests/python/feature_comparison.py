"""Two builds of the same feature models, one on the whole shop and one on the shop cut at a day: what differs up to that day."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

# Sums of fractions may differ in their last digits when other rows are added up beside them.
RELATIVE_TOLERANCE = 1e-9
SHOWN_KEYS = 3


@dataclass(frozen=True)
class FeatureModel:
    """One feat_ model of the manifest: where it is, its key, and its labels (what came of it, hence known later)."""

    name: str
    relation: str
    key: tuple[str, ...]
    labels: tuple[str, ...]


def read_feature_models(manifest: Path) -> list[FeatureModel]:
    """Return every feat_ model of the manifest, with the key its uniqueness test names (empty without such a test)."""
    nodes = json.loads(manifest.read_text())["nodes"]
    keys: dict[str, tuple[str, ...]] = {}
    for node in nodes.values():
        metadata = node.get("test_metadata") or {}
        if metadata.get("name") == "unique_combination":
            keys[node["attached_node"]] = tuple(metadata["kwargs"]["columns"])
        elif metadata.get("name") == "unique":
            keys.setdefault(node["attached_node"], (node["column_name"],))
    return [
        FeatureModel(
            name=node["name"],
            relation=f"{node['schema']}.{node['alias']}",
            key=keys.get(identifier, ()),
            labels=tuple(
                name
                for name, column in node["columns"].items()
                if column.get("config", {}).get("meta", {}).get("is_label")
            ),
        )
        for identifier, node in sorted(nodes.items())
        if node["resource_type"] == "model" and node["name"].startswith("feat_")
    ]


@dataclass(frozen=True)
class Comparison:
    """What was compared of one model, and every finding as a sentence."""

    model: str
    rows: int
    columns: int
    findings: tuple[str, ...]


def compare(connection: duckdb.DuckDBPyConnection, whole: str, cut: str, model: FeatureModel, day: date) -> Comparison:
    """Compare the rows up to `day` of one model between the attached databases `whole` and `cut`, all columns.

    A label may be unknown (null) in the cut build; where it is known there, it must be equal.
    """
    types = {row[0]: row[1] for row in connection.execute(f"describe {whole}.{model.relation}").fetchall()}
    problem = None
    if "as_of_date" not in types:
        problem = "has no column as_of_date: say with one as of which date a row was known, so that it can be tested."
    elif not model.key:
        problem = "has no unique_combination (or unique) test: its YAML must name the key of a row."
    elif list(types) != [row[0] for row in connection.execute(f"describe {cut}.{model.relation}").fetchall()]:
        problem = "has other columns when it is built on the shop as it was then."
    if problem:
        return Comparison(model.name, 0, 0, (f"{model.name} {problem}",))

    # The cut build looks further back, because the grid of as-of dates has a fixed length: compare from where both begin.
    bounds = f"""
        as_of_date <= date '{day}' and as_of_date >= (
            select greatest(
                (select min(as_of_date) from {whole}.{model.relation}), (select min(as_of_date) from {cut}.{model.relation})
            )
        )"""
    connection.execute(
        f"""
        create or replace temp table pairs as
        select whole, cut
        from (from {whole}.{model.relation} where {bounds}) as whole
        full join (from {cut}.{model.relation} where {bounds}) as cut
            on {" and ".join(f"whole.{column} is not distinct from cut.{column}" for column in model.key)}"""
    )
    compared = [column for column in types if column not in model.key]
    conditions = {
        "rows only on the whole shop": "cut.as_of_date is null",
        "rows only on the cut shop": "whole.as_of_date is null",
        **{
            column: f"whole.as_of_date = cut.as_of_date and {_differs(column, types[column], model)}"
            for column in compared
        },
    }
    row = connection.execute(
        "select count(*), max(coalesce(whole.as_of_date, cut.as_of_date)), "
        + ", ".join(f"count(case when {condition} then 1 end)" for condition in conditions.values())
        + " from pairs"
    ).fetchone()
    assert row is not None
    rows, last_date, *counts = row
    findings = []
    if last_date != day:
        findings.append(f"{model.name} has no rows as of {day}, so nothing could be compared on the day of the cut.")
    for (what, condition), count in zip(conditions.items(), counts, strict=True):
        if count:
            examples = _examples(connection, model, condition, what if what in types else None)
            findings.append(f"{model.name}.{what}: {count} of {rows} rows differ, first {'; '.join(examples)}")
    return Comparison(model.name, rows, len(compared), tuple(findings))


def _differs(column: str, data_type: str, model: FeatureModel) -> str:
    """SQL: the values of the column differ."""
    whole, cut = f"whole.{column}", f"cut.{column}"
    differs = f"{whole} is distinct from {cut}"
    if data_type in ("DOUBLE", "FLOAT"):
        tolerance = f"{RELATIVE_TOLERANCE} * greatest(abs({whole}), abs({cut}))"
        differs = f"({differs} and coalesce(abs({whole} - {cut}) > {tolerance} + 1e-12, true))"
    if column in model.labels:
        differs = f"({cut} is not null and {differs})"
    return differs


def _examples(
    connection: duckdb.DuckDBPyConnection, model: FeatureModel, condition: str, column: str | None
) -> list[str]:
    """Return the first rows that meet the condition: key, and both values of the column."""
    key = [f"coalesce(whole.{name}, cut.{name})" for name in model.key]
    values = [f"whole.{column}", f"cut.{column}"] if column else []
    found: list[tuple[Any, ...]] = connection.execute(
        f"select {', '.join(key + values)} from pairs where {condition} order by {', '.join(key)} limit {SHOWN_KEYS}"
    ).fetchall()
    shown = []
    for row in found:
        text = ", ".join(f"{name}={value}" for name, value in zip(model.key, row, strict=False))
        shown.append(text + (f": {row[-2]!r} on the whole shop, {row[-1]!r} on the cut one" if column else ""))
    return shown

"""The report on a raw shop: what was found, what is missing and what it would switch on, which values look wrong.

The looking is SQL and belongs to dbt, which alone knows how the shop is mapped: the macro `shop_report` prints one line
of JSON. This module runs that macro, reads the line and lays it out for people.
"""

import contextlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

MARKER = "TRENDHOUSE_SHOP_REPORT "


class CheckError(Exception):
    """Why there is no report, in one sentence that says what to do."""


@dataclass(frozen=True)
class ColumnReport:
    """One column of the contract as the shop has it; counts are rows, null where nothing was counted."""

    column: str
    raw_column: str
    is_required: bool
    is_found: bool
    data_type: str
    null_count: int | None
    unreadable_count: int | None
    feeds: tuple[str, ...]


@dataclass(frozen=True)
class SuspiciousValues:
    """Rows of a table that a sanity check points at."""

    check: str
    row_count: int


@dataclass(frozen=True)
class TableReport:
    """One table of the contract as the shop has it."""

    table: str
    relation: str
    is_required: bool
    is_found: bool
    row_count: int
    columns: tuple[ColumnReport, ...]
    suspicious: tuple[SuspiciousValues, ...]
    feeds: tuple[str, ...]


@dataclass(frozen=True)
class ShopReport:
    """The whole shop, and what stops a build."""

    tables: tuple[TableReport, ...]
    problems: tuple[str, ...]

    @property
    def missing_required(self) -> list[str]:
        """Required tables, and required columns of tables that are there."""
        names = [table.table for table in self.tables if table.is_required and not table.is_found]
        for table in self.tables:
            if table.is_found:
                lacking = [column for column in table.columns if column.is_required and not column.is_found]
                names += [f"{table.table}.{column.column}" for column in lacking]
        return names

    @property
    def is_ready(self) -> bool:
        """Whether a build could start."""
        return not self.missing_required and not self.problems


def parse_report(text: str) -> ShopReport:
    """Read the JSON that the macro `shop_report` prints.

    Raises:
        CheckError: the JSON is not what the macro should print.
    """
    try:
        content = json.loads(text)
        return ShopReport(
            tables=tuple(_table_report(table) for table in content["tables"]),
            problems=tuple(str(problem) for problem in content.get("problems") or ()),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckError(
            f"The macro shop_report printed something unreadable ({type(error).__name__}: {error})."
        ) from None


def _table_report(content: Mapping[str, Any]) -> TableReport:
    return TableReport(
        table=content["table"],
        relation=content.get("relation") or "",
        is_required=bool(content["is_required"]),
        is_found=bool(content["is_found"]),
        row_count=int(content.get("row_count") or 0),
        columns=tuple(
            ColumnReport(
                column=column["column"],
                raw_column=column.get("raw_column") or column["column"],
                is_required=bool(column["is_required"]),
                is_found=bool(column["is_found"]),
                data_type=column.get("data_type") or "",
                null_count=_count(column.get("null_count")),
                unreadable_count=_count(column.get("unreadable_count")),
                feeds=tuple(column.get("feeds") or ()),
            )
            for column in content.get("columns") or ()
        ),
        suspicious=tuple(
            SuspiciousValues(check=item["check"], row_count=int(item["row_count"] or 0))
            for item in content.get("suspicious") or ()
        ),
        feeds=tuple(content.get("feeds") or ()),
    )


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


# ---- asking dbt ------------------------------------------------------------------------------------------------------


def collect_report(
    project_path: Path,
    profiles_path: Path | None = None,
    profile: str | None = None,
    target: str | None = None,
    variables: str | None = None,
) -> ShopReport:
    """Run the macro `shop_report` in a dbt project and read what it prints.

    Args:
        project_path: folder of dbt_project.yml.
        profiles_path: folder of profiles.yml, when not where dbt looks by itself.
        profile: profile, when not the project's own.
        target: target of the profile, when not its default.
        variables: vars as YAML, as in `dbt --vars`.

    Raises:
        CheckError: dbt could not run the macro.
    """
    # Imported here: dbt takes a second to load, which other commands need not wait for.
    from dbt.cli.main import dbtRunner

    project_path = project_path.resolve()
    if not (project_path / "dbt_project.yml").is_file():
        raise CheckError(
            f"There is no dbt_project.yml in {project_path}: run this in your project's folder, or say where with "
            "--project-dir."
        )
    try:
        if not isinstance(yaml.safe_load(variables or "{}"), dict):
            raise CheckError(f"--vars must be a YAML mapping, such as '{{trendhouse_country: GB}}', not '{variables}'.")
    except yaml.YAMLError:
        raise CheckError(f"--vars is not readable as YAML: '{variables}'.") from None
    # A target folder of its own: `trendhouse publish` still needs the results of the last build.
    arguments = ["--log-level", "none", "run-operation", "shop_report"]
    arguments += ["--project-dir", str(project_path), "--target-path", str(project_path / "target" / "check")]
    for option, value in (
        ("--profiles-dir", profiles_path),
        ("--profile", profile),
        ("--target", target),
        ("--vars", variables),
    ):
        if value is not None:
            arguments += [option, str(value)]

    printed: list[str] = []
    errors: list[str] = []

    def listen(event: Any) -> None:
        message = str(event.info.msg)
        if MARKER in message:
            printed.append(message.split(MARKER, 1)[1])
        elif str(event.info.level) == "error":
            errors.append(message)

    with contextlib.redirect_stdout(io.StringIO()):
        outcome = dbtRunner(callbacks=[listen]).invoke(arguments)
    if not outcome.success:
        raise CheckError(_failure_sentence(str(outcome.exception) if outcome.exception else "\n".join(errors)))
    if not printed:
        raise CheckError(
            "The macro shop_report printed no report: is the Trendhouse package of the project's own version?"
        )
    return parse_report(printed[-1])


def _failure_sentence(message: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message)
    if "Could not set lock" in plain:
        return "The build file is in use by a running build: check the shop when it has ended."
    reason = re.sub(r"\s+", " ", plain).strip().rstrip(".")
    return f"dbt could not look at the shop: {reason[:600] or 'it gave no reason'}."


# ---- laying it out ---------------------------------------------------------------------------------------------------


def render_report(report: ShopReport, console: Console) -> None:
    """Print the report."""
    console.print(_found_table(report.tables))
    _print_part(console, _missing_table(report.tables))
    _print_part(console, _suspicious_table(report.tables))
    # The macro's own sentences also say how to map what is missing.
    problems = report.problems or [f"'{name}' is required and missing." for name in report.missing_required]
    if problems:
        console.print("\n[bold red]Before a build can start[/]")
        for problem in problems:
            console.print(Padding(f"- {escape(problem)}", (0, 0, 0, 2)))
        things = "thing" if len(problems) == 1 else "things"
        console.print(f"\n[bold red]Not ready:[/] {len(problems)} {things} to put right.")
    else:
        found = f"{sum(table.is_found for table in report.tables)} of {len(report.tables)} tables found"
        console.print(f"\n[bold green]Ready to build:[/] {found}, none of the required ones missing.")


def _print_part(console: Console, table: Table | None) -> None:
    if table is not None:
        console.print()
        console.print(table)


def _found_table(tables: Sequence[TableReport]) -> Table:
    layout = _layout("The raw shop", "table", "found as", ">rows", ">columns", "state")
    for table in tables:
        here = sum(column.is_found for column in table.columns)
        lacking = [column.column for column in table.columns if column.is_required and not column.is_found]
        if not table.is_found:
            state = "[red]missing, required[/]" if table.is_required else "[yellow]missing, optional[/]"
        elif lacking:
            state = f"[red]required column missing: {escape(', '.join(lacking))}[/]"
        elif here < len(table.columns):
            state = f"[yellow]{len(table.columns) - here} optional missing[/]"
        else:
            state = "[green]complete[/]"
        layout.add_row(
            escape(table.table),
            escape(table.relation) if table.is_found else "-",
            f"{table.row_count:,}" if table.is_found else "-",
            f"{here} of {len(table.columns)}" if table.is_found else "-",
            state,
        )
    return layout


def _missing_table(tables: Sequence[TableReport]) -> Table | None:
    layout = _layout("What is missing", "piece", "needed", "looked for as", "would switch on or sharpen")
    for table in tables:
        if not table.is_found:
            layout.add_row(
                escape(table.table), _needed(table.is_required), escape(table.relation) or "-", _domains(table.feeds)
            )
            continue
        for column in table.columns:
            if not column.is_found:
                layout.add_row(
                    escape(f"{table.table}.{column.column}"),
                    _needed(column.is_required),
                    escape(column.raw_column),
                    _domains(column.feeds),
                )
    return layout if layout.row_count else None


def _suspicious_table(tables: Sequence[TableReport]) -> Table | None:
    layout = _layout("Suspicious values", "table", "what", ">rows", ">share")
    for table in tables:
        if not table.is_found:
            continue
        for what, rows in suspicious_values(table):
            share = f"{rows / table.row_count:.1%}" if table.row_count else "-"
            layout.add_row(escape(table.table), escape(what), f"{rows:,}", share)
    return layout if layout.row_count else None


def suspicious_values(table: TableReport) -> list[tuple[str, int]]:
    """What looks wrong in a table that is there, as (what, rows), in the order of the contract's columns."""
    found: list[tuple[str, int]] = []
    if table.is_required and not table.row_count:
        found.append(("the table is empty", 0))
    for column in table.columns:
        if not column.is_found:
            continue
        name = column.column
        if column.raw_column != name:
            name += f" (raw column {column.raw_column})"
        if column.null_count and column.is_required:
            found.append((f"{name} is null, but required: the rows are rejected", column.null_count))
        elif column.null_count and column.null_count == table.row_count:
            found.append((f"{name} is null in every row, as if it were missing", column.null_count))
        if column.unreadable_count:
            consequence = "the rows are rejected" if column.is_required else "read as null"
            found.append(
                (f"{name} is not readable as {column.data_type or 'its type'}: {consequence}", column.unreadable_count)
            )
    found += [(item.check, item.row_count) for item in table.suspicious if item.row_count]
    return found


def _layout(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for heading in headings:
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left", overflow="fold")
    return table


def _needed(is_required: bool) -> str:
    return "[red]required[/]" if is_required else "optional"


def _domains(feeds: Sequence[str]) -> str:
    return escape(", ".join(feeds)) or "nothing by itself"

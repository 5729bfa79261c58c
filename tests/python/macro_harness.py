"""Renders the project's macros with dbt itself, in a bare project of nothing but them, and runs the SQL on DuckDB."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import duckdb
import pandas as pd
from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner
from dbt.context.providers import generate_runtime_macro_context
from dbt_common.context import InvocationContext

REPOSITORY = Path(__file__).resolve().parents[2]
GENERIC_TESTS = REPOSITORY / "tests" / "generic"
MACRO_FOLDERS = [
    REPOSITORY / "macros" / "engine",
    REPOSITORY / "macros" / "cleaning",
    REPOSITORY / "macros" / "planning",
    REPOSITORY / "macros" / "evaluation",
    REPOSITORY / "macros" / "recommendation",
    GENERIC_TESTS,
]


class MacroHarness:
    """One parsed project. `render` gives a macro's SQL, `query` runs SQL against data frames."""

    def __init__(self, folder: Path) -> None:
        paths = ", ".join(f"'{path.as_posix()}'" for path in MACRO_FOLDERS)
        (folder / "dbt_project.yml").write_text(
            f"name: trendhouse\nversion: '1.0.0'\nprofile: trendhouse\nmacro-paths: [{paths}]\nmodel-paths: [models]\n"
        )
        (folder / "profiles.yml").write_text(
            "trendhouse:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: ':memory:', threads: 1}\n"
        )
        arguments = [
            "--quiet",
            "--no-partial-parse",
            "parse",
            "--project-dir",
            str(folder),
            "--profiles-dir",
            str(folder),
        ]
        with mock.patch.dict(os.environ, {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}):
            outcome = dbtRunner().invoke([*arguments, "--log-path", str(folder / "logs")])
        if outcome.exception:
            raise outcome.exception
        self.manifest: Any = outcome.result
        self.adapter: Any = get_adapter_by_type("duckdb")
        self.adapter.set_macro_context_generator(generate_runtime_macro_context)
        self.connection = duckdb.connect()

    def render(self, macro: str, *args: Any, engine: str = "duckdb", command: str = "run", **kwargs: Any) -> str:
        """The SQL of one macro call, on DuckDB or as Spark would get it, as in `dbt run` or another command."""
        names = self.argument_names(macro)
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        with self._session(engine, command):
            text = self.adapter.execute_macro(macro, macro_resolver=self.manifest, project="trendhouse", kwargs=given)
        return str(text).strip()

    def argument_names(self, macro: str) -> list[str]:
        node = self.manifest.macros[f"macro.trendhouse.{macro}"]
        header = node.macro_sql.split("(", 1)[1].split(")", 1)[0]
        return [part.split("=")[0].strip() for part in header.split(",") if part.strip()]

    def query(self, sql: str, **tables: pd.DataFrame) -> pd.DataFrame:
        """Runs SQL; each data frame is a table of its name."""
        for name, frame in tables.items():
            self.connection.register(name, frame)
        try:
            return self.connection.execute(sql).df()
        finally:
            for name in tables:
                self.connection.unregister(name)

    def value(self, expression: str) -> Any:
        """The value of one expression."""
        row = self.connection.execute(f"select {expression}").fetchone()
        assert row is not None
        return row[0]

    def values(self, expression: str, frame: pd.DataFrame) -> list[Any]:
        """The values of one expression on each row of a data frame, in its order."""
        self.connection.register("rows_given", frame.assign(row_at=range(len(frame))))
        try:
            return [
                row[0]
                for row in self.connection.execute(
                    f"select value from (select row_at, {expression} as value from rows_given) order by row_at"
                ).fetchall()
            ]
        finally:
            self.connection.unregister("rows_given")

    @contextmanager
    def _session(self, engine: str, command: str) -> Iterator[None]:
        with (
            mock.patch("dbt.context.providers.get_adapter_type_names", return_value=[engine]),
            mock.patch("dbt.flags.get_flag_obj", return_value=SimpleNamespace(WHICH=command)),
            mock.patch.object(InvocationContext, "env", dict(os.environ)),
        ):
            yield

"""Whole builds in temporary warehouses, shared by the tests."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
DBT = str(Path(sys.executable).parent / "dbt")

# Unit tests look at no warehouse: the build of `demo_warehouse` runs them for all.
BUILD = ("build", "--exclude-resource-type", "unit_test")
# Where what comes out is compared with tables that were tested.
BUILD_UNTESTED = (*BUILD, "--exclude-resource-type", "test")


def load_module(path: Path) -> ModuleType:
    """Import a Python file that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Warehouse:
    """One DuckDB file with dbt's own folders beside it."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "trendhouse.duckdb"

    @property
    def target(self) -> Path:
        return self.folder / "target"

    def dbt(
        self,
        *arguments: str,
        settings: dict[str, Any] | None = None,
        env: dict[str, str] | None = None,
        project: Path = ROOT,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run one dbt command on this warehouse; `settings` are vars. Raises with dbt's output when `check` and dbt fails."""
        command = [DBT, *arguments]
        command += ["--project-dir", str(project), "--profiles-dir", str(project)]
        command += ["--target-path", str(self.target), "--log-path", str(self.folder / "logs"), "--no-use-colors"]
        if settings:
            command += ["--vars", json.dumps(settings)]
        environment = {
            **os.environ,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "TRENDHOUSE_DUCKDB": str(self.path),
            "TRENDHOUSE_HASH_KEY": "a key for tests",
            **(env or {}),
        }
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=project, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"dbt {' '.join(arguments)} failed:\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}")
        return done

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of one query."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def execute(self, *statements: str) -> None:
        """Run statements that write."""
        with duckdb.connect(str(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Give an empty warehouse of the test's own."""
    return Warehouse(tmp_path)


@pytest.fixture(scope="session")
def demo_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Build the demo shop whole, once for all tests that only read it."""
    built = Warehouse(tmp_path_factory.mktemp("demo"))
    built.dbt("build")
    return built

"""The example shops as the benchmarks use them: loaded and built with dbt, as their READMEs say."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DBT = str(Path(sys.executable).with_name("dbt"))


def built(shop: str, arguments: list[str], folder: Path, models: Sequence[str] = ()) -> Path | None:
    """The shop's warehouse, loaded and built unless it lies in the folder already; None where its data is not there.

    With `models`, a warehouse with these and all they are built from is enough: it lies beside the whole one.
    """
    whole, part = folder / f"{shop}.duckdb", folder / f"{shop}_part.duckdb"
    warehouse = part if models and not whole.is_file() else whole
    if warehouse.is_file():
        return warehouse
    environment = {**os.environ, f"{shop.upper()}_DUCKDB": str(warehouse), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    project = EXAMPLES / shop
    loading = subprocess.run([sys.executable, "load.py", *arguments], cwd=project, env=environment, check=False)
    if loading.returncode:
        return None
    make = ["run", "--select", *(f"+{name}" for name in models)] if models else ["build"]
    for command in (["deps"], [*make, "--target-path", str(folder / f"{shop}_target")]):
        finished = subprocess.run(
            [DBT, *command, "--quiet", "--profiles-dir", str(project)], cwd=project, env=environment, check=False
        )
        if finished.returncode:
            sys.exit(f"dbt {command[0]} of {shop} failed.")
    return warehouse


def table_of(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Schema and name of a model's table, whatever prefix the profile gives the schema."""
    found = connection.execute(
        "select table_schema from information_schema.tables where table_name = ?", [name]
    ).fetchone()
    if not found:
        sys.exit(f"The warehouse has no {name}. Build it anew: remove the file.")
    return f'"{found[0]}"."{name}"'

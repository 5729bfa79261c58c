"""How time and memory grow with the shop: simulate, load and build at several scales.

    python benchmarks/scaling.py --scales 1,10

For each scale a shop is simulated to Parquet, loaded as raw tables into a fresh DuckDB file, and built from nothing,
training included. The table shows seconds and peak memory (largest resident set of the process) of each step, and how
rows, build time and build memory grew against the first scale. Ends with exit code 1 when the build time grew faster
than the raw rows.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

RAW_SCHEMA = "raw_shop"
DBT = str(Path(sys.executable).with_name("dbt"))

# In a process of its own: what the parent holds in memory when it starts a child counts as the child's peak.
LOAD = f"""
import sys, duckdb
from pathlib import Path
with duckdb.connect(sys.argv[2]) as connection:
    connection.execute("create schema {RAW_SCHEMA}")
    for path in sorted(Path(sys.argv[1]).glob("*.parquet")):
        if not path.name.startswith("truth_"):
            connection.execute(f"create table {RAW_SCHEMA}.{{path.stem}} as select * from '{{path}}'")
"""


@dataclass(frozen=True)
class Step:
    """What one process took."""

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Point:
    """One scale on the curve."""

    scale: float
    raw_rows: int
    simulate: Step
    load: Step
    build: Step
    warehouse_bytes: int


def measure(command: list[str], folder: Path, environment: dict[str, str], log: Path) -> Step:
    """Run a command; ends the benchmark, with the end of its output, when it fails."""
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode != 0:
        print(log.read_text(encoding="utf-8", errors="replace")[-4000:], file=sys.stderr)
        sys.exit(f"`{' '.join(command[:4])} ...` ended with exit code {process.returncode}.")
    unit = 1 if sys.platform == "darwin" else 1024
    return Step(seconds, usage.ru_maxrss * unit)


def measure_scale(scale: float, seed: int, project: Path, work: Path, show: Progress) -> Point:
    """Simulate, load and build one shop."""
    raw, warehouse, log = work / "raw", work / "warehouse.duckdb", work / "log.txt"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    environment |= {
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "TRENDHOUSE_DUCKDB": str(warehouse),
        "TRENDHOUSE_HASH_KEY": "the key of the benchmark, long enough to be one",
    }
    task = show.add_task(f"scale {scale:g}: simulating", total=None)
    simulate = [sys.executable, "-m", "trendhouse.cli", "simulate", "--scale", str(scale), "--seed", str(seed)]
    simulated = measure([*simulate, "--format", "parquet", "--out", str(raw)], work, environment, log)
    raw_rows = sum(
        pq.read_metadata(path).num_rows for path in raw.glob("*.parquet") if not path.name.startswith("truth_")
    )
    show.update(task, description=f"scale {scale:g}: loading {raw_rows:,} rows")
    loaded = measure([sys.executable, "-c", LOAD, str(raw), str(warehouse)], work, environment, log)
    show.update(task, description=f"scale {scale:g}: building {raw_rows:,} rows")
    build = [DBT, "build", "--vars", f"trendhouse_shop_schema: {RAW_SCHEMA}", "--project-dir", str(project)]
    build += ["--profiles-dir", str(project), "--target-path", str(work / "target"), "--log-path", str(work / "logs")]
    built = measure(build, project, environment, log)
    show.remove_task(task)
    return Point(scale, raw_rows, simulated, loaded, built, warehouse.stat().st_size)


def growth_table(points: list[Point]) -> Table:
    """The curve, one row per scale, growth against the first."""
    table = Table(title="Growth with the shop", title_justify="left")
    for heading in (
        "scale",
        "raw rows",
        "simulate, s",
        "peak, GB",
        "load, s",
        "build, s",
        "peak, GB",
        "warehouse, GB",
        "rows x",
        "build time x",
        "build memory x",
    ):
        table.add_column(heading, justify="right")
    first = points[0]
    for point in points:
        table.add_row(
            f"{point.scale:g}",
            f"{point.raw_rows:,}",
            f"{point.simulate.seconds:.1f}",
            f"{point.simulate.peak_bytes / 1e9:.2f}",
            f"{point.load.seconds:.1f}",
            f"{point.build.seconds:.1f}",
            f"{point.build.peak_bytes / 1e9:.2f}",
            f"{point.warehouse_bytes / 1e9:.2f}",
            f"{point.raw_rows / first.raw_rows:.1f}",
            f"{point.build.seconds / first.build.seconds:.1f}",
            f"{point.build.peak_bytes / first.build.peak_bytes:.1f}",
        )
    return table


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", default="1,10", help="scales, with commas between, smallest first (default 1,10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated shops")
    parser.add_argument("--project-dir", type=Path, default=Path(__file__).resolve().parent.parent)
    arguments = parser.parse_args()
    try:
        scales = sorted(float(scale) for scale in arguments.scales.split(","))
    except ValueError:
        parser.error(f"--scales must be numbers with commas between, not '{arguments.scales}'")

    project = arguments.project_dir.resolve()
    points: list[Point] = []
    console = Console(width=None if sys.stdout.isatty() else 140)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as show:
        for scale in scales:
            with tempfile.TemporaryDirectory(prefix="trendhouse-scaling-") as work:
                points.append(measure_scale(scale, arguments.seed, project, Path(work), show))
    console.print(growth_table(points))
    first = points[0]
    faster = [
        point.scale for point in points if point.build.seconds / first.build.seconds > point.raw_rows / first.raw_rows
    ]
    if faster:
        console.print(f"The build time grew faster than the rows at scale {', '.join(f'{s:g}' for s in faster)}.")
    elif len(points) > 1:
        console.print("The build time grew no faster than the rows.")
    sys.exit(1 if faster else 0)


if __name__ == "__main__":
    main()

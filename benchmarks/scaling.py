"""How time and memory grow with the shop: simulate, load and build at several scales.

    python benchmarks/scaling.py --scales 1,10

For each scale a shop is simulated to Parquet, loaded as raw tables into a fresh DuckDB file, and built from nothing,
training included. The table shows seconds and peak memory (resident, child processes included) of each step, and how
rows, build time and build memory grew against the first scale. Ends with exit code 1 when the build time grew faster
than the raw rows.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from measuring import Step, build_environment, dbt_command, load_command, measure, simulate_command
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table


@dataclass(frozen=True)
class Point:
    """One scale on the curve."""

    scale: float
    raw_rows: int
    simulate: Step
    load: Step
    build: Step
    warehouse_bytes: int


def measure_scale(scale: float, seed: int, project: Path, work: Path, show: Progress) -> Point:
    """Simulate, load and build one shop."""
    raw, warehouse, log = work / "raw", work / "warehouse.duckdb", work / "log.txt"
    environment = build_environment(warehouse)
    task = show.add_task(f"scale {scale:g}: simulating", total=None)
    simulated = measure(simulate_command(scale, seed, raw), work, environment, log)
    raw_rows = sum(
        pq.read_metadata(path).num_rows for path in raw.glob("*.parquet") if not path.name.startswith("truth_")
    )
    show.update(task, description=f"scale {scale:g}: loading {raw_rows:,} rows")
    loaded = measure(load_command(raw, warehouse), work, environment, log)
    show.update(task, description=f"scale {scale:g}: building {raw_rows:,} rows")
    built = measure(dbt_command(["build"], project, work), project, environment, log)
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

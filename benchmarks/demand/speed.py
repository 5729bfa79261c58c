"""How long a large shop takes from raw rows to tested 28-day quantile forecasts, and how much memory.

    python benchmarks/demand/speed.py
    python benchmarks/demand/speed.py --products 600 --shop /some/folder

Simulates a shop of 30,000 products and 760 days to Parquet (--shop keeps the folder and uses it again), loads it as raw tables into a
warehouse of its own, and runs `dbt build --selector demand` on it from nothing, on two cores: staging to predictions, training, back-test
and all tests included. Only the build counts. Prints where the time went, and how many rows came of it; ends with exit code 1 when the build
took more than 20 minutes or 12 GB, or a product lacks a day or a quantile.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from trendhouse.demo_shop.catalogue import PRODUCTS_AT_SCALE_1

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from measuring import (
    RAW_SCHEMA,
    build_environment,
    dbt_command,
    load_command,
    measure,
    simulate_command,
)

MOST_MINUTES = 20
MOST_GIGABYTES = 12
CORES = 2
HORIZON_DAYS = 28
SHOWN_STEPS = 25
KINDS = {"model": "models", "seed": "seeds", "test": "data tests", "unit_test": "unit tests"}


def keep_to_cores(count: int) -> int:
    """Restrict this process, and all it starts, to so many cores where the system can; how many it then has."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    return len(os.sched_getaffinity(0))


def ready_shop(folder: Path, products: int, environment: dict[str, str], log: Path) -> None:
    """Simulate the shop into the folder unless one of that size is there."""
    note = folder / "shop.json"
    wanted = {"products": products, "seed": 1}
    if note.exists() and json.loads(note.read_text(encoding="utf-8")) == wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    measure(simulate_command(products / PRODUCTS_AT_SCALE_1, wanted["seed"], folder), folder, environment, log)
    note.write_text(json.dumps(wanted), encoding="utf-8")


def step_seconds(run_results: dict[str, Any]) -> list[tuple[str, str, float]]:
    """Kind, name and seconds of every step of the build, slowest first."""
    steps = []
    for result in run_results["results"]:
        kind, _, name, *_ = result["unique_id"].split(".")
        run = [timing for timing in result["timing"] if timing["name"] == "execute"]
        if kind in KINDS and run:
            began, ended = (datetime.fromisoformat(run[0][end]) for end in ("started_at", "completed_at"))
            steps.append((kind, name, (ended - began).total_seconds()))
    return sorted(steps, key=lambda step: -step[2])


def step_tables(steps: list[tuple[str, str, float]]) -> tuple[Table, Table]:
    """Seconds by kind of step, and the slowest steps. Steps run side by side: their seconds add up to more than the build's."""
    kinds = Table(title="Time by kind of step", title_justify="left")
    slowest = Table(title=f"The {SHOWN_STEPS} slowest steps", title_justify="left")
    slowest.add_column("step")
    for table in (kinds, slowest):
        table.add_column("kind")
        for heading in ("seconds", "share of all steps"):
            table.add_column(heading, justify="right")
    total = sum(seconds for _, _, seconds in steps) or 1.0
    for kind, label in KINDS.items():
        seconds = sum(step[2] for step in steps if step[0] == kind)
        kinds.add_row(f"{label} ({sum(step[0] == kind for step in steps)})", f"{seconds:.1f}", f"{seconds / total:.0%}")
    for kind, name, seconds in steps[:SHOWN_STEPS]:
        slowest.add_row(name, kind.replace("_", " "), f"{seconds:.1f}", f"{seconds / total:.0%}")
    return kinds, slowest


def shop_facts(warehouse: Path) -> dict[str, int]:
    """What came in and what came out, in rows."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        schemas = dict(connection.execute("select table_name, schema_name from duckdb_tables()").fetchall())

        def count(expression: str, table: str) -> int:
            found = connection.execute(f"select {expression} from {schemas[table]}.{table}").fetchone()
            return int(found[0]) if found else 0

        raw = connection.execute(
            f"select table_name from duckdb_tables() where schema_name = '{RAW_SCHEMA}'"
        ).fetchall()
        return {
            "raw rows": sum(
                int(connection.execute(f"select count(*) from {RAW_SCHEMA}.{name}").fetchall()[0][0]) for (name,) in raw
            ),
            "products": count("count(*)", "dim_products"),
            "product-days (fct_sales_daily)": count("count(*)", "fct_sales_daily"),
            "training and scoring rows (feat_demand_horizons)": count("count(*)", "feat_demand_horizons"),
            "products forecast by the model": count("count(distinct product_id)", "ml_demand__scores"),
            "daily forecasts with quantiles": count("count(p10_units + p50_units + p90_units)", "pred_demand_daily"),
            "weekly forecasts with quantiles": count("count(p10_units + p50_units + p90_units)", "pred_demand_weekly"),
        }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=30_000, help="products of the shop (default 30000)")
    parser.add_argument("--shop", type=Path, help="folder of the simulated shop, kept and used again")
    parser.add_argument("--project-dir", type=Path, default=Path(__file__).resolve().parents[2])
    arguments = parser.parse_args()

    console = Console(width=None if sys.stdout.isatty() else 140)
    cores = keep_to_cores(CORES)
    project = arguments.project_dir.resolve()
    with tempfile.TemporaryDirectory(prefix="trendhouse-speed-") as folder:
        work = Path(folder)
        warehouse, log = work / "warehouse.duckdb", work / "log.txt"
        shop = arguments.shop.resolve() if arguments.shop else work / "shop"
        environment = build_environment(warehouse)
        with console.status("simulating and loading the shop"):
            ready_shop(shop, arguments.products, environment, log)
            measure(load_command(shop, warehouse), work, environment, log)
        with console.status("building"):
            build = measure(
                dbt_command(["build", "--selector", "demand"], project, work), project, environment, work / "build.txt"
            )
        steps = step_seconds(json.loads((work / "target" / "run_results.json").read_text(encoding="utf-8")))
        facts = shop_facts(warehouse)
        warehouse_bytes = warehouse.stat().st_size

    for table in step_tables(steps):
        console.print(table)
    for name, value in facts.items():
        console.print(f"{name}: {value:,}")
    console.print(f"warehouse: {warehouse_bytes / 1e9:.2f} GB")
    minutes, gigabytes = build.seconds / 60, build.peak_bytes / 1e9
    is_whole = facts["daily forecasts with quantiles"] == HORIZON_DAYS * facts["products"]
    verdicts = {
        f"{minutes:.1f} minutes on {cores} cores ({build.cpu_seconds:.0f} s of processor time), at most {MOST_MINUTES}": (
            minutes <= MOST_MINUTES
        ),
        f"{gigabytes:.2f} GB at the peak, at most {MOST_GIGABYTES}": gigabytes <= MOST_GIGABYTES,
        f"all three quantiles for each product on each of {HORIZON_DAYS} days": is_whole,
    }
    for sentence, is_met in verdicts.items():
        console.print(f"{'pass' if is_met else 'FAIL'}: {sentence}")
    sys.exit(0 if all(verdicts.values()) else 1)


if __name__ == "__main__":
    main()

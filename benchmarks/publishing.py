"""Publishing under fire: readers that never stop, builds that are killed.

    python benchmarks/publishing.py

1. Builds and publishes five times while several processes read the published database and Parquet, opening them afresh
   for each query. Prints reads and errors; there must be none.
2. Kills `dbt build` with SIGKILL at ten random moments, every other time in a build from nothing, training included.
   After each kill the publication must be whole and unchanged; the next build must end green, and its prediction tables
   must equal those of the builds that nobody killed, row for row, in all columns but the stamps of the run.

Works on a copy of the project, in a folder of its own; ends with exit code 1 when anything was not as it must be.
"""

import argparse
import multiprocessing
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from trendhouse.publish import (
    DATABASE_NAME,
    PARQUET_NAME,
    Publication,
    find_warehouse,
    publication_problems,
    read_publication,
)

NOT_COPIED = shutil.ignore_patterns(
    ".git",
    ".venv",
    "target",
    "logs",
    "published",
    "examples",
    "*.duckdb",
    "*.duckdb.wal",
    "*.egg-info",
    ".*_cache",
    "__pycache__",
)
RUN_STAMPS = frozenset({"scored_at", "trained_at", "built_at"})
DBT = str(Path(sys.executable).with_name("dbt"))

console = Console(width=None if sys.stdout.isatty() else 140)


@dataclass
class Reads:
    """What one reader saw."""

    count: int = 0
    slowest_seconds: float = 0.0
    versions: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class House:
    """The copy of the project that the benchmark works on."""

    folder: Path
    warehouse: Path
    environment: dict[str, str]

    @property
    def published(self) -> Path:
        """Folder of the publication."""
        return self.folder / "published"

    def start_build(self, log: Path) -> subprocess.Popen[bytes]:
        """Start `dbt build`, in a process group of its own, so that a kill takes all of it."""
        with log.open("wb") as output:
            return subprocess.Popen(
                [DBT, "build"],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def build(self) -> float:
        """Build; returns seconds. Ends the benchmark when the build is not green."""
        log = self.folder / "build.log"
        started = time.monotonic()
        if self.start_build(log).wait() != 0:
            console.print(log.read_text(encoding="utf-8", errors="replace")[-3000:], markup=False)
            sys.exit("A build that nobody killed is not green.")
        return time.monotonic() - started

    def publish(self) -> subprocess.CompletedProcess[str]:
        """Run `trendhouse publish`."""
        command = [sys.executable, "-m", "trendhouse.cli", "publish"]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def must_publish(self) -> float:
        """Publish; returns seconds. Ends the benchmark when it is refused."""
        started = time.monotonic()
        outcome = self.publish()
        if outcome.returncode != 0:
            sys.exit(f"A green build was not published: {outcome.stderr.strip()}")
        return time.monotonic() - started

    def drop_warehouse(self) -> None:
        """Remove the build file, so that the next build starts from nothing."""
        for path in (self.warehouse, self.warehouse.with_name(self.warehouse.name + ".wal")):
            path.unlink(missing_ok=True)


def copy_project(project: Path, to: Path) -> House:
    """Copy a project, without what it built, and point its profile at a warehouse of the copy's own."""
    folder = Path(shutil.copytree(project, to / "house", ignore=NOT_COPIED))
    if (folder / "packages.yml").exists():
        subprocess.run([DBT, "deps"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    environment |= {
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "TRENDHOUSE_DUCKDB": str(folder / "trendhouse.duckdb"),
        "TRENDHOUSE_HASH_KEY": "the key of the benchmark, long enough to be one",
    }
    os.environ["TRENDHOUSE_DUCKDB"] = environment["TRENDHOUSE_DUCKDB"]
    return House(folder, find_warehouse(folder, {"profiles_dir": str(folder)}), environment)


# ---- readers ---------------------------------------------------------------------------------------------------------


def read_on(published: Path, number: int, stop: Any, results: Any) -> None:
    """Read random tables until told to stop, every time from a freshly opened file."""
    reads = Reads()
    draw = random.Random(number)
    while not stop.is_set():
        started = time.monotonic()
        try:
            publication = read_publication(published)
            table = draw.choice(publication.tables)
            with duckdb.connect(str(published / DATABASE_NAME), read_only=True) as connection:
                connection.execute(f'select * from "{table.schema}"."{table.table}"').fetchmany(100)
            parquet = published / PARQUET_NAME / table.schema / f"{table.table}.parquet"
            duckdb.sql(f"select count(*) from '{parquet}'").fetchall()
            reads.versions.add(publication.version)
            reads.count += 1
        except Exception as error:
            reads.errors.append(f"{type(error).__name__}: {error}")
        reads.slowest_seconds = max(reads.slowest_seconds, time.monotonic() - started)
        time.sleep(0.01)
    results.put(reads)


def build_under_readers(house: House, builds: int, readers: int) -> tuple[list[float], list[float], list[Reads]]:
    """Publish once, let the readers loose, then build and publish so many times; returns seconds and what they saw."""
    build_seconds = [house.build()]
    publish_seconds = [house.must_publish()]
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    processes = [context.Process(target=read_on, args=(house.published, n, stop, results)) for n in range(readers)]
    for process in processes:
        process.start()
    try:
        for _ in range(builds):
            build_seconds.append(house.build())
            publish_seconds.append(house.must_publish())
        time.sleep(1)
    finally:
        stop.set()
    outcomes = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    return build_seconds, publish_seconds, outcomes


# ---- kills -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kill:
    """What became of one killed build."""

    kind: str
    seconds: float
    during: str
    publication: str
    publish_after: str
    next_build_seconds: float
    differences: tuple[str, ...]

    @property
    def is_fine(self) -> bool:
        """Whether publication and next build are as they must be."""
        return self.publication == "whole" and not self.differences


def kill_build(house: House, seconds: float) -> str | None:
    """Start a build and kill it after so long; returns what it was doing, by its log; none when it was quicker."""
    log = house.folder / "killed.log"
    build = house.start_build(log)
    try:
        build.wait(timeout=seconds)
        return None
    except subprocess.TimeoutExpired:
        os.killpg(build.pid, signal.SIGKILL)
        build.wait()
    text = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text(encoding="utf-8", errors="replace"))
    begun = re.findall(r" START (.+?) (?:\.+ )?\[RUN\]", text)
    return str(begun[-1]) if begun else "starting"


def differences(one: Path, other: Path, schemas: list[str]) -> list[str]:
    """The tables of two published databases that are not equal, row for row, run stamps left out."""
    found: list[str] = []
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{one}' as one (read_only)")
        connection.execute(f"attach '{other}' as other (read_only)")
        columns: dict[str, dict[str, list[str]]] = {"one": {}, "other": {}}
        for database, schema, table, column in connection.execute(
            "select database_name, schema_name, table_name, column_name from duckdb_columns() "
            "where database_name in ('one', 'other') order by database_name, schema_name, table_name, column_index"
        ).fetchall():
            if schema in schemas:
                columns[database].setdefault(f'"{schema}"."{table}"', []).append(column)
        if not columns["one"]:
            return [f"no table in {', '.join(schemas)}"]
        for table in sorted(columns["one"].keys() | columns["other"].keys()):
            if columns["one"].get(table) != columns["other"].get(table):
                found.append(f"{table}: other columns")
                continue
            names = ", ".join(f'"{name}"' for name in columns["one"][table] if name not in RUN_STAMPS)
            left, right = f"select {names} from one.{table}", f"select {names} from other.{table}"
            row = connection.execute(
                f"select count(*) from (({left} except all {right}) union all ({right} except all {left}))"
            ).fetchone()
            if row is None or row[0]:
                found.append(f"{table}: {row[0] if row else '?'} rows differ")
    return found


def kill_and_mend(
    house: House, kind: str, draw: random.Random, length: float, reference: Path, schemas: list[str]
) -> Kill:
    """Kill one build at a random moment, look at the publication, build again and compare."""
    before = read_publication(house.published)
    during = None
    while during is None:
        if kind == "cold":
            house.drop_warehouse()
        seconds = draw.uniform(0, length)
        during = kill_build(house, seconds)
    publication = state_of(house.published, before)
    outcome = house.publish()
    publish_after = "refused" if outcome.returncode == 2 else f"exit code {outcome.returncode}"
    if outcome.returncode == 0:
        same = read_publication(house.published).build["invocation_id"] == before.build["invocation_id"]
        publish_after = "the build before" if same else "the ended build"
    if publication_problems(house.published):
        publication = "broken by the publish"
    next_build_seconds = house.build()
    house.must_publish()
    found = differences(reference, (house.published / DATABASE_NAME).resolve(), schemas)
    return Kill(kind, seconds, during, publication, publish_after, next_build_seconds, tuple(found))


def state_of(published: Path, before: Publication) -> str:
    """`whole` when the publication opens, holds the rows its manifest counts, and is the one from before."""
    problems = publication_problems(published)
    if problems:
        return problems[0]
    return "whole" if read_publication(published) == before else "changed"


# ---- the run ---------------------------------------------------------------------------------------------------------


def show_readers(builds: list[float], publishes: list[float], readers: list[Reads]) -> int:
    """Print what the readers saw; returns the number of errors."""
    table = Table(title="Readers", title_justify="left")
    for heading in ("reader", "reads", "errors", "publications seen", "slowest read, s"):
        table.add_column(heading, justify="right")
    for number, reads in enumerate(readers):
        table.add_row(
            str(number + 1),
            f"{reads.count:,}",
            str(len(reads.errors)),
            str(len(reads.versions)),
            f"{reads.slowest_seconds:.2f}",
        )
    console.print(table)
    errors = [error for reads in readers for error in reads.errors]
    for error in errors[:5]:
        console.print(f"  {error}", markup=False)
    others = statistics.median(builds[1:])
    reads_in_all = sum(reads.count for reads in readers)
    console.print(f"{len(builds)} builds: the first {builds[0]:.1f} s, the median of the others {others:.1f} s")
    console.print(f"{len(publishes)} publishes: median {statistics.median(publishes):.1f} s")
    console.print(f"{reads_in_all:,} reads, {len(errors)} errors\n")
    return len(errors)


def show_kills(kills: list[Kill]) -> int:
    """Print what became of the killed builds; returns the number that is not as it must be."""
    table = Table(title="Killed builds", title_justify="left")
    for heading in (
        "build",
        "killed after, s",
        "during",
        "publication",
        "publish then",
        "next build, s",
        "predictions",
    ):
        table.add_column(heading, justify="right" if heading.endswith(", s") else "left", overflow="fold")
    for kill in kills:
        table.add_row(
            kill.kind,
            f"{kill.seconds:.1f}",
            kill.during,
            kill.publication,
            kill.publish_after,
            f"{kill.next_build_seconds:.1f}",
            "; ".join(kill.differences) or "equal",
        )
    console.print(table)
    wrong = sum(not kill.is_fine for kill in kills)
    console.print(
        f"{len(kills)} builds killed: {len(kills) - wrong} left the publication whole and mended, {wrong} did not"
    )
    return wrong


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project-dir", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--builds", type=int, default=5, help="builds and publishes under readers (default 5)")
    parser.add_argument("--readers", type=int, default=3, help="reading processes (default 3)")
    parser.add_argument("--kills", type=int, default=10, help="builds to kill (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments")
    parser.add_argument("--schemas", default="predictions", help="published schemas to compare, with commas between")
    arguments = parser.parse_args()
    if arguments.builds < 1:
        parser.error("--builds must be 1 or more")

    with tempfile.TemporaryDirectory(prefix="trendhouse-publishing-") as work:
        house = copy_project(arguments.project_dir.resolve(), Path(work))
        builds, publishes, readers = build_under_readers(house, arguments.builds, arguments.readers)
        wrong = show_readers(builds, publishes, readers)
        reference = Path(work) / "never_killed.duckdb"
        shutil.copyfile(house.published / DATABASE_NAME, reference)
        draw = random.Random(arguments.seed)
        kills: list[Kill] = []
        for number in range(arguments.kills):
            kind, length = ("cold", builds[0]) if number % 2 == 0 else ("warm", statistics.median(builds[1:]))
            kills.append(kill_and_mend(house, kind, draw, length, reference, arguments.schemas.split(",")))
        if kills:
            wrong += show_kills(kills)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

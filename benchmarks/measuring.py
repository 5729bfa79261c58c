"""Runs a command in a process of its own and measures it: what the benchmarks share."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

RAW_SCHEMA = "raw_shop"
DBT = str(Path(sys.executable).with_name("dbt"))
SAMPLE_SECONDS = 0.5

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
    """What one command took: `seconds` by the wall clock, `cpu_seconds` and `peak_bytes` of it and all its child processes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(command: list[str], folder: Path, environment: dict[str, str], log: Path) -> Step:
    """Run a command; ends the benchmark, with the end of its output, when it fails.

    The peak is the larger of two figures: the most the command's own process ever held (from the system, exact), and the most that it
    and its child processes held together (looked at every half second; memory they share counts once for each).
    """
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        sampler = _Sampler(process.pid)
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        sampler.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode != 0:
        print(log.read_text(encoding="utf-8", errors="replace")[-4000:], file=sys.stderr)
        sys.exit(f"`{' '.join(command[:4])} ...` ended with exit code {process.returncode}.")
    unit = 1 if sys.platform == "darwin" else 1024
    return Step(seconds, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss * unit, sampler.peak_bytes))


def simulate_command(scale: float, seed: int, out: Path) -> list[str]:
    """The command that writes a simulated shop to Parquet."""
    command = [sys.executable, "-m", "trendhouse.cli", "simulate", "--scale", str(scale), "--seed", str(seed)]
    return [*command, "--format", "parquet", "--out", str(out)]


def load_command(raw: Path, warehouse: Path) -> list[str]:
    """The command that loads a folder of Parquet files as raw tables into a fresh warehouse; the truth behind them stays out."""
    return [sys.executable, "-c", LOAD, str(raw), str(warehouse)]


def dbt_command(arguments: list[str], project: Path, work: Path, **settings: str | int) -> list[str]:
    """A dbt command on the loaded shop, with these vars, that writes its own files to `work`, not to the project."""
    shop_vars = json.dumps({"trendhouse_shop_schema": RAW_SCHEMA, **settings})
    command = [DBT, *arguments, "--vars", shop_vars, "--project-dir", str(project)]
    return [
        *command,
        "--profiles-dir",
        str(project),
        "--target-path",
        str(work / "target"),
        "--log-path",
        str(work / "logs"),
    ]


def build_environment(warehouse: Path) -> dict[str, str]:
    """The caller's environment without its own dbt settings, with this warehouse."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    return environment | {
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "TRENDHOUSE_DUCKDB": str(warehouse),
        "TRENDHOUSE_HASH_KEY": "the key of the benchmark, long enough to be one",
    }


class _Sampler(threading.Thread):
    """Adds up, again and again, what a process and its descendants hold in memory."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._pid = pid
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, tree_bytes(self._pid))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def tree_bytes(pid: int) -> int:
    """Resident memory of a process and all its descendants."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    held: dict[int, int] = {}
    for line in listed.splitlines():
        number, parent, kilobytes = map(int, line.split())
        children.setdefault(parent, []).append(number)
        held[number] = 1024 * kilobytes
    tree, total = [pid], 0
    while tree:
        number = tree.pop()
        total += held.get(number, 0)
        tree.extend(children.get(number, []))
    return total

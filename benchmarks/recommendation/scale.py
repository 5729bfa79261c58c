"""How long it takes to train, and to find the top 20 of everybody, and how much memory.

    python benchmarks/recommendation/scale.py
    python benchmarks/recommendation/scale.py --interactions 1000000 --customers 20000 --products 5000

Simulates 10 million interactions of 200,000 customers with 50,000 products: tastes in communities, popularity as in shops (few products make most
of it). Then, in a process of its own on two threads: the sources are fitted on what was known 28 days ago, the ranker learns from what followed, the
sources are fitted on everything, and the ranker lists 20 products for each customer. Ends with exit code 1 when that took more than 15 minutes
or 8 GB. The interactions are made in a process of their own, and do not count.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from measuring import measure  # noqa: E402
from ratings import HALF_LIFE_DAYS, VISITS, catalogue  # noqa: E402
from scipy.sparse import coo_array, csr_array  # noqa: E402

from trendhouse.recommendation import ranker  # noqa: E402
from trendhouse.recommendation.candidate import Known, Recommender  # noqa: E402
from trendhouse.recommendation.candidates import candidates  # noqa: E402
from trendhouse.recommendation.contest import Cut, fit_all  # noqa: E402
from trendhouse.recommendation.interactions import Interactions  # noqa: E402

THREADS = 2
COUNT = 20
HORIZON_DAYS = 28
COMMUNITIES = 200
MOST_MINUTES, MOST_GB = 15, 8
SOURCES = ("als", "category_popularity", "ease", "item_cosine", "popularity", "trending")


def simulate(interactions: int, customers: int, products: int, seed: int, path: Path) -> None:
    """Write customers, products and days ago (pairs,), each pair once, to a file.

    Two thirds of what a customer does is within three communities, the rest anywhere; popularity within each falls as 1 / place ** 0.8.
    """
    random = np.random.default_rng(seed)
    activity = random.lognormal(0, 1, customers)
    # A tenth more than wanted: some pairs come up twice.
    drawn = int(1.1 * interactions)
    customer = random.choice(customers, drawn, p=activity / activity.sum())
    tastes = random.integers(0, COMMUNITIES, (customers, 3))
    size = products // COMMUNITIES
    popular = np.arange(1, size + 1) ** -0.8
    place = random.choice(size, drawn, p=popular / popular.sum())
    community = np.where(
        random.random(drawn) < 2 / 3,
        tastes[customer, random.integers(0, 3, drawn)],
        random.integers(0, COMMUNITIES, drawn),
    )
    pair = np.unique(customer * products + place * COMMUNITIES + community)
    pair = np.sort(random.permutation(pair)[:interactions])
    days_ago = random.integers(1, 365, len(pair)).astype(np.int32)
    np.savez(path, pair=pair, days_ago=days_ago, shape=np.array([customers, products]))


def known_at(path: Path, days_ago: int) -> tuple[Known, csr_array]:
    """What was known so many days ago, and what followed since (customers, products)."""
    stored = np.load(path)
    shape = tuple(stored["shape"].tolist())
    row, column = np.divmod(stored["pair"], shape[1])
    days = stored["days_ago"] - days_ago
    is_known = days > 0

    def matrix(kept: np.ndarray, values: np.ndarray) -> csr_array:
        return coo_array((values.astype(np.float32), (row[kept], column[kept])), shape=shape).tocsr()

    names = [np.array([f"{number:07d}" for number in range(size)]) for size in shape]
    past = days[is_known]
    one = np.ones(len(past))
    weights = 8 * 0.5 ** (past / HALF_LIFE_DAYS)
    interactions = Interactions(
        *names, matrix(is_known, weights), matrix(is_known, one), matrix(is_known, past.astype(np.float64))
    )
    columns = {"category": [f"category {number % COMMUNITIES // 10}" for number in range(shape[1])]}
    followed = matrix(~is_known, np.ones(len(days) - len(past)))
    return Known(interactions, catalogue(shape[1], columns), VISITS.empty_table()), followed


def recommend_everybody(path: Path) -> None:
    """The measured part: train, and list COUNT products for each customer. Prints what each step took."""
    others = sorted(set(candidates()) - set(SOURCES))
    started = time.monotonic()

    def step(name: str) -> None:
        nonlocal started
        print(f"{name}\t{time.monotonic() - started:.1f}", flush=True)
        started = time.monotonic()

    def sources_of(known: Known, when: str) -> dict[str, Recommender]:
        artifacts, seconds = fit_all(known, THREADS, others)
        for name, took in seconds.items():
            print(f"  {name}, {when}\t{took:.1f}")
        return {name: candidates()[name].load(artifact) for name, artifact in artifacts.items()}

    known, followed = known_at(path, HORIZON_DAYS)
    step("read what was known")
    sources = sources_of(known, "then")
    step("sources as of then")
    artifact = ranker.fit(
        [ranker.Lesson(Cut(known, followed, known.interactions.weights), sources)], ranker.parameters(), THREADS
    )
    step("ranker")
    del sources, followed
    known, _ = known_at(path, 0)
    sources = sources_of(known, "now")
    step("sources as of now")
    if artifact is None:
        sys.exit("The ranker found nothing to learn from.")
    customers = np.arange(len(known.interactions.customers))
    listed, _ = ranker.load(artifact).recommended(sources, known, customers, COUNT, THREADS, known.interactions.weights)
    step(f"top {COUNT} of everybody")
    print(f"  customers with {COUNT} products\t{int((listed >= 0).all(axis=1).sum())}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--products", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measured", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measured:
        recommend_everybody(arguments.measured)
        return
    with tempfile.TemporaryDirectory(prefix="trendhouse-recommendation-") as work:
        path, log = Path(work) / "interactions.npz", Path(work) / "log.txt"
        sizes = arguments.interactions, arguments.customers, arguments.products
        simulate(*sizes, arguments.seed, path)
        command = [sys.executable, str(Path(__file__).resolve()), "--measured", str(path)]
        taken = measure(command, Path(work), dict(os.environ), log)
        table = Table(title="{:,} interactions, {:,} customers, {:,} products".format(*sizes), title_justify="left")
        table.add_column("step")
        table.add_column("seconds", justify="right")
        for line in log.read_text(encoding="utf-8").splitlines():
            table.add_row(*line.split("\t"))
        console = Console(width=None if sys.stdout.isatty() else 140)
        console.print(table)
    minutes, gigabytes = taken.seconds / 60, taken.peak_bytes / 1e9
    console.print(
        f"Altogether {minutes:.1f} minutes, {taken.cpu_seconds / 60:.1f} of computing; {gigabytes:.2f} GB at most."
    )
    sys.exit(1 if minutes > MOST_MINUTES or gigabytes > MOST_GB else 0)


if __name__ == "__main__":
    main()

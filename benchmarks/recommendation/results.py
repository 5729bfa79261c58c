"""What the recommendation benchmarks share: our side of the contest, and the table of results."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratings import sources_of
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_array

from trendhouse.evaluation.ranking import judge, means
from trendhouse.recommendation import ranker
from trendhouse.recommendation.contest import KS, Cut
from trendhouse.recommendation.interactions import Integers
from trendhouse.recommendation.top_products import recommended

THREADS = 2
RANKER = "Trendhouse ranker"


@dataclass(frozen=True)
class Result:
    """One recommender: its metrics by name, and the seconds that it took: a peer or the ranker to fit and list, a source to list."""

    name: str
    metrics: Mapping[str, float]
    seconds: float
    is_peer: bool = False


def metrics_of(listed: Integers, cut: Cut, customers: Integers) -> dict[str, float]:
    """Metrics of lists (customers, at least the largest of KS)."""
    return means(judge(listed, csr_array(cut.followed[customers])), KS)


def ours(cut: Cut, lessons: Sequence[ranker.Lesson]) -> list[Result]:
    """Every source at the cut, and the ranker that was taught by the lessons; its seconds are those of all sources and its own."""
    customers = cut.customers(cut.followed.shape[0])
    started = time.monotonic()
    sources = sources_of(cut.known, THREADS)
    fit_seconds = time.monotonic() - started
    results = []
    for name, source in sources.items():
        started = time.monotonic()
        listed, _ = recommended(source, cut.known, customers, max(KS), THREADS, cut.excluded)
        results.append(Result(f"Trendhouse {name}", metrics_of(listed, cut, customers), time.monotonic() - started))
    started = time.monotonic()
    artifact = ranker.fit(lessons, ranker.parameters(), THREADS)
    if artifact is not None:
        listed, _ = ranker.load(artifact).recommended(sources, cut.known, customers, max(KS), THREADS, cut.excluded)
        seconds = fit_seconds + time.monotonic() - started
        results.append(Result(RANKER, metrics_of(listed, cut, customers), seconds))
    return results


def show(title: str, results: Sequence[Result], columns: Sequence[str], goals: Sequence[str]) -> None:
    """Print results, the best by the first of the `goals` first, and by each goal which peers and sources are ahead of the ranker."""
    table = Table(title=title, title_justify="left")
    table.add_column("recommender")
    for name in (*columns, "seconds"):
        table.add_column(name, justify="right")
    for result in sorted(results, key=lambda result: -result.metrics[goals[0]]):
        style = "bold" if result.name == RANKER else "cyan" if result.is_peer else None
        figures = (f"{result.metrics[name]:.4f}" for name in columns)
        table.add_row(result.name, *figures, f"{result.seconds:.1f}", style=style)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    for goal in goals:
        reached = max((result.metrics[goal] for result in results if result.name == RANKER), default=0.0)
        ahead = [result.name for result in results if result.metrics[goal] > reached]
        console.print(f"Ahead of the ranker by {goal}: {', '.join(ahead) if ahead else 'nobody'}")

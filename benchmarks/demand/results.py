"""What the demand benchmarks share: the table of results."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Result:
    """The error of one forecaster, further figures by their name, and the seconds it took at the tested origins."""

    name: str
    error: float
    seconds: float | None = None
    more: tuple[tuple[str, float], ...] = ()
    is_peer: bool = False
    is_ours: bool = False


def show(
    title: str, metric: str, results: Sequence[Result], reference: str, chosen: Sequence[str | None], digits: int = 1
) -> None:
    """Print results, the best first, each also against the reference; and which algorithm the contest chose how often."""
    base = next(result.error for result in results if result.name == reference)
    table = Table(title=title, title_justify="left")
    table.add_column("forecast")
    for name in (metric, "/ reference", *(name for name, _ in results[0].more), "seconds"):
        table.add_column(name, justify="right")
    for result in sorted(results, key=lambda result: result.error):
        style = "bold" if result.is_ours else "cyan" if result.is_peer else None
        table.add_row(
            result.name,
            f"{result.error:,.{digits}f}",
            f"{result.error / base:.3f}",
            *(f"{value:,.{digits}f}" for _, value in result.more),
            "" if result.seconds is None else f"{result.seconds:.0f}",
            style=style,
        )
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    counts = Counter(name or "nothing" for name in chosen)
    console.print("Chosen by the contest: " + ", ".join(f"{name} ({count} x)" for name, count in counts.most_common()))
    ours = next(result for result in results if result.is_ours)
    peers = [result for result in results if result.is_peer]
    worse = [result.name for result in peers if result.error < ours.error]
    console.print("Better than our choice: " + (", ".join(worse) if worse else "no peer"))

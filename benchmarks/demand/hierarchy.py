"""Reconciliation beside hierarchicalforecast: accuracy on Walmart's store sales, time and memory as the number of products grows.

    python benchmarks/demand/hierarchy.py [--data DIR]

Walmart: 3,331 weekly series (store x department) with the sums of each store, each department and all. Every node is forecast four weeks
ahead by simple exponential smoothing, the same for all methods; the errors of the twelve origins before teach the covariance, the last
four origins, four weeks apart, judge. WAPE per level, mean of the origins. Growth: simulated shops of 1,000 to 30,000 products, one week
reconciled; the peer forms matrices of products x products and is left out above --largest-peer products.
"""

import argparse
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.csv as pcsv
from hierarchicalforecast.methods import BottomUp, MinTrace
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_array
from statsforecast.models import SimpleExponentialSmoothingOptimized

from trendhouse.demand.reconciliation import Covariance, bottom_up, correlation_shrinkage, mint

Floats = NDArray[np.float64]
HORIZON, LEARNT_ORIGINS, JUDGED_ORIGINS = 4, 12, 4


@dataclass(frozen=True)
class Forecasts:
    """Base forecasts at one origin and the errors of the origins before: `base` (nodes, weeks), `errors` (past weeks, nodes)."""

    membership: csr_array
    base: Floats
    errors: Floats


Method = Callable[[Forecasts], Floats]
"""Forecasts -> the products' weeks (products, weeks)."""


def own_covariance(errors: Floats) -> Covariance:
    """From errors about their mean, not scaled by size: as the peer has it, so that both solve the same problem."""
    errors = errors - errors.mean(axis=0)
    deviation = np.sqrt((errors**2).mean(axis=0))
    standard = np.divide(errors, deviation, out=np.zeros_like(errors), where=deviation > 0)
    return Covariance(deviation, standard, correlation_shrinkage(standard))


def own_mint(given: Forecasts) -> Floats:
    """MinT with shrinkage, not negative."""
    covariance, sums = own_covariance(given.errors), given.membership.shape[0]
    return np.column_stack([mint(given.membership, week[:sums], week[sums:], covariance) for week in given.base.T])


def peer(method: BottomUp | MinTrace) -> Method:
    """A method of hierarchicalforecast."""

    def reconcile(given: Forecasts) -> Floats:
        sums, products = given.membership.shape
        found = method.fit_predict(
            S=np.vstack([given.membership.toarray(), np.eye(products)]),
            y_hat=given.base,
            y_insample=given.errors.T,
            y_hat_insample=np.zeros_like(given.errors.T),
        )
        return np.asarray(found["mean"][sums:])

    return reconcile


METHODS: dict[str, Method] = {
    "trendhouse bottom-up": lambda given: given.base[given.membership.shape[0] :],
    "trendhouse MinT, shrunk": own_mint,
    "hierarchicalforecast BottomUp": peer(BottomUp()),
    "hierarchicalforecast MinT, shrunk": peer(MinTrace("mint_shrink", num_threads=2)),
}


def read_walmart(folder: Path) -> tuple[list[tuple[int, int]], Floats]:
    """Store and department of each series, and their weekly sales (series, weeks); a week without a row is 0."""
    with zipfile.ZipFile(folder / "train.csv.zip") as archive, archive.open("train.csv") as file:
        rows = pcsv.read_csv(file)
    pairs = list(zip(rows["Store"].to_pylist(), rows["Dept"].to_pylist(), strict=True))
    series = sorted(set(pairs))
    weeks, week = np.unique(rows["Date"].to_numpy(), return_inverse=True)
    position = {pair: number for number, pair in enumerate(series)}
    sales = np.zeros((len(series), len(weeks)))
    sales[[position[pair] for pair in pairs], week] = np.maximum(rows["Weekly_Sales"].to_numpy(), 0.0)
    return series, sales


def membership_of(groups: list[NDArray[np.int64]], products: int) -> csr_array:
    """Sums (sums, products): each grouping's groups under one another."""
    row, count = [], 0
    for group in groups:
        _, number = np.unique(group, return_inverse=True)
        row.append(number + count)
        count += int(number.max()) + 1
    place = np.concatenate(row), np.tile(np.arange(products), len(groups))
    return csr_array((np.ones(products * len(groups)), place), shape=(count, products))


def smoothed(values: Floats) -> Floats:
    """Four weeks ahead (nodes, weeks) by simple exponential smoothing of each node."""
    model = SimpleExponentialSmoothingOptimized()
    return np.maximum([model.forecast(y=series, h=HORIZON)["mean"] for series in values], 0.0)


def accuracy(folder: Path) -> Table:
    """WAPE per level and seconds per origin of every method."""
    series, sales = read_walmart(folder)
    stores, departments = (np.array(column, dtype=np.int64) for column in zip(*series, strict=True))
    membership = membership_of([np.zeros(len(series), dtype=np.int64), stores, departments], len(series))
    levels = np.repeat(["total", "store", "department"], [1, len(set(stores)), len(set(departments))])
    values = np.vstack([membership @ sales, sales])
    origins = [sales.shape[1] - HORIZON * number for number in range(LEARNT_ORIGINS + JUDGED_ORIGINS, 0, -1)]
    bases = {origin: smoothed(values[:, :origin]) for origin in origins}
    errors = {origin: (values[:, origin : origin + HORIZON] - bases[origin]).T for origin in origins}

    wape: dict[str, list[list[float]]] = {name: [] for name in ("base, not coherent", *METHODS)}
    seconds = dict.fromkeys(wape, 0.0)
    below = dict.fromkeys(wape, 0)
    for index in range(LEARNT_ORIGINS, len(origins)):
        origin = origins[index]
        past = np.vstack([errors[one] for one in origins[index - LEARNT_ORIGINS : index]])
        given = Forecasts(membership, bases[origin], past)
        actual = values[:, origin : origin + HORIZON]
        for name in wape:
            if name in METHODS:
                started = time.monotonic()
                bottom = METHODS[name](given)
                seconds[name] += time.monotonic() - started
                found = np.vstack([np.column_stack([bottom_up(membership, week) for week in bottom.T]), bottom])
            else:
                found = given.base
            below[name] += int((found < 0).sum())
            off = np.abs(found - actual)
            parts = [np.flatnonzero(levels == level) for level in ("total", "store", "department")]
            parts.append(np.arange(len(levels), len(values)))
            wape[name].append([off[part].sum() / actual[part].sum() for part in parts])
    table = Table(title="Walmart store sales: WAPE per level, mean of four origins", title_justify="left")
    for heading in ("method", "total", "store", "department", "store x department", "below 0", "s per origin"):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    for name, rows in wape.items():
        spent = f"{seconds[name] / JUDGED_ORIGINS:.2f}" if name in METHODS else ""
        table.add_row(name, *(f"{value:.4f}" for value in np.mean(rows, axis=0)), f"{below[name]:,}", spent)
    return table


def simulated(products: int) -> Forecasts:
    """A shop with 400 subcategories in 20 categories, a seller per 20 products, 16 past errors per node."""
    rng = np.random.default_rng(products)
    subcategory = rng.integers(0, 400, products)
    seller = rng.integers(0, max(products // 20, 1), products)
    groups = [np.zeros(products, dtype=np.int64), seller, subcategory // 20, subcategory]
    membership = membership_of(groups, products)
    bottom = rng.gamma(1.0, 3.0, products)
    upper = membership @ bottom * np.exp(rng.normal(0, 0.1, membership.shape[0]))
    base = np.concatenate([upper, bottom])
    errors = (rng.normal(size=(16, len(base))) + 0.5 * rng.normal(size=(16, 1))) * base**0.75
    return Forecasts(membership, base[:, None], errors)


def growth(sizes: list[int], largest_peer: int) -> Table:
    """Seconds of both for one week, and the largest memory of the process so far."""
    table = Table(title="One week reconciled by MinT with shrinkage", title_justify="left")
    for heading in (
        "products",
        "sums",
        "trendhouse, s",
        "peak, GB",
        "hierarchicalforecast, s",
        "peak, GB",
        "largest difference",
    ):
        table.add_column(heading, justify="right")
    for products in sizes:
        given = simulated(products)
        started = time.monotonic()
        own = own_mint(given)
        cells = [f"{products:,}", f"{given.membership.shape[0]:,}", f"{time.monotonic() - started:.2f}", peak()]
        if products <= largest_peer:
            started = time.monotonic()
            other = METHODS["hierarchicalforecast MinT, shrunk"](given)
            cells += [f"{time.monotonic() - started:.2f}", peak(), f"{np.abs(np.maximum(other, 0) - own).max():.1e}"]
        table.add_row(*cells)
    return table


def peak() -> str:
    """Largest resident set of this process so far, GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9:.2f}"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "../shared/data")
    parser.add_argument("--largest-peer", type=int, default=3_000, help="products up to which the peer runs too")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(growth([1_000, 3_000, 10_000, 30_000], arguments.largest_peer))
    folder = arguments.data / "walmart_store_sales"
    if not folder.is_dir():
        sys.exit(f"{folder} is not there: name the folder of the data with --data. The accuracy part is left out.")
    console.print(accuracy(folder))


if __name__ == "__main__":
    main()

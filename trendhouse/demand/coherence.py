"""Coherent demand: base forecasts of the sums, how wrong all nodes were in the back-test, and the products' weeks reconciled with both.

The champion forecasts products, a local method the weeks of each sum. MinT weighs the two by their errors at the back-test's
origins. At one origin it learns from the other origins alone, so that what it brings is measured out of sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trendhouse.demand.backtest import HORIZON_WEEKS, horizon_week
from trendhouse.demand.hierarchy import PRODUCT, Hierarchy, hierarchy_of, node_history
from trendhouse.demand.history import Floats, History
from trendhouse.demand.matrix import numbers
from trendhouse.demand.reconciliation import Covariance, bottom_up, correlation_shrinkage, mint
from trendhouse.parallel import one_thread

BOTTOM_UP = "bottom_up"
MINT_SHRINK = "mint_shrink"
# Periods of a sum's history that its forecast continues, and the fewest with sales that it takes.
MOST_PERIODS = 104
LEAST_PERIODS = 13
# Products count as active for so many periods after a sale: in these, the active ones are all that a sum sold.
ACTIVE_PERIODS = 13
# Errors grow with the forecast f: their variance as f to this power (Taylor 1961), midway between Poisson noise (1) and errors that all
# units share (2).
VARIANCE_POWER = 1.5
# Scaled mean squared errors below this count as this: no node is known for certain.
LEAST_VARIANCE = 1e-6
# What is read of the back-test and of the scores.
BACKTEST_COLUMNS = [
    "fit_id",
    "product_id",
    "as_of_date",
    "horizon_days",
    "is_warm_up",
    "is_censored",
    "actual_units",
    "mean_units",
]
SCORE_COLUMNS = ["product_id", "as_of_date", "horizon_days", "mean_units"]

TESTED_SCHEMA = pa.schema(
    [
        ("fit_id", pa.string()),
        ("level", pa.string()),
        ("node", pa.string()),
        ("horizon_week", pa.int32()),
        ("actual_units", pa.float64()),
        ("base_units", pa.float64()),
        ("bottom_up_units", pa.float64()),
        ("mint_shrink_units", pa.float64()),
        ("is_warm_up", pa.bool_()),
        ("as_of_date", pa.date32()),
    ]
)
"""Columns of `ml_demand__reconciliation_backtest`; units of the days that were not censored, `as_of_date` is the origin."""

RECONCILED_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("method", pa.string()),
        ("horizon_week", pa.int32()),
        ("base_units", pa.float64()),
        ("reconciled_units", pa.float64()),
        ("factor", pa.float64()),
        ("as_of_date", pa.date32()),
    ]
)
"""Columns of `ml_demand__reconciliation`."""


@dataclass(frozen=True)
class Base:
    """Base forecasts as of one date: `bottom` (products, weeks), `upper` (nodes, weeks); NaN for a sum with too short a history."""

    hierarchy: Hierarchy
    bottom: Floats
    upper: Floats

    def reconciled(self, errors: "Errors") -> Floats:
        """Weeks of the products (products, weeks), reconciled by MinT; unchanged where nothing is known of errors."""
        result = self.bottom.copy()
        if not errors.count:
            return result
        distinct, keys, products = (
            self.hierarchy.distinct(),
            self.hierarchy.keys(),
            product_keys(self.hierarchy.products),
        )
        for week in range(self.bottom.shape[1]):
            usable = distinct & np.isfinite(self.upper[:, week])
            membership = self.hierarchy.membership[np.flatnonzero(usable)]
            upper, bottom = self.upper[usable, week], self.bottom[:, week]
            # A sum's error grows with whichever of its two forecasts is larger: a forecast of nothing is not certain.
            size = np.concatenate([np.maximum(upper, bottom_up(membership, bottom)), bottom])
            covariance = errors.covariance(np.concatenate([keys[usable], products]), size)
            result[:, week] = mint(membership, upper, bottom, covariance)
        return result


@dataclass(frozen=True)
class Tested:
    """Base forecasts at one origin and what came: `observed` (products, weeks) is the share of a week's forecast on days not censored,
    `actual` (products, weeks) the units of these days.
    """

    origin: date
    is_warm_up: bool
    base: Base
    observed: Floats
    actual: Floats

    def seen(self, bottom: Floats) -> Floats:
        """Nodes and products (nodes + products, weeks) of the products' weeks, as far as their days were observed."""
        part = bottom * self.observed
        return np.vstack([self.base.hierarchy.sums(part), part])

    def base_seen(self) -> Floats:
        """The same of the base forecasts: a sum's shrinks by as much as that of its products does."""
        seen, sums = self.seen(self.base.bottom), self.base.hierarchy.sums(self.base.bottom)
        upper = len(self.base.upper)
        share = np.divide(seen[:upper], sums, out=np.ones_like(sums), where=sums > 0)
        return np.vstack([self.base.upper * share, seen[upper:]])

    def actual_seen(self) -> Floats:
        """What the nodes and products sold on these days."""
        return np.vstack([self.base.hierarchy.sums(self.actual), self.actual])


@dataclass(frozen=True)
class Errors:
    """Errors of the base forecasts at past origins, scaled by size: `scaled` (errors, keys), NaN where unknown; `keys` are sorted."""

    keys: NDArray[np.str_]
    scaled: Floats

    @property
    def count(self) -> int:
        """Errors per key at most."""
        return len(self.scaled)

    @classmethod
    def of(cls, tested: Sequence[Tested]) -> "Errors":
        """From all weeks of these origins."""
        keys = np.unique(
            np.concatenate([_keys(part.base.hierarchy) for part in tested] or [np.empty(0, dtype=np.str_)])
        )
        scaled = np.full((len(tested) * HORIZON_WEEKS, len(keys)), np.nan)
        for index, part in enumerate(tested):
            base = part.base_seen()
            known = np.full(base.shape, np.nan)
            np.divide(part.actual_seen() - base, _spread(base), out=known, where=base > 0)
            rows = slice(index * HORIZON_WEEKS, (index + 1) * HORIZON_WEEKS)
            scaled[rows, np.searchsorted(keys, _keys(part.base.hierarchy))] = known.T
        return cls(keys, scaled)

    def covariance(self, keys: NDArray[np.str_], size: Floats) -> Covariance:
        """Covariance of the errors of forecasts of this size (keys,), each level's variances shrunk towards their mean."""
        position = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        found = self.keys[position] == keys
        scaled = np.where(found[None, :], self.scaled[:, position], np.nan)
        own = _mean_square(scaled)
        variance = np.empty(len(keys))
        levels = np.array([key.partition("|")[0] for key in keys])
        for level in np.unique(levels):
            of_level = levels == level
            variance[of_level] = _shrunk_variances(scaled[:, of_level])
        standard = np.nan_to_num(scaled / np.sqrt(np.where(own > 0, own, 1.0)))
        deviation = np.sqrt(np.maximum(variance, LEAST_VARIANCE)) * _spread(size)
        return Covariance(deviation, standard, correlation_shrinkage(standard))


def tested_origins(backtest: pa.Table, nodes: pa.Table, history: History) -> list[Tested]:
    """Base forecasts and outcomes at each origin of one fit's back-test (BACKTEST_COLUMNS), first origin first."""
    found = []
    for origin in sorted(pc.unique(backtest.column("as_of_date")).to_pylist()):
        rows = backtest.filter(pc.equal(backtest.column("as_of_date"), pa.scalar(origin, type=pa.date32())))
        hierarchy = hierarchy_of(nodes, rows.column("product_id").to_pylist())
        forecast = _weeks(rows, hierarchy.products, numbers(rows, "mean_units"))
        judged = np.where(np.asarray(rows.column("is_censored").to_numpy(), dtype=bool), 0.0, 1.0)
        seen = _weeks(rows, hierarchy.products, numbers(rows, "mean_units") * judged)
        actual = _weeks(rows, hierarchy.products, numbers(rows, "actual_units") * judged)
        observed = np.divide(seen, forecast, out=np.ones_like(seen), where=forecast > 0)
        base = Base(hierarchy, forecast, _node_forecasts(history.before(origin), nodes, hierarchy))
        found.append(Tested(origin, bool(pc.any(rows.column("is_warm_up")).as_py()), base, observed, actual))
    return found


def run_backtest(backtest: pa.Table, nodes: pa.Table, history: History) -> pa.Table:
    """Each node's weeks at each origin, by method (TESTED_SCHEMA); `backtest` holds one fit's rows.

    With a single origin MinT has no errors to learn from and is bottom-up.
    """
    one_thread()
    tested = tested_origins(backtest, nodes, history)
    parts = []
    for here in tested:
        reconciled = here.base.reconciled(Errors.of([part for part in tested if part is not here]))
        hierarchy = here.base.hierarchy
        columns = {
            "actual_units": here.actual_seen(),
            "base_units": here.base_seen(),
            "bottom_up_units": here.seen(here.base.bottom),
            "mint_shrink_units": here.seen(reconciled),
        }
        nodes_of = len(hierarchy.nodes) + len(hierarchy.products)
        parts.append(
            pa.table(
                {
                    "fit_id": pa.array([backtest.column("fit_id")[0].as_py()] * nodes_of * HORIZON_WEEKS),
                    "level": np.repeat(_levels(hierarchy), HORIZON_WEEKS),
                    "node": np.repeat(np.concatenate([hierarchy.nodes, hierarchy.products]), HORIZON_WEEKS),
                    "horizon_week": np.tile(np.arange(1, HORIZON_WEEKS + 1), nodes_of),
                    **{name: pa.array(np.round(units.ravel(), 6), from_pandas=True) for name, units in columns.items()},
                    "is_warm_up": pa.array([here.is_warm_up] * nodes_of * HORIZON_WEEKS),
                    "as_of_date": pa.array([here.origin] * nodes_of * HORIZON_WEEKS, type=pa.date32()),
                }
            ).cast(TESTED_SCHEMA)
        )
    return pa.concat_tables(parts) if parts else TESTED_SCHEMA.empty_table()


def reconcile(method: str | None, scores: pa.Table, backtest: pa.Table, nodes: pa.Table, history: History) -> pa.Table:
    """Reconciled weeks of the products scored on one as-of date (RECONCILED_SCHEMA), by the method that the back-test chose.

    The factor of a product's week is held against each of its days, so that days add up to weeks. Rounded to 6 decimals.
    """
    one_thread()
    if not scores.num_rows:
        return RECONCILED_SCHEMA.empty_table()
    as_of_date = scores.column("as_of_date")[0].as_py()
    hierarchy = hierarchy_of(nodes, scores.column("product_id").to_pylist())
    bottom = _weeks(scores, hierarchy.products, numbers(scores, "mean_units"))
    factor = np.ones(bottom.shape)
    if method == MINT_SHRINK:
        base = Base(hierarchy, bottom, _node_forecasts(history.before(as_of_date), nodes, hierarchy))
        reconciled = base.reconciled(Errors.of(tested_origins(backtest, nodes, history)))
        np.divide(reconciled, bottom, out=factor, where=bottom > 0)
        factor = np.asarray(np.round(factor, 6), dtype=np.float64)
    products, rows = len(hierarchy.products), bottom.size
    return pa.table(
        {
            "product_id": np.repeat(hierarchy.products, HORIZON_WEEKS),
            "method": pa.array([method or BOTTOM_UP] * rows),
            "horizon_week": np.tile(np.arange(1, HORIZON_WEEKS + 1), products),
            "base_units": np.round(bottom.ravel(), 6),
            "reconciled_units": np.round((bottom * factor).ravel(), 6),
            "factor": factor.ravel(),
            "as_of_date": pa.array([as_of_date] * rows, type=pa.date32()),
        }
    ).cast(RECONCILED_SCHEMA)


def product_keys(products: NDArray[np.str_]) -> NDArray[np.str_]:
    """One text per product, as `Hierarchy.keys` for the sums."""
    return np.array([f"{PRODUCT}|{product}" for product in products], dtype=np.str_)


def _node_forecasts(history: History, nodes: pa.Table, hierarchy: Hierarchy) -> Floats:
    """Weeks (nodes, weeks) of the sums over the products of `hierarchy`, by the Theta method on each sum's own history.

    A sum is forecast over all products that it ever had, so that its history does not only hold those that survived. Where only some
    of the active ones are asked for (a sample), their share of what it sold lately is theirs of the forecast. What products sell that
    are not on sale yet, or rest, is taken off: they have no forecast to add up to.
    """
    whole = node_history(history, hierarchy_of(nodes, history.products))
    lasting = lasting_share(history.units)
    part = node_history(history, hierarchy)
    keys = hierarchy.keys()
    series, of_part = whole.series_of(keys)[:, -MOST_PERIODS:], part.series_of(keys)
    forecasts = np.full((len(keys), HORIZON_WEEKS), np.nan)
    recent = np.nansum(series[:, -ACTIVE_PERIODS:], axis=1)
    share = np.divide(
        np.nansum(of_part[:, -ACTIVE_PERIODS:], axis=1), recent, out=np.zeros(len(keys)), where=recent > 0
    )
    for index in np.flatnonzero((np.nan_to_num(series) > 0).sum(axis=1) >= LEAST_PERIODS):
        started = series[index, np.argmax(series[index] > 0) :]
        forecasts[index] = history.period_days * share[index] * lasting * _continued(started)
    return forecasts


def lasting_share(units: Floats) -> Floats:
    """What share (weeks,) of the sales one, two ... periods ahead comes from the products that are active today.

    From the last ACTIVE_PERIODS dates from which all weeks ahead are known; `units` (products, periods), NaN for none. 1 where nothing sold.
    """
    sold = np.nan_to_num(units)
    lately, all_of_them = np.zeros(HORIZON_WEEKS), np.zeros(HORIZON_WEEKS)
    for end in range(sold.shape[1] - HORIZON_WEEKS, ACTIVE_PERIODS - 1, -1)[:ACTIVE_PERIODS]:
        active = sold[:, end - ACTIVE_PERIODS : end].sum(axis=1) > 0
        ahead = sold[:, end : end + HORIZON_WEEKS]
        lately += ahead[active].sum(axis=0)
        all_of_them += ahead.sum(axis=0)
    return np.divide(lately, all_of_them, out=np.ones(HORIZON_WEEKS), where=all_of_them > 0)


def _continued(series: Floats) -> Floats:
    """Forecast (weeks,) of a series without gaps by the Theta method (Assimakopoulos and Nikolopoulos 2000); never negative.

    Without a season: two years of weeks hold each week of the year only twice.
    """
    if np.ptp(series) == 0:
        return np.full(HORIZON_WEEKS, series[0])
    from statsforecast.models import Theta

    forecast = np.asarray(Theta(season_length=1).forecast(y=series, h=HORIZON_WEEKS)["mean"], dtype=np.float64)
    return np.maximum(forecast, 0.0)


def _weeks(rows: pa.Table, products: NDArray[np.str_], units: Floats) -> Floats:
    """Sums (products, weeks) of daily units (rows,)."""
    product = np.searchsorted(products, np.asarray(rows.column("product_id").to_pylist(), dtype=np.str_))
    cell = product * HORIZON_WEEKS + horizon_week(rows)
    # Day after day in a fixed order: the last digit of a sum depends on it, and two builds must be equal.
    order = np.lexsort((rows.column("horizon_days").to_numpy(), cell))
    summed = np.bincount(cell[order], weights=units[order], minlength=len(products) * HORIZON_WEEKS)
    return np.asarray(summed.reshape(len(products), HORIZON_WEEKS), dtype=np.float64)


def _keys(hierarchy: Hierarchy) -> NDArray[np.str_]:
    return np.concatenate([hierarchy.keys(), product_keys(hierarchy.products)])


def _levels(hierarchy: Hierarchy) -> NDArray[np.str_]:
    return np.concatenate([hierarchy.levels, np.full(len(hierarchy.products), PRODUCT)])


def _spread(size: Floats) -> Floats:
    """What errors of a forecast of this size are scaled by."""
    return np.asarray(np.power(size, VARIANCE_POWER / 2), dtype=np.float64)


def _mean_square(scaled: Floats) -> Floats:
    """Mean square (keys,) of the known errors (errors, keys); NaN without any."""
    known = (~np.isnan(scaled)).sum(axis=0)
    return np.asarray(np.where(known > 0, np.nansum(scaled**2, axis=0) / np.maximum(known, 1), np.nan))


def _shrunk_variances(scaled: Floats) -> Floats:
    """Mean squares of one level's keys (errors, keys), shrunk towards their mean by as much as they are uncertain.

    Opgen-Rhein and Strimmer (2007), towards the mean instead of the median: the errors of most products that seldom sell are small. A
    key without two errors has the mean; a level without any has 1.
    """
    squares = scaled**2
    own, known = _mean_square(scaled), (~np.isnan(scaled)).sum(axis=0)
    usable = known >= 2
    if not usable.any():
        return np.ones(scaled.shape[1]) if np.isnan(own).all() else np.full(scaled.shape[1], np.nanmean(own))
    target = float(own[usable].mean())
    noise = np.nansum((squares - own) ** 2, axis=0)[usable] / (known[usable] * (known[usable] - 1))
    distance = ((own[usable] - target) ** 2).sum()
    shrinkage = min(noise.sum() / distance, 1.0) if distance > 0 else 1.0
    return np.asarray(np.where(usable, shrinkage * target + (1 - shrinkage) * np.where(usable, own, target), target))

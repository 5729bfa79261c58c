"""Demand over the days until a delivery: the distribution of a sum of days, which daily quantiles do not give.

Errors of one day and the next go together (a forecast that is too low stays too low), so quantiles of a sum are neither the sum
of daily quantiles nor that of independent days. They are learnt from sums: at each origin of the back-test, the units of the first
n days against the forecast of the same n days, for the very n that is asked for.

Two steps, both by size of the forecast, because small sums are noisier than large ones:

1. A negative binomial distribution with the forecast as its mean and variance mean + dispersion x mean^2, the dispersion by maximum
   likelihood: a count that varies more than Poisson because its rate is not known (Snyder, Ord and Beaumont 2012). It has
   whole units and a probability of none, which sparse products need.
2. A calibration: the probability integral transform of the back-test's sums, in its form for counts (Czado, Gneiting and Held 2009),
   says how often demand really stayed below each level. Levels are replaced by these shares (Kuleshov, Fenner and Ermon 2018).
   BASE_ROWS imagined rows, spread evenly, stand for step 1: with no back-test the distribution is left as it is, and no tail is
   ever said to be impossible.

The distribution comes as a stock ladder: for each stock of whole units the probability that it is enough and the units that are
expected to fall short, E[(demand - stock)+]. What to order is decided on it, elsewhere.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from trendhouse.demand.matrix import HORIZON_DAYS, numbers
from trendhouse.evaluation.conformal import SMALLEST_FORECAST, negative_binomial_cdf

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAD_TIME_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("period", pa.string()),
        ("period_days", pa.int32()),
        ("forecast_units", pa.float64()),
        ("stock_units", pa.int64()),
        ("enough_probability", pa.float64()),
        ("shortage_units", pa.float64()),
        ("as_of_date", pa.date32()),
    ]
)
"""Columns of `ml_demand__lead_time`."""

# What is read of the back-test.
BACKTEST_COLUMNS = ["product_id", "as_of_date", "horizon_days", "is_censored", "actual_units", "mean_units"]
PERIODS = {"lead_time": "lead_time_days", "protection": "protection_days"}
# Days beyond the horizon sell as much as those of its last week on average, in which each weekday counts once.
LAST_DAYS = 7

# As in the calibration of single days: a size class needs so many sums.
CLASS_ROWS = 200
CLASSES = 4
# What the calibration has to be learnt from before it counts for as much as the distribution it corrects.
BASE_ROWS = 50
# 0.0001 is Poisson but for rounding; at 1000 nearly all demand comes in one lump.
DISPERSIONS = (1e-4, 1e3)
# Levels at which a calibration is kept, the upper tail finer, because service levels lie there.
LEVELS = np.concatenate([np.linspace(0, 0.98, 99), 1 - 10.0 ** -np.linspace(2, 12, 61), [1.0]])
# A ladder ends where stock is enough with this probability.
HIGHEST_PROBABILITY = 0.9995
# Every whole number up to 100, then steps of 2%.
RUNGS = np.unique(np.concatenate([np.arange(100), np.floor(100 * 1.02 ** np.arange(0, 815))])).astype(np.int64)


@dataclass(frozen=True)
class SumErrors:
    """How far sums over one number of days were off.

    `edges` (classes - 1,) part forecasts by size; `dispersion` (classes,); `shares` (classes, len(LEVELS)) is the share of past
    sums at or below each of LEVELS, rising from 0 to 1.
    """

    edges: Floats
    dispersion: Floats
    shares: Floats

    def probabilities(self, forecast: float, stock: Integers) -> Floats:
        """P(demand <= stock) per stock (rungs,), for a sum forecast at `forecast` units."""
        forecast = max(forecast, SMALLEST_FORECAST)
        size = int(np.searchsorted(self.edges, forecast, side="right"))
        base = negative_binomial_cdf(stock.astype(np.float64), forecast, float(self.dispersion[size]))
        return np.asarray(np.interp(base, LEVELS, self.shares[size]), dtype=np.float64)

    def spread(self, forecast: float) -> float:
        """Standard deviation of the uncalibrated distribution, in units."""
        forecast = max(forecast, SMALLEST_FORECAST)
        size = int(np.searchsorted(self.edges, forecast, side="right"))
        return float(np.sqrt(forecast + self.dispersion[size] * forecast**2))


def learn(actual: Floats, forecast: Floats) -> SumErrors:
    """Errors of past sums: units sold (sums,) against units forecast (sums,). With none: Poisson."""
    units = np.maximum(np.round(actual), 0.0)
    forecast = np.maximum(forecast, SMALLEST_FORECAST)
    classes = int(np.clip(len(units) // CLASS_ROWS, 1, CLASSES))
    edges = np.unique(np.quantile(forecast, np.linspace(0, 1, classes + 1)[1:-1])) if classes > 1 else np.empty(0)
    edges = edges[edges > forecast.min(initial=np.inf)]
    size = np.searchsorted(edges, forecast, side="right")
    dispersion = np.empty(len(edges) + 1)
    shares = np.empty((len(edges) + 1, len(LEVELS)))
    for a_size in range(len(edges) + 1):
        mine = size == a_size
        dispersion[a_size] = _likeliest_dispersion(units[mine], forecast[mine])
        below, up_to = (
            negative_binomial_cdf(units[mine] - less, forecast[mine], dispersion[a_size]) for less in (1.0, 0.0)
        )
        shares[a_size] = _shares(below, up_to)
    return SumErrors(edges, dispersion, shares)


@dataclass(frozen=True)
class Ladder:
    """Stock in whole units from 0 up (rungs,), the probability that it is enough, and the units expected to fall short."""

    stock_units: Integers
    enough_probability: Floats
    shortage_units: Floats


def ladder(forecast: float, errors: SumErrors) -> Ladder:
    """The stock ladder of a sum forecast at `forecast` units. The mean of the distribution is the shortage on rung 0."""
    # Forty standard deviations: beyond them lies nothing even of a distribution with a long tail.
    longest = int(np.searchsorted(RUNGS, max(forecast, 0.0) + 40 * errors.spread(forecast))) + 1
    stock = RUNGS[:longest]
    enough = errors.probabilities(forecast, stock)
    short = 1 - enough
    # E[(D - s)+] is the sum of P(D > x) over x >= s; between rungs more than a unit apart P is taken as a straight line.
    width = np.diff(stock).astype(np.float64)
    steps = width * (short[:-1] + short[1:]) / 2 + (short[:-1] - short[1:]) / 2
    shortage = np.append(np.cumsum(steps[::-1])[::-1], 0.0)
    rungs = min(int(np.searchsorted(enough, HIGHEST_PROBABILITY)) + 1, longest)
    return Ladder(stock[:rungs], enough[:rungs], shortage[:rungs])


def past_days(backtest: pa.Table) -> tuple[Floats, Floats]:
    """One fit's back-test as units sold and units forecast, each (origins x products, HORIZON_DAYS).

    A day cut short by a stock-out is 0 in both: nobody knows what it would have sold.
    """
    rows = backtest.filter(pc.invert(backtest.column("is_censored")))
    keys = rows.select(["as_of_date", "product_id"]).group_by(["as_of_date", "product_id"]).aggregate([])
    keys = keys.sort_by([("as_of_date", "ascending"), ("product_id", "ascending")])
    keys = keys.append_column("number", pa.array(np.arange(keys.num_rows)))
    placed = rows.select(["as_of_date", "product_id", "horizon_days", "actual_units", "mean_units"]).join(
        keys, ["as_of_date", "product_id"]
    )
    row = placed.column("number").to_numpy()
    day = placed.column("horizon_days").to_numpy() - 1
    actual, forecast = (np.zeros((keys.num_rows, HORIZON_DAYS)) for _ in range(2))
    actual[row, day] = numbers(placed, "actual_units")
    forecast[row, day] = numbers(placed, "mean_units")
    return actual, forecast


def sum_of_days(daily: Floats, days: int) -> float:
    """Forecast over `days` days from daily means (HORIZON_DAYS,); beyond the horizon its last week goes on."""
    beyond = max(days - HORIZON_DAYS, 0)
    return float(daily[:days].sum() + beyond * daily[-LAST_DAYS:].mean())


def ladders(forecast: pa.Table, backtest: pa.Table, terms: pa.Table) -> pa.Table:
    """Stock ladders (LEAD_TIME_SCHEMA) of every product and both its periods.

    `forecast`: product_id, horizon_days, mean_units, as_of_date; all products, each with all its days. `backtest`: the rows of the champion's
    back-test, or none. `terms`: product_id, lead_time_days, protection_days (lead time and review period together).
    Periods beyond the horizon have the relative errors of the horizon.
    """
    ordered = forecast.sort_by([("product_id", "ascending"), ("horizon_days", "ascending")])
    products = ordered.column("product_id").to_pylist()[::HORIZON_DAYS]
    daily = dict(zip(products, numbers(ordered, "mean_units").reshape(-1, HORIZON_DAYS), strict=True))
    sold, expected = past_days(backtest)
    learnt: dict[int, SumErrors] = {}
    parts = []
    for row in terms.sort_by([("product_id", "ascending")]).to_pylist():
        for period, column in PERIODS.items():
            days = int(row[column])
            units = sum_of_days(daily[row["product_id"]], days)
            seen = min(days, HORIZON_DAYS)
            if seen not in learnt:
                learnt[seen] = learn(sold[:, :seen].sum(axis=1), expected[:, :seen].sum(axis=1))
            # Within no days nothing is asked for.
            made = ladder(units, learnt[seen]) if days else Ladder(RUNGS[:1], np.ones(1), np.zeros(1))
            parts.append((row["product_id"], period, days, units, made))
    if not parts:
        return LEAD_TIME_SCHEMA.empty_table()
    rungs = [len(made.stock_units) for *_, made in parts]
    as_of_date = ordered.column("as_of_date")[0].as_py()
    columns: dict[str, Any] = {
        "product_id": np.repeat([part[0] for part in parts], rungs),
        "period": np.repeat([part[1] for part in parts], rungs),
        "period_days": np.repeat([part[2] for part in parts], rungs),
        # The last digits depend on the order of sums; two builds have to be equal.
        "forecast_units": np.repeat(np.round([part[3] for part in parts], 6), rungs),
        "stock_units": np.concatenate([made.stock_units for *_, made in parts]),
        "enough_probability": np.round(np.concatenate([made.enough_probability for *_, made in parts]), 6),
        "shortage_units": np.round(np.concatenate([made.shortage_units for *_, made in parts]), 6),
        "as_of_date": pa.array([as_of_date] * sum(rungs), type=pa.date32()),
    }
    return pa.table(columns).cast(LEAD_TIME_SCHEMA)


def _likeliest_dispersion(units: Floats, mean: Floats) -> float:
    """Dispersion with the highest likelihood of counts (n,) with known means (n,), within DISPERSIONS."""
    lowest, highest = DISPERSIONS
    if not len(units):
        return lowest

    def loss(log_dispersion: float) -> float:
        size = np.exp(-log_dispersion)
        terms = gammaln(units + size) - gammaln(size) - size * np.log1p(mean / size) - units * np.log(mean + size)
        return -float(np.sum(terms))

    found = minimize_scalar(loss, bounds=(np.log(lowest), np.log(highest)), method="bounded")
    return float(np.clip(np.exp(found.x), lowest, highest))


def _shares(below: Floats, up_to: Floats) -> Floats:
    """Share of sums at or below each of LEVELS, each sum spread evenly over below .. up_to (n,), BASE_ROWS over all of 0 .. 1."""
    width = np.maximum(up_to - below, 1e-15)
    within = np.clip((LEVELS[:, None] - below[None, :]) / width[None, :], 0.0, 1.0)
    shares = (within.sum(axis=1) + BASE_ROWS * LEVELS) / (len(below) + BASE_ROWS)
    shares[-1] = 1.0
    return np.asarray(shares, dtype=np.float64)

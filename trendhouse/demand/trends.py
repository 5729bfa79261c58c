"""The trend radar: which weekly series have come to a new level of their own, once season, price, promotion and stock are taken out.

Each series is a Poisson regression on its weeks, log(days on sale) as offset: level, growth in older weeks, season (three harmonics of the year and
the festivals), price, discount, promotion. Coefficients have normal priors, a product's and subcategory's season that of its category, the
categories' that of the shop, so that a product of ten weeks has a season too, and where none can be known the prior's spread counts as doubt.
Lately the level is constant unless something happened. A scan over the weeks at which it may have changed gives the change point, by the
signed root of the likelihood ratio; its tail is that of a maximally selected chi-square (Miller and Siegmund 1982). A larger change further back
is fitted first (binary segmentation, Vostrikova 1981), so that old news is not reported as new. Counts that scatter
more than Poisson, and luck that lasts from week to week, widen it: dispersion (McCullagh and Nelder 1989) and autocorrelation are estimated
for each series and drawn towards those of its kind. Across the series of a kind the false discovery rate is held (Benjamini and
Hochberg 1995).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import special

from trendhouse.explain import amount_text, day_text
from trendhouse.parallel import in_blocks, one_thread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

KINDS = ("category", "subcategory", "product", "search_term")
CAUSES = ("season", "price", "promotion", "stock", "own")

# Weeks back that a change may lie: with fewer than two weeks a spike is no new level, and what changed a quarter ago is no news.
CHANGES_BACK = np.arange(2, 14)
# A change of the quarter before, where it stands out more than any since, is told apart, or it would be reported as the oldest of these.
EARLIER_BACK = np.arange(14, 27)
# Within so many weeks the level is constant but for these two changes; older growth is free.
WINDOW_WEEKS = 39
# A level is known from so many weeks before a change on.
LEAST_WEEKS_BEFORE = 4
# What "recently" is in the account of causes, and what it is held against.
RECENT_WEEKS = 4
USUAL_WEEKS = 13
NEW_WEEKS = 13
# A year and two months: the season of the weeks that are judged has been seen once before.
SEASON_WEEKS = 60
HARMONICS = 3
# The dispersion and autocorrelation of a kind weigh as much as so many weeks of the series itself.
KIND_WEEKS = 13
MOST_AUTOCORRELATION = 0.8
# Luck of so many weeks ago is forgotten.
LONG_RUN = 26
# A shelf empty all week still counts for a part of a day, so that its effect stays finite.
LEAST_SHELF = 0.02
BATCH = 100
BAND_Z = 1.2816

TRENDS_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("entity_id", pa.string()),
        ("direction", pa.string()),
        ("sentence", pa.string()),
        ("rank", pa.int32()),
        ("weeks", pa.int32()),
        ("growth_log", pa.float64()),
        ("growth_low_log", pa.float64()),
        ("growth_high_log", pa.float64()),
        ("growth_units", pa.float64()),
        ("z_score", pa.float64()),
        ("p_value", pa.float64()),
        ("q_value", pa.float64()),
        ("recent_units", pa.float64()),
        ("usual_units", pa.float64()),
        ("change_units", pa.float64()),
        *((f"{cause}_units", pa.float64()) for cause in CAUSES),
        *((f"{cause}_share", pa.float64()) for cause in CAUSES),
        ("novelty_share", pa.float64()),
        ("is_new", pa.bool_()),
        ("is_season_known", pa.bool_()),
        ("as_of_date", pa.date32()),
        ("change_week_date", pa.date32()),
        ("first_sold_date", pa.date32()),
    ]
)
"""Columns of `ml_demand__trends`; units are a week's, growth is on the log scale."""


@dataclass(frozen=True)
class Series:
    """Weekly series side by side, arrays (entities, weeks); the last week ends the day before the as-of date.

    `exposure` is in days (0: nothing known of the week), `price` the log of a price index, `discount` minus the log of the share paid,
    `promotion` the share of the week. `units_to_date` (entities,) are those of the whole life.
    """

    kinds: tuple[str, ...]
    ids: tuple[str, ...]
    parents: tuple[str | None, ...]
    units: Floats
    exposure: Floats
    price: Floats
    discount: Floats
    promotion: Floats
    units_to_date: Floats
    first_sold: tuple[date | None, ...]

    def of(self, index: Ints) -> "Series":
        """Some of the series."""
        return Series(
            kinds=tuple(self.kinds[i] for i in index),
            ids=tuple(self.ids[i] for i in index),
            parents=tuple(self.parents[i] for i in index),
            units=self.units[index],
            exposure=self.exposure[index],
            price=self.price[index],
            discount=self.discount[index],
            promotion=self.promotion[index],
            units_to_date=self.units_to_date[index],
            first_sold=tuple(self.first_sold[i] for i in index),
        )


@dataclass(frozen=True)
class Fit:
    """Coefficients (entities, columns) and their information (entities, columns, columns), weekly means (entities, weeks)."""

    coefficients: Floats
    information: Floats
    means: Floats


@dataclass(frozen=True)
class Scatter:
    """How far counts stray from their means: dispersion, lag-1 autocorrelation, degrees of freedom, each (entities,).

    `memory` is by what the autocorrelation shrinks from lag to lag, one number for the kind: luck that lasts, with fresh luck on top.
    """

    dispersion: Floats
    autocorrelation: Floats
    freedom: Floats
    memory: float

    @property
    def inflation(self) -> Floats:
        """What the variance of a long sum is, times its mean (entities,)."""
        return self.dispersion * _run_inflation(self.autocorrelation, self.memory, LONG_RUN)


@dataclass(frozen=True)
class Changes:
    """Weeks back at which each series came to another level (entities,), 0 for none: in the last quarter, and in the one before."""

    latest: Ints
    earlier: Ints

    def of(self, index: Ints) -> "Changes":
        """Those of some of the series."""
        return Changes(self.latest[index], self.earlier[index])


@dataclass(frozen=True)
class Judgement:
    """What the scan says of each series; arrays (entities,). `change` is in weeks back, 0 where nothing could be judged."""

    change: Ints
    z: Floats
    p: Floats
    growth: Floats
    growth_sd: Floats
    fit: Fit


class _Design:
    """The columns of the regression: the calendar's, shared by all series, then those of each series."""

    def __init__(self, weeks: Sequence[date], festivals: pa.Table) -> None:
        """`weeks` are as-of dates seven days apart, oldest first; `festivals` rows of feat_demand_festival_weeks."""
        count = len(weeks)
        columns = [np.ones(count), np.minimum(np.arange(count) - (count - WINDOW_WEEKS), 0) / 52]
        shop_sd, own_sd = [3.0, 1.0], [3.0, 1.0]
        # The middle of the week before the as-of date.
        year = np.array([(day - timedelta(days=4)).timetuple().tm_yday for day in weeks]) / 365.25
        for harmonic in range(1, HARMONICS + 1):
            columns += [np.cos(2 * np.pi * harmonic * year), np.sin(2 * np.pi * harmonic * year)]
            shop_sd += 2 * [0.5 / harmonic]
            own_sd += 2 * [0.25 / harmonic]
        for column in _festival_columns(weeks, festivals):
            # A column's largest week may double the shop's sales, and sell half as much again of a product than of its category.
            columns.append(column / max(float(np.abs(column).max()), 1.0))
            shop_sd.append(0.7)
            own_sd.append(0.4)
        self.calendar = np.stack(columns, axis=1) if count else np.empty((0, len(columns)))
        self.season = slice(2, len(columns))
        # Price elasticities lie about -2 (Tellis 1988: -1.8; Bijmolt, van Heerde and Pieters 2005: -2.6), less between shops; being
        # featured adds to what the lower price does.
        self.price, self.discount, self.promotion, self.earlier, self.step = range(len(columns), len(columns) + 5)
        self._effects = np.array([-1.5, 1.5, 0.3, 0.0, 0.0])
        self._effects_sd = np.array([1.0, 1.0, 0.5, 1.0, 1.0])
        self.shop_sd = np.concatenate([shop_sd, self._effects_sd])
        self.own_sd = np.concatenate([own_sd, self._effects_sd])

    def prior(self, seasons: Floats) -> Floats:
        """Prior means (entities, columns) for series whose parents have these coefficients (entities, columns of the season)."""
        means = np.zeros((len(seasons), len(self.own_sd)))
        means[:, self.season] = seasons
        means[:, self.price :] = self._effects
        return means

    def matrix(self, series: Series, changes: "Changes") -> Floats:
        """(entities, weeks, columns); the last two are 1 from each change on."""
        entities, weeks = series.units.shape
        matrix = np.empty((entities, weeks, len(self.own_sd)))
        matrix[:, :, : self.price] = self.calendar
        matrix[:, :, self.price] = series.price
        matrix[:, :, self.discount] = series.discount
        matrix[:, :, self.promotion] = series.promotion
        matrix[:, :, self.earlier] = np.arange(weeks) >= weeks - changes.earlier[:, None]
        matrix[:, :, self.step] = np.arange(weeks) >= weeks - changes.latest[:, None]
        return matrix


def find(
    weeks: pa.Table, festivals: pa.Table, false_discovery_rate: float, least_change: float, threads: int
) -> pa.Table:
    """Trends (TRENDS_SCHEMA) of every entity with a row in the last week of `weeks`.

    `weeks` are rows of feat_demand_trend_weeks, `festivals` of feat_demand_festival_weeks. A series is rising or fading when its change
    survives at `false_discovery_rate` among those of its kind and is at least `least_change` of its level (0.1: 10%). What comes out is the same
    on any number of threads.
    """
    one_thread()
    if not weeks.num_rows:
        return TRENDS_SCHEMA.empty_table()
    dates, series = _series_of(weeks)
    design = _Design(dates, festivals)
    root = _sum_of(series)
    root_judgement = _judge(
        root, design, design.prior(np.zeros((1, design.calendar.shape[1] - 2))), design.shop_sd, threads
    )
    shop_season = root_judgement.fit.coefficients[0, design.season]
    seasons: dict[str | None, Floats] = {}
    tables = []
    for kind in KINDS:
        own = series.of(np.flatnonzero(np.array(series.kinds) == kind))
        if not own.ids:
            continue
        prior = design.prior(np.array([seasons.get(parent, shop_season) for parent in own.parents]))
        judgement = _judge(own, design, prior, design.own_sd, threads)
        if kind == "category":
            seasons.update(zip(own.ids, judgement.fit.coefficients[:, design.season], strict=True))
        tables.append(_table(own, judgement, design, dates, root, false_discovery_rate, least_change))
    return pa.concat_tables(tables)


def adjusted(p_values: Floats) -> Floats:
    """Q-values (tests,): the least false discovery rate at which each test is a discovery (Benjamini and Hochberg 1995). NaN is no test."""
    q_values = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    steps = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    q_values[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return q_values


def maximum_p(z: Floats, first: Floats, last: Floats, tests: Ints) -> Floats:
    """Chance that the largest |z| over change points is as large, when there is none; all (series,).

    Miller and Siegmund (1982) for change points between the shares `first` and `last` of the information, or Bonferroni's bound over the
    `tests` change points looked at where that is lower.
    """
    z = np.maximum(np.abs(z), 1e-9)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    spread = np.log(last * (1 - first) / ((1 - last) * first))
    tail = density * (np.maximum(z - 1 / z, 0) * np.maximum(spread, 0) + 4 / z)
    bound = tests * 2 * special.ndtr(-z)
    return np.asarray(np.minimum(np.minimum(np.where(z > 1, tail, 1.0), bound), 1.0), dtype=np.float64)


def _series_of(weeks: pa.Table) -> tuple[list[date], Series]:
    """The as-of dates, oldest first and without gaps, and the series of the entities that have a row as of the last."""
    weeks = weeks.sort_by([("kind", "ascending"), ("entity_id", "ascending"), ("as_of_date", "ascending")])
    days = weeks.column("as_of_date").combine_chunks().cast(pa.int32()).to_numpy()
    last = int(days.max())
    count = (last - int(days.min())) // 7 + 1
    kinds, ids = weeks.column("kind").to_numpy(), weeks.column("entity_id").to_numpy()
    is_first = np.r_[True, (ids[1:] != ids[:-1]) | (kinds[1:] != kinds[:-1])]
    entity = np.cumsum(is_first) - 1
    week = count - 1 - (last - days) // 7
    values = {}
    for name in ("units", "exposure_days", "price_change_log", "discount_rate", "promotion_share"):
        values[name] = np.zeros((entity[-1] + 1, count))
        values[name][entity, week] = weeks.column(name).to_numpy()
    seen = values["exposure_days"] > 0
    ends = np.flatnonzero(np.r_[is_first[1:], True])
    end_rows = weeks.take(pa.array(ends))
    price = np.cumsum(values["price_change_log"], axis=1)
    series = Series(
        kinds=tuple(end_rows.column("kind").to_pylist()),
        ids=tuple(end_rows.column("entity_id").to_pylist()),
        parents=tuple(end_rows.column("parent_id").to_pylist()),
        # A unit that was sold on no day of sale cannot be: it would have no mean.
        units=np.where(seen, values["units"], 0.0),
        exposure=values["exposure_days"],
        price=price - _mean_where(price, seen)[:, None],
        discount=-np.log1p(-np.clip(values["discount_rate"], 0.0, 0.9)),
        promotion=values["promotion_share"],
        units_to_date=end_rows.column("units_to_date").to_numpy(),
        first_sold=tuple(end_rows.column("first_sold_date").to_pylist()),
    )
    origin = date(1970, 1, 1)
    dates = [origin + timedelta(days=last - 7 * back) for back in range(count - 1, -1, -1)]
    return dates, series.of(np.flatnonzero(days[ends] == last))


def _sum_of(series: Series) -> Series:
    """The whole shop as one series: the categories' sum, which has their shelves, prices and promotions on average."""
    own = series.of(np.flatnonzero(np.array(series.kinds) == "category"))
    weeks = series.units.shape[1]
    units = own.units.sum(axis=0, keepdims=True)
    wanted = np.divide(own.units, own.exposure, out=np.zeros_like(own.units), where=own.exposure > 0).sum(
        axis=0, keepdims=True
    )
    longest = own.exposure.max(axis=0, initial=0.0)[None, :]
    weights = own.units.sum(axis=1) + 1e-9
    weights = (weights / weights.sum())[:, None] if len(weights) else np.empty((0, 1))
    return Series(
        kinds=("shop",),
        ids=("shop",),
        parents=(None,),
        units=units,
        exposure=np.where(units > 0, np.divide(units, wanted, out=np.zeros((1, weeks)), where=wanted > 0), longest),
        price=(weights * own.price).sum(axis=0, keepdims=True),
        discount=(weights * own.discount).sum(axis=0, keepdims=True),
        promotion=(weights * own.promotion).sum(axis=0, keepdims=True),
        units_to_date=units.sum(axis=1),
        first_sold=(None,),
    )


def _festival_columns(weeks: Sequence[date], festivals: pa.Table) -> list[Floats]:
    """One column per festival (its pull), one for the days after any, one for public holidays; each (weeks,)."""
    place = {day: index for index, day in enumerate(weeks)}
    pulls: dict[str, Floats] = {}
    after, holidays = np.zeros(len(weeks)), np.zeros(len(weeks))
    for row in festivals.to_pylist():
        index = place.get(row["as_of_date"])
        if index is None:
            continue
        after[index] += row["after_days"]
        holidays[index] += row["public_holidays"]
        if row["pull"] > 0:
            pulls.setdefault(row["festival_name"], np.zeros(len(weeks)))[index] = row["pull"]
    return [*(pulls[name] for name in sorted(pulls)), after, holidays]


def _judge(series: Series, design: _Design, prior: Floats, prior_sd: Floats, threads: int) -> Judgement:
    """Scan every series for a change, first to find out how much it scatters about its levels, then with that scatter."""
    entities = len(series.ids)
    unknown = Scatter(np.ones(entities), np.zeros(entities), np.full(entities, np.inf), 0.0)
    none = np.zeros(entities, dtype=np.int64)
    first, _, _ = _scan(series, design, prior, prior_sd, unknown, none, np.r_[CHANGES_BACK, EARLIER_BACK], threads)
    earlier = np.where(first >= EARLIER_BACK[0], first, 0)
    latest, _, _ = _scan(series, design, prior, prior_sd, unknown, earlier, CHANGES_BACK, threads)
    scatter = _scatter(series, *_fitted(series, design, prior, prior_sd, unknown, Changes(latest, earlier), threads))
    latest, z, p = _scan(series, design, prior, prior_sd, scatter, earlier, CHANGES_BACK, threads)
    fit, _ = _fitted(series, design, prior, prior_sd, scatter, Changes(latest, earlier), threads)
    variance = np.linalg.inv(fit.information)[:, design.step, design.step]
    return Judgement(latest, z, p, fit.coefficients[:, design.step], np.sqrt(variance), fit)


def _fitted(
    series: Series, design: _Design, prior: Floats, prior_sd: Floats, scatter: Scatter, changes: Changes, threads: int
) -> tuple[Fit, Floats]:
    """Most likely coefficients with these changes, in batches, and how many of them the data paid for (entities,)."""

    def of_batch(batch: Ints) -> tuple[Fit, Floats]:
        own = series.of(batch)
        matrix = design.matrix(own, changes.of(batch))
        part, informed = _newton(own, matrix, prior[batch], prior_sd, scatter.inflation[batch])
        return part, np.trace(np.linalg.solve(part.information, informed), axis1=1, axis2=2)

    parts, used = zip(*in_blocks(of_batch, _batches(series), threads), strict=True)
    names = ("coefficients", "information", "means")
    return Fit(*(np.concatenate([getattr(part, name) for part in parts]) for name in names)), np.concatenate(used)


def _batches(series: Series) -> Iterator[Ints]:
    """Places of the series, a few at a time: their matrices stay in the processor's cache."""
    for start in range(0, len(series.ids), BATCH):
        yield np.arange(start, min(start + BATCH, len(series.ids)))


def _newton(series: Series, matrix: Floats, prior: Floats, prior_sd: Floats, inflation: Floats) -> tuple[Fit, Floats]:
    """Penalised Poisson regression by Newton steps, and the data's part of the information."""
    exposure, units = series.exposure, series.units
    precision = np.diag(prior_sd**-2.0)
    level = np.log((units.sum(axis=1) + 0.5) / np.maximum(exposure.sum(axis=1), 1.0))
    prior = prior.copy()
    prior[:, 0] = level
    coefficients = prior.copy()
    means, informed = np.empty_like(units), np.empty((len(units), *precision.shape))
    # A series that has arrived leaves the others to go on, so that it ends where it would have ended alone.
    moving, columns = np.arange(len(units)), matrix
    for _ in range(20):
        spread = inflation[moving, None]
        means[moving] = exposure[moving] * np.exp(np.clip(_times(columns, coefficients[moving]), -20, 20))
        informed[moving] = columns.transpose(0, 2, 1) @ (columns * (means[moving] / spread)[:, :, None])
        gradient = _times(columns.transpose(0, 2, 1), (units[moving] - means[moving]) / spread)
        gradient -= (coefficients[moving] - prior[moving]) @ precision
        step: Floats = np.linalg.solve(informed[moving] + precision, gradient[:, :, None])[:, :, 0].astype(np.float64)
        # No week's mean moves by more than a factor of e in one step: far from the solution a full one would overshoot.
        longest = np.abs(_times(columns, step) * (exposure[moving] > 0)).max(axis=1, initial=0.0)
        step /= np.maximum(longest, 1.0)[:, None]
        coefficients[moving] += step
        still = np.abs(step).max(axis=1) >= 1e-5
        if not still.any():
            break
        if not still.all():
            moving, columns = moving[still], columns[still]
    return Fit(coefficients, informed + precision, means), informed


def _scan(
    series: Series,
    design: _Design,
    prior: Floats,
    prior_sd: Floats,
    scatter: Scatter,
    earlier: Ints,
    backs: Ints,
    threads: int,
) -> tuple[Ints, Floats, Floats]:
    """Per series: which of `backs` is the likeliest change (0: none can be judged), its z, and the chance of one as large without a change."""
    entities, weeks = series.units.shape
    changes = Changes(np.zeros(entities, dtype=np.int64), earlier)
    fit, _ = _fitted(series, design, prior, prior_sd, scatter, changes, threads)
    steps = (np.arange(weeks)[:, None] >= weeks - backs).astype(np.float64)
    seen = (series.exposure > 0).astype(np.float64)
    judged = (seen @ steps >= backs[0]) & (seen @ (1 - steps) >= LEAST_WEEKS_BEFORE) & (backs < weeks)

    def of_batch(rows: Ints) -> Floats:
        batch = series.of(rows)
        matrix = design.matrix(batch, changes.of(rows))
        weights = fit.means[rows] / scatter.inflation[rows][:, None]
        crossed = (matrix * weights[:, :, None]).transpose(0, 2, 1) @ steps
        information = weights @ steps - np.einsum(
            "npk,npk->nk", crossed, np.linalg.solve(fit.information[rows], crossed)
        )
        observed, expected = batch.units @ steps, fit.means[rows] @ steps
        # What the other columns explain of a change as well does not count for it: the null fit has hidden that share of its surprise.
        hidden = np.divide(information, weights @ steps, out=np.ones_like(expected), where=weights @ steps > 0)
        inflation = scatter.dispersion[rows][:, None] * _run_inflation(
            scatter.autocorrelation[rows][:, None], scatter.memory, backs
        )
        return np.asarray(_signed_root(observed, expected) / np.sqrt(inflation * np.clip(hidden, 0.05, 1.0)))

    z = np.concatenate(list(in_blocks(of_batch, _batches(series), threads)))
    # Few weeks to tell the scatter from make the tails longer: z is what the same chance would be with many.
    freedom = np.broadcast_to(scatter.freedom[:, None], z.shape)
    tails = special.stdtr(np.where(np.isfinite(freedom), freedom, 1e9), -np.abs(z))
    z = np.where(judged, np.sign(z) * -special.ndtri(np.maximum(tails, 1e-300)), 0.0)
    best = np.abs(z).argmax(axis=1)
    total = np.maximum(fit.means[:, -WINDOW_WEEKS:].sum(axis=1), 1e-9)
    share = np.clip(fit.means @ steps / total[:, None], 1e-3, 1 - 1e-3)
    tests = judged.sum(axis=1)
    reach = np.where(judged, share, np.nan)
    known = tests > 0
    p = np.full(entities, np.nan)
    p[known] = maximum_p(
        z[known, best[known]], np.nanmin(reach[known], axis=1), np.nanmax(reach[known], axis=1), tests[known]
    )
    return np.where(known, backs[best], 0), z[np.arange(entities), best], p


def _scatter(series: Series, fit: Fit, used: Floats) -> Scatter:
    """Dispersion and lag-1 autocorrelation of the residuals, each drawn towards its kind's; no series scatters less than Poisson."""
    seen = (series.exposure > 0) & (fit.means > 1e-9)
    residuals = np.where(seen, (series.units - fit.means) / np.sqrt(np.maximum(fit.means, 1e-9)), 0.0)
    count = np.maximum(seen.sum(axis=1), 1)
    squares = (residuals**2).sum(axis=1)
    # Fitted columns bend slowly, as luck that lasts does, and take it up: the raw figures fall short by about their number over that of
    # the weeks (Marriott and Pope 1954, for a mean), and each takes as much of the squares as luck makes long sums scatter.
    first, second = (
        (residuals[:, lag:] * residuals[:, :-lag]).sum(axis=1) / np.maximum(squares, 1e-9) for lag in (1, 2)
    )
    bias = used / count * (1 + 2 * np.clip(first, 0.0, 1.0))
    # Each series speaks for its kind by its weeks, not by its squares: one wild series would outshout the others.
    pooled, pooled_second = (float(((lag + bias) * count).sum() / count.sum()) for lag in (first, second))
    memory = min(max(pooled_second / pooled, 0.0), MOST_AUTOCORRELATION) if pooled > 0.02 else 0.0
    own = np.clip(first + bias, -1.0, 1.0)
    correlation = np.clip((own * count + KIND_WEEKS * pooled) / (count + KIND_WEEKS), 0.0, MOST_AUTOCORRELATION)
    freedom = np.maximum(count - used * _run_inflation(correlation, memory, LONG_RUN), count / 4)
    pooled_dispersion = squares.sum() / freedom.sum()
    dispersion = np.maximum((squares + KIND_WEEKS * pooled_dispersion) / (freedom + KIND_WEEKS), 1.0)
    return Scatter(dispersion, correlation, freedom + KIND_WEEKS, memory)


def _table(
    series: Series,
    judged: Judgement,
    design: _Design,
    dates: Sequence[date],
    root: Series,
    false_discovery_rate: float,
    least_change: float,
) -> pa.Table:
    """The rows of one kind."""
    entities = len(series.ids)
    q = adjusted(judged.p)
    known = judged.change > 0
    is_trend = known & (q <= false_discovery_rate) & (np.abs(judged.growth) >= np.log1p(least_change))
    is_trend &= np.sign(judged.growth) == np.sign(judged.z)
    direction = np.where(is_trend, np.where(judged.growth > 0, "rising", "fading"), "steady")
    recent, usual, parts = _causes(series, judged.fit, design)
    fitted = judged.fit.means[:, -RECENT_WEEKS:].mean(axis=1)
    growth_units = np.where(known, -fitted * np.expm1(-judged.growth), 0.0)
    order = np.lexsort((np.array(series.ids), -np.round(np.abs(growth_units), 6), ~is_trend))
    rank = np.empty(entities, dtype=np.int32)
    rank[order] = np.arange(1, entities + 1)
    size = np.abs(parts).sum(axis=1)
    shares = np.divide(np.abs(parts), size[:, None], out=np.full_like(parts, np.nan), where=size[:, None] > 0)
    to_date = np.maximum(series.units_to_date, 1e-9)
    novelty = np.where(series.units_to_date > 0, series.units[:, -RECENT_WEEKS:].sum(axis=1) / to_date, np.nan)
    new_from = dates[-1] - timedelta(days=7 * NEW_WEEKS)
    is_new = [day is not None and day >= new_from and day > dates[0] for day in series.first_sold]
    changed = [dates[-back] - timedelta(days=7) if back else None for back in judged.change]
    season_known = int((root.exposure > 0).sum()) >= SEASON_WEEKS
    columns: dict[str, object] = {
        "kind": list(series.kinds),
        "entity_id": list(series.ids),
        "direction": direction.tolist(),
        "rank": rank,
        "weeks": (series.exposure > 0).sum(axis=1),
        "growth_log": np.where(known, judged.growth, np.nan),
        "growth_low_log": np.where(known, judged.growth - BAND_Z * judged.growth_sd, np.nan),
        "growth_high_log": np.where(known, judged.growth + BAND_Z * judged.growth_sd, np.nan),
        "growth_units": np.where(known, growth_units, np.nan),
        "z_score": np.where(known, judged.z, np.nan),
        "p_value": judged.p,
        "q_value": q,
        "recent_units": recent,
        "usual_units": usual,
        "change_units": recent - usual,
        **{f"{cause}_units": parts[:, index] for index, cause in enumerate(CAUSES)},
        **{f"{cause}_share": shares[:, index] for index, cause in enumerate(CAUSES)},
        "novelty_share": novelty,
        "is_new": is_new,
        "is_season_known": [season_known] * entities,
        "as_of_date": [dates[-1]] * entities,
        "change_week_date": changed,
        "first_sold_date": list(series.first_sold),
    }
    arrays = {
        name: pa.array(np.round(values, 6), from_pandas=True)
        if isinstance(values, np.ndarray) and values.dtype == np.float64
        else pa.array(values)
        for name, values in columns.items()
    }
    arrays["sentence"] = pa.array([""] * entities)
    rows = pa.table({name: arrays[name].cast(TRENDS_SCHEMA.field(name).type) for name in TRENDS_SCHEMA.names})
    sentences = pa.array([_sentence(row) for row in rows.to_pylist()], type=pa.string())
    return rows.set_column(TRENDS_SCHEMA.get_field_index("sentence"), TRENDS_SCHEMA.field("sentence"), sentences)


def _causes(series: Series, fit: Fit, design: _Design) -> tuple[Floats, Floats, Floats]:
    """Units a week lately and usually (entities,), and the difference by CAUSES (entities, causes), which adds up to it exactly.

    On the log scale a cause is what it changes alone and what is missing without it, on average; the own trend is what the model's causes
    do not explain, chance included. Logs become units by the logarithmic mean of the two levels (log-mean Divisia index, Ang 2004).
    """
    weeks = series.units.shape[1]
    started = np.cumsum(series.exposure > 0, axis=1) > 0
    lately = started & (np.arange(weeks) >= weeks - RECENT_WEEKS)
    before = started & ~lately & (np.arange(weeks) >= weeks - RECENT_WEEKS - USUAL_WEEKS)
    effects = design.calendar[:, design.season] @ fit.coefficients[:, design.season].T
    factors = {
        "season": effects.T,
        "price": series.price * fit.coefficients[:, [design.price]],
        "promotion": series.discount * fit.coefficients[:, [design.discount]]
        + series.promotion * fit.coefficients[:, [design.promotion]],
        "stock": np.log(np.maximum(series.exposure / 7, LEAST_SHELF)),
    }

    def change(names: Sequence[str]) -> Floats:
        level = np.exp(np.clip(sum((factors[name] for name in names), np.zeros((1, 1))), -20, 20))
        return np.log(_mean_where(level, lately, 1.0)) - np.log(_mean_where(level, before, 1.0))

    every = tuple(factors)
    total = change(every)
    logs = {
        name: (change([name]) + total - change([other for other in every if other != name])) / 2
        for name in ("price", "promotion", "stock")
    }
    logs["season"] = total - sum(logs.values(), np.zeros(1))
    recent, usual = _mean_where(series.units, lately), _mean_where(series.units, before)
    # Half a unit more in each period keeps the logs finite.
    high = recent + 0.5 / np.maximum(lately.sum(axis=1), 1)
    low = usual + 0.5 / np.maximum(before.sum(axis=1), 1)
    ratio = np.log(high / low)
    scale = np.where(np.abs(ratio) < 1e-9, high, (high - low) / np.where(ratio == 0, 1.0, ratio))
    parts = np.stack([logs[name] * scale for name in CAUSES[:-1]], axis=1)
    # Nothing to hold an entity against that is younger than the recent weeks.
    parts[~before.any(axis=1)] = 0.0
    return recent, usual, np.column_stack([parts, recent - usual - parts.sum(axis=1)])


def _sentence(row: dict[str, object]) -> str:
    """What a merchandiser reads: the verdict first, then what the last weeks' difference is made of."""
    unit = "searches" if row["kind"] == "search_term" else "units"
    amounts = {cause: float(str(row[f"{cause}_units"])) for cause in CAUSES}
    least = 0.05 * sum(abs(amount) for amount in amounts.values())
    rest = "own trend" if row["direction"] != "steady" else "chance or own trend"
    names = {cause: rest if cause == "own" else cause for cause in CAUSES}
    largest = sorted(amounts, key=lambda cause: -abs(amounts[cause]))
    told = [f"{names[c]} {amount_text(amounts[c])}" for c in largest if abs(amounts[c]) >= max(least, 0.05)]
    change = float(str(row["change_units"]))
    account = f" Last {RECENT_WEEKS} weeks {amount_text(change)} {unit} a week against the {USUAL_WEEKS} before"
    account += f": {', '.join(told)}." if told else "."
    if not row["is_season_known"]:
        account += " The season is not known: the history is too short."
    first = row["first_sold_date"]
    age = f" New: first sold in the week from {day_text(first)}." if row["is_new"] and isinstance(first, date) else ""
    since = row["change_week_date"]
    if not isinstance(since, date):
        return "Too few weeks on sale to tell a trend." + age
    if row["direction"] == "steady":
        return "Steady: no change beyond chance." + age + account
    low, middle, high = (float(str(row[name])) for name in ("growth_low_log", "growth_log", "growth_high_log"))
    band = f"{100 * np.expm1(middle):+.0f}% ({100 * np.expm1(low):+.0f}% to {100 * np.expm1(high):+.0f}%)"
    verdict = str(row["direction"]).capitalize()
    return f"{verdict} since the week from {day_text(since)}: demand of its own {band}." + age + account


def _signed_root(observed: Floats, expected: Floats) -> Floats:
    """Signed root of the Poisson deviance of sums; closer to normal than their difference where counts are small."""
    expected = np.maximum(expected, 1e-9)
    deviance = 2 * (special.xlogy(observed, observed / expected) - (observed - expected))
    return np.asarray(np.sign(observed - expected) * np.sqrt(np.maximum(deviance, 0.0)), dtype=np.float64)


def _run_inflation(correlation: Floats, memory: float, length: Ints | int) -> Floats:
    """Variance of the sum of so many neighbours, against independent ones, when lag j is correlated by correlation x memory ^ (j - 1)."""
    lags = np.arange(1, LONG_RUN)
    weights = np.maximum(1 - lags / np.asarray(length)[..., None], 0.0) * memory ** (lags - 1)
    return np.asarray(1 + 2 * correlation * weights.sum(axis=-1), dtype=np.float64)


def _mean_where(values: Floats, where: Bools, otherwise: float = 0.0) -> Floats:
    """Mean along the weeks of the marked ones (entities,); `otherwise` where none is."""
    count = where.sum(axis=1)
    sums = np.where(where, values, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 0, sums / np.maximum(count, 1), otherwise), dtype=np.float64)


def _times(matrices: Floats, vectors: Floats) -> Floats:
    """Each matrix times its vector: (n, a, b) and (n, b) give (n, a)."""
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0], dtype=np.float64)

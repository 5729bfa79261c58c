"""Panels: regularly spaced series of any frequency, brought into the shape of the demand feature table.

The demand algorithms read a feature table (one row per product, as-of date and horizon) and a history. A panel of weekly, hourly or any
other series gets both here: a step counts as a day, step 0 as EPOCH. The features are levels, seasons and known-ahead values, all
relative, so that one model serves series of every size. A feature of as-of step t uses values of steps before t alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trendhouse.demand.history import Floats, History

Integers = NDArray[np.int64]

EPOCH = date(1970, 1, 1)
# The level is the mean of one shortest season, so that no season shows in it; of LEVEL_STEPS where that is longer.
LONGEST_LEVEL_SEASON = 28
LEVEL_STEPS = 8
# A value counts as at least and at most so many times its level.
LEAST_FACTOR, MOST_FACTOR = 0.1, 10.0
# A series' own evidence on which rule serves it weighs like all series' together after so many steps.
PRIOR_STEPS = 26
# A rule's error counts as at least this share of the level's, and its weight is the inverse of this power of it.
LEAST_ERROR = 0.05
SHARPNESS = 4.0
# A series grew or shrank within a season at most so many times.
MOST_GROWTH = 5.0
# Steps around the step one season ago whose values are features, and the weights of their mean.
NEIGHBOURS = {-2: 1.0, -1: 2.0, 0: 3.0, 1: 2.0, 2: 1.0}
# Training looks back so many of the longest seasons, at so many as-of steps at most, and keeps so many rows.
LOOK_BACK_SEASONS = 6
MOST_AS_OF_STEPS = 150
MOST_ROWS = 300_000
# Local methods see so many of the longest seasons, and so many steps at least.
HISTORY_SEASONS = 3
LEAST_HISTORY_STEPS = 104
SEED = 20


@dataclass(frozen=True)
class Panel:
    """Series side by side: `values` (series, steps), NaN before a series begins and where nothing was observed.

    `names` (series,) are sorted and unique. `known` holds what is known ahead of time (price, promotion, holiday): arrays (series, steps +
    horizon), or (1, steps + horizon) where it is the same for all. `attributes` are texts (series,). Series that share the attributes
    `pooled_by` share a seasonal profile as well. `events` (steps + horizon,) names the steps of moving feasts, empty text elsewhere: a
    named step looks back on the last step of its name, not on the one a season before. `season_lengths` in steps, shortest first.

    Raises ValueError when shapes or names do not fit together.
    """

    names: NDArray[np.str_]
    values: Floats
    horizon: int
    season_lengths: tuple[int, ...] = ()
    known: Mapping[str, Floats] = field(default_factory=dict)
    attributes: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    pooled_by: tuple[str, ...] = ()
    events: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        """Check that everything has the shape it is described with."""
        if self.values.shape[0] != len(self.names):
            raise ValueError(f"{len(self.names)} names for {self.values.shape[0]} series.")
        if np.any(self.names[1:] <= self.names[:-1]):
            raise ValueError("The names of the series have to be unique and sorted.")
        ahead = self.steps + self.horizon
        for name, known in self.known.items():
            if known.shape not in ((len(self.names), ahead), (1, ahead)):
                raise ValueError(f"{name} is {known.shape}; known-ahead values reach {ahead} steps, to the horizon.")
        if self.events is not None and self.events.shape != (ahead,):
            raise ValueError(f"The events are {self.events.shape}; they reach {ahead} steps, to the horizon.")
        if list(self.season_lengths) != sorted(set(self.season_lengths)):
            raise ValueError("Season lengths have to be given shortest first, each once.")

    @property
    def steps(self) -> int:
        """Number of observed steps; the as-of step of a forecast of the future."""
        return int(self.values.shape[1])

    @property
    def level_steps(self) -> int:
        """Length of the window behind a level."""
        shortest = min(self.season_lengths, default=LEVEL_STEPS)
        return shortest if shortest <= LONGEST_LEVEL_SEASON else LEVEL_STEPS

    def history(self, as_of_step: int) -> History:
        """The recent history before a step, for local methods; negative values count as 0."""
        length = max(LEAST_HISTORY_STEPS, HISTORY_SEASONS * max(self.season_lengths, default=0))
        start = max(as_of_step - length, 0)
        known_from = np.datetime64(EPOCH) + np.arange(start + 1, as_of_step + 1)
        values = np.maximum(self.values[:, start:as_of_step], 0.0)
        return History(self.names, known_from, values, period_days=1, season_lengths=self.season_lengths)


def day_of(step: int) -> date:
    """The date that stands for a step."""
    return EPOCH + timedelta(days=step)


class PanelFeatures:
    """The feature table of a panel. Everything that all as-of steps share is worked out once."""

    def __init__(self, panel: Panel) -> None:
        """Cumulate the series, and hold the rules of thumb against the past, step by step."""
        self.panel = panel
        self._values = np.maximum(panel.values, 0.0)
        filled = np.nan_to_num(self._values, nan=0.0)
        self._sums, self._squares = _cumulated(filled), _cumulated(filled**2)
        self._zeros = _cumulated((self._values == 0).astype(np.float64))
        self._counts = _cumulated((~np.isnan(self._values)).astype(np.float64))
        width = panel.level_steps
        self._level = _windowed(self._sums, width) / _positive(_windowed(self._counts, width))
        self._groups = _Groups(panel)
        self._errors = self._past_errors()

    def at(self, as_of_step: int) -> pa.Table:
        """Rows of one as-of step: every series that has begun, every step of the horizon."""
        begun = self._counts[:, as_of_step] > 0
        series, step = np.nonzero(begun[:, None] & np.ones(self.panel.horizon, dtype=bool))
        return self._rows(as_of_step, series, step)

    def training_rows(self, before_step: int) -> pa.Table:
        """A sample of rows with a label, from random as-of steps before a step; of the recent past where there is much of it.

        Rows whose last season lies before the panel begins are left out: no later forecast looks like them.
        """
        panel = self.panel
        longest = max(panel.season_lengths, default=0)
        first = max(1, before_step - max(LOOK_BACK_SEASONS * longest, 10 * panel.horizon))
        rng = np.random.default_rng(SEED)
        as_of = np.arange(first, before_step)
        if len(as_of) > MOST_AS_OF_STEPS:
            as_of = np.sort(rng.choice(as_of, MOST_AS_OF_STEPS, replace=False))
        pairs = []
        for t in as_of:
            ahead = np.arange(min(panel.horizon, before_step - int(t)))
            labelled = (self._counts[:, t] > 0)[:, None] & ~np.isnan(self._values[:, t + ahead])
            if longest:
                labelled &= np.asarray(self._source(longest, int(t))[ahead] >= 0)
            pairs.append(np.nonzero(labelled))
        total = sum(len(series) for series, _ in pairs)
        parts = []
        for t, (series, step) in zip(as_of, pairs, strict=True):
            if total > MOST_ROWS:
                chosen = np.sort(rng.choice(len(series), len(series) * MOST_ROWS // total, replace=False))
                series, step = series[chosen], step[chosen]
            parts.append(self._rows(int(t), series, step))
        return pa.concat_tables(parts) if parts else self.at(0)

    def _rows(self, t: int, series: Integers, step: Integers) -> pa.Table:
        """Rows of the feature table as of step t: of these series (rows,) and steps ahead (rows,), numbered from 0."""
        panel = self.panel
        target = t + step
        known = target < panel.steps
        units = np.full(len(target), np.nan)
        units[known] = self._values[series[known], target[known]]
        columns: dict[str, pa.Array] = {
            "product_id": pa.array(panel.names[series].tolist(), type=pa.string()),
            "as_of_date": pa.array(np.full(len(step), t, dtype=np.int32)).cast(pa.date32()),
            "target_date": pa.array(target.astype(np.int32)).cast(pa.date32()),
            "horizon_days": pa.array((step + 1).astype(np.int32)),
            "units": pa.array(units, from_pandas=True),
            "is_censored": pa.array(np.zeros(len(step), dtype=bool)),
        }
        found = {name: values[series] for name, values in self._of_series(t).items()}
        found |= self._of_seasons(t, series, step)
        found |= self._of_known(t, series, step)
        for name, values in found.items():
            columns[name] = pa.array(values.astype(np.float64), from_pandas=True)
        for name, texts in panel.attributes.items():
            columns[name] = pa.array(texts[series].tolist(), type=pa.string())
        return pa.table(columns)

    def _level_at(self, t: int) -> Floats:
        """Level of each series (series,) as of step t; the mean of all its past where it was not observed of late."""
        everything = self._sums[:, t] / _positive(self._counts[:, t])
        level = self._level[:, t]
        return np.where(level > 0, level, everything)

    def _of_series(self, t: int) -> dict[str, Floats]:
        """Features (series,) as of step t that are the same for every step ahead."""
        panel, width = self.panel, self.panel.level_steps
        longest = max(panel.season_lengths, default=4 * width)
        level = self._level_at(t)
        log_level = _log(level)
        found: dict[str, Floats] = {}
        for window in sorted({1, max(width // 4, 1), max(width // 2, 1), 2 * width, 4 * width, longest}):
            found[f"level_{window}_ratio"] = _log(self._mean_at(t, window)) - log_level
        found["level_change_ratio"] = log_level - _log(self._mean_at(t - width, width))
        many = _positive(_window_at(self._counts, t, 4 * width))
        mean = _window_at(self._sums, t, 4 * width) / many
        spread = np.sqrt(np.maximum(_window_at(self._squares, t, 4 * width) / many - mean**2, 0.0))
        found["variation_ratio"] = spread / _positive(mean)
        found["zero_share"] = _window_at(self._zeros, t, 4 * width) / many
        found["observed_steps"] = np.minimum(self._counts[:, t], 4 * longest)
        for length in panel.season_lengths:
            for window in (width, 4 * width):
                then = self._mean_at(t - length, window)
                found[f"growth_{length}_{window}_ratio"] = _log(self._mean_at(t, window)) - _log(then)
        found["moving_average_units"] = level
        return found

    def _of_seasons(self, t: int, series: Integers, step: Integers) -> dict[str, Floats]:
        """Features (rows,) from the rules of thumb and the values around the step one season before the target."""
        rules = self._rules(t, series, step)
        weights = self._weights(t)[series]
        matrix = np.column_stack(list(rules.values()))
        usable = np.where(np.isnan(matrix), 0.0, weights)
        usable[:, 0] = np.where(usable.sum(axis=1) > 0, usable[:, 0], 1.0)
        base = (np.nan_to_num(matrix, nan=0.0) * usable).sum(axis=1) / usable.sum(axis=1)
        base = np.where(base > 0, base, np.nan)
        found = {f"{name}_rule_ratio": _log(values) - _log(base) for name, values in rules.items()}
        found |= {f"{name}_rule_share": weights[:, index] for index, name in enumerate(rules)}
        naive = np.full(len(series), np.nan)
        for length in self.panel.season_lengths:
            source, then = self._source(length, t), self._then(length, t)
            own = {offset: self._factor(t, series, source[step] + offset, then[step]) for offset in NEIGHBOURS}
            found[f"season_{length}_before_ratio"] = own[-1]
            found[f"season_{length}_after_ratio"] = own[1]
            smoothed = _smoothed(np.stack(list(own.values())))
            found[f"season_{length}_smoothed_ratio"] = smoothed + _log(self._level_at(t)[series]) - _log(base)
            cycles = [own[0]]
            for cycle in (1, 2):
                back = cycle * length
                cycles.append(self._factor(t - back, series, source[step] - back, then[step] - back))
            stack = np.stack(cycles)
            seen = ~np.isnan(stack)
            mean = np.where(seen, stack, 0.0).sum(axis=0) / _positive(seen.sum(axis=0).astype(np.float64))
            found[f"season_{length}_mean_ratio"] = mean + _log(self._level_at(t)[series]) - _log(base)
            found[f"season_{length}_earlier_ratio"] = cycles[1] - cycles[0]
            last = self._value(t, series, source[step])
            naive = np.where(np.isnan(last), naive, last)
        level = self._level_at(t)[series]
        found["seasonal_naive_units"] = np.where(np.isnan(naive), level, naive)
        found["base_units"] = np.where(np.isnan(base), level, base)
        found["base_level_ratio"] = _log(found["base_units"]) - _log(level)
        return found

    def _of_known(self, t: int, series: Integers, step: Integers) -> dict[str, Floats]:
        """Known-ahead values (rows,) at the target step, against their recent mean and against the step one longest season before."""
        panel = self.panel
        found = {}
        for name, known in panel.known.items():
            row = series if known.shape[0] > 1 else np.zeros_like(series)
            there = known[row, t + step]
            recent = known[:, max(t - 4 * panel.level_steps, 0) : t]
            seen = ~np.isnan(recent)
            mean = np.where(seen, recent, 0.0).sum(axis=1) / _positive(seen.sum(axis=1).astype(np.float64))
            found[name] = there
            found[f"{name}_change"] = there - mean[row]
            if panel.season_lengths:
                source = self._source(panel.season_lengths[-1], t)[step]
                before = np.where(source >= 0, known[row, np.maximum(source, 0)], np.nan)
                found[f"{name}_season_change"] = there - before
        return found

    def _rules(self, t: int, series: Integers, step: Integers) -> dict[str, Floats]:
        """Forecasts (rows,) by rules of thumb: level, last value, and for each season what came then, with growth since left out, halved and whole.

        A single step of one series is mostly chance: what came around then is a rule too. With groups, also the level times the factor by
        which the group then differed from its level.
        """
        level = self._level_at(t)[series]
        last = self._mean_at(t, 1)[series]
        rules = {"level": level, "last": np.where(np.isnan(last), level, last)}
        for length in self.panel.season_lengths:
            source, then = self._source(length, t), self._then(length, t)
            value = self._value(t, series, source[step])
            past = np.where(then[step] >= 1, self._level[series, np.maximum(then[step], 0)], np.nan)
            growth = np.clip(level / _positive(past), 1 / MOST_GROWTH, MOST_GROWTH)
            rules[f"season_{length}"] = value
            rules[f"season_{length}_half_growth"] = value * np.sqrt(growth)
            rules[f"season_{length}_growth"] = value * growth
            near = np.stack([self._value(t, series, source[step] + offset) for offset in NEIGHBOURS])
            rules[f"season_{length}_smoothed"] = np.where(np.isnan(value), np.nan, _smoothed(near)) * np.sqrt(growth)
            before = self._value(t, series, then[step] - 1)
            change = np.clip(rules["last"] / _positive(before), 1 / MOST_GROWTH, MOST_GROWTH)
            rules[f"season_{length}_last_growth"] = value * change
            if self._groups.are_pooled:
                usable = (source >= 0) & (source < t) & (then >= 1)
                columns = np.where(usable, source, 0), np.where(usable, then, 0)
                factor = self._groups.factor(self._values[:, columns[0]], self._level[:, columns[1]])
                rules[f"season_{length}_group"] = (
                    level * np.where(usable, factor, np.nan)[self._groups.of_series[series], step]
                )
        return rules

    def _past_errors(self) -> list[Floats]:
        """Cumulated absolute errors (series, steps + 1) of each rule, where all rules had a forecast; their count last.

        Counted at a third and at two thirds of the horizon: at a single distance, a whole season ahead by chance, the last value looks good.
        """
        panel = self.panel
        series = np.arange(len(panel.names))
        rules = len(self._rules(0, series, np.zeros_like(series)))
        errors = np.zeros((rules + 1, len(series), panel.steps))
        for ahead in {-(-panel.horizon // 3), -(-2 * panel.horizon // 3)}:
            for target in range(ahead - 1, panel.steps):
                forecasts = self._rules(target - ahead + 1, series, np.full_like(series, ahead - 1))
                error = np.abs(np.stack(list(forecasts.values())) - self._values[:, target])
                usable = ~np.isnan(error).any(axis=0)
                errors[:-1, :, target] += np.where(usable, error, 0.0)
                errors[-1, :, target] += usable
        return [_cumulated(part) for part in errors]

    def _weights(self, t: int) -> Floats:
        """Weight of each rule (series, rules) as of step t: the inverse square of its error so far, relative to the level's.

        All series together are the prior, as good as PRIOR_STEPS steps of a series' own; equal weights where nothing is known.
        """
        span = 2 * max(self.panel.season_lengths, default=self.panel.level_steps)
        parts = np.stack([_window_at(part, t, span) for part in self._errors])
        errors, count = parts[:-1], parts[-1]
        if errors[0].sum() <= 0:
            return np.full((errors.shape[1], len(errors)), 1 / len(errors))
        everyone = errors.sum(axis=1) / errors[0].sum()
        typical = np.where(count > 0, errors[0] / np.maximum(count, 1), 1.0)
        typical = np.where(typical > 0, typical, 1.0)
        blended = (errors + PRIOR_STEPS * typical * everyone[:, None]) / (errors[0] + PRIOR_STEPS * typical)
        inverse = 1 / np.maximum(blended, LEAST_ERROR) ** SHARPNESS
        return np.asarray((inverse / inverse.sum(axis=0)).T, dtype=np.float64)

    def _source(self, length: int, t: int) -> Integers:
        """The step that each step of the horizon (horizon,) looks back on; below 0 where the panel does not reach back so far."""
        ahead = np.arange(1, self.panel.horizon + 1)
        target = t + ahead - 1
        source = target - -(-ahead // length) * length
        if self.panel.events is not None and length == self.panel.season_lengths[-1]:
            for index, step in enumerate(target):
                source[index] = _aligned(self.panel.events, int(step), int(source[index]), t, length)
        return source

    def _then(self, length: int, t: int) -> Integers:
        """The as-of step whole seasons ago (horizon,) that stands to the source step as t stands to the target."""
        ahead = np.arange(1, self.panel.horizon + 1)
        return np.asarray(t - -(-ahead // length) * length, dtype=np.int64)

    def _value(self, t: int, series: Integers, source: Integers) -> Floats:
        """Values (rows,) at steps before t; NaN elsewhere."""
        usable = (source >= 0) & (source < t)
        return np.where(usable, self._values[series, np.where(usable, source, 0)], np.nan)

    def _factor(self, t: int, series: Integers, source: Integers, then: Integers) -> Floats:
        """Log (rows,) of the source steps' values against the level as of then."""
        level = np.where(then >= 1, self._level[series, np.maximum(then, 0)], np.nan)
        return _log_factor(self._value(t, series, source), level)

    def _mean_at(self, t: int, window: int) -> Floats:
        """Mean of the last `window` values before step t (series,); NaN where there is none."""
        return _window_at(self._sums, t, window) / _positive(_window_at(self._counts, t, window))


class _Groups:
    """Which series share a seasonal profile."""

    def __init__(self, panel: Panel) -> None:
        self.are_pooled = bool(panel.pooled_by)
        if not self.are_pooled or not len(panel.names):
            self.are_pooled = False
            self.of_series = np.arange(len(panel.names))
            return
        columns = (panel.attributes[name].tolist() for name in panel.pooled_by)
        keys = np.array(["\0".join(row) for row in zip(*columns, strict=True)])
        self.of_series = np.asarray(np.unique(keys, return_inverse=True)[1], dtype=np.int64)
        self._order = np.argsort(self.of_series, kind="stable")
        self._starts = np.searchsorted(self.of_series[self._order], np.arange(self.of_series.max() + 1))

    def factor(self, values: Floats, level: Floats) -> Floats:
        """Sum of a group's values over the sum of its levels (groups, columns), of the series (series, columns) that have both."""
        both = ~np.isnan(values) & ~np.isnan(level)
        total = np.add.reduceat(np.where(both, values, 0.0)[self._order], self._starts, axis=0)
        base = np.add.reduceat(np.where(both, level, 0.0)[self._order], self._starts, axis=0)
        return np.clip(total / _positive(base), LEAST_FACTOR, MOST_FACTOR)


def _aligned(events: NDArray[np.str_], target: int, source: int, t: int, length: int) -> int:
    """The step to look back on: of the same event where there is one, else near `source` but of no event."""
    name = events[target]
    if name:
        # The feast of last season, wherever it fell.
        same = [step for step in range(t - 1, max(source - length // 2, -1), -1) if events[step] == name]
        near = [step for step in same if abs(step - source) <= length // 4]
        return near[0] if near else source
    if source < 0 or not events[source]:
        return source
    for distance in range(1, length // 4):
        for step in (source - distance, source + distance):
            if 0 <= step < t and not events[step]:
                return step
    return source


def _smoothed(near: Floats) -> Floats:
    """Weighted mean (rows,) of the values at each of the NEIGHBOURS (neighbours, rows); NaN where there is none."""
    shares = np.array(list(NEIGHBOURS.values()))[:, None] * ~np.isnan(near)
    return np.asarray((np.nan_to_num(near, nan=0.0) * shares).sum(axis=0) / _positive(shares.sum(axis=0)))


def _log_factor(values: Floats, level: Floats) -> Floats:
    """Log of values over level, within the factors that count."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = values / np.where(level > 0, level, np.nan)
        return np.asarray(np.log(np.clip(factor, LEAST_FACTOR, MOST_FACTOR)), dtype=np.float64)


def _log(values: Floats) -> Floats:
    """Log; NaN where there is nothing above 0."""
    return np.log(_positive(values))


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)


def _cumulated(values: Floats) -> Floats:
    """Sums of all values before each step (series, steps + 1)."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def _windowed(cumulated: Floats, window: int) -> Floats:
    """Sums of the last `window` values before every step."""
    steps = np.arange(cumulated.shape[1])
    return cumulated - cumulated[:, np.maximum(steps - window, 0)]


def _window_at(cumulated: Floats, t: int, window: int) -> Floats:
    """Sum of the last `window` values before step t (series,)."""
    return cumulated[:, max(t, 0)] - cumulated[:, max(t - window, 0)]


def origins_before(panel: Panel, cut: int, count: int) -> Sequence[int]:
    """As-of steps of a back-test before a cut, oldest first: a horizon apart, closer where less than a season would be left to learn from."""
    longest = max(panel.season_lengths, default=0)
    room = cut - longest - 2 * panel.level_steps
    apart = max(1, min(panel.horizon, room // max(count, 1)))
    return [step for step in range(cut - count * apart, cut, apart) if step > panel.level_steps]

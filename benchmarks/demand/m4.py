"""M4 competition, weekly (359 series, 13 ahead) and hourly (414 series, 48 ahead): official sMAPE, MASE and OWA, the peers beside us.

    python benchmarks/demand/m4.py [--data DIR]

The forecast origin is the end of the training file. Every series counts the same; the champion is chosen by OWA at back-test origins within
the training file. Peers are AutoETS, AutoTheta and dynamic optimised Theta of statsforecast, and the mean and the median of the three.
"""

import csv
import sys
from functools import cache
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from peers import statistical  # noqa: E402
from public_data import data_folder  # noqa: E402
from results import Result, show  # noqa: E402

from trendhouse.demand.contest import compete  # noqa: E402
from trendhouse.demand.history import Floats  # noqa: E402
from trendhouse.demand.panel import Panel, origins_before  # noqa: E402
from trendhouse.evaluation.metrics import (  # noqa: E402
    naive2,
    overall_weighted_average,
    scaled_error,
    seasonal_naive,
    symmetric_percentage_error,
)

BACKTEST_ORIGINS = 4
THREADS = 2
# Their search, series by series and at every origin, would take longer than all the rest; the peers run the same methods once.
WITHOUT = ("exponential_smoothing", "theta")
STATISTICAL = ("AutoETS", "AutoTheta", "DynamicOptimizedTheta")


def read(path: Path) -> dict[str, Floats]:
    """Series by name, as the competition's files hold them: a name, then the values, empty after the last."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    return {line[0]: np.array([float(value) for value in line[1:] if value not in ("", "NA")]) for line in lines}


def load(folder: Path, frequency: str, seasons: tuple[int, ...]) -> tuple[Panel, Floats]:
    """The panel, all series ending at the same step, and what followed (series, horizon)."""
    training, test = read(folder / f"{frequency}-train.csv"), read(folder / f"{frequency}-test.csv")
    names = np.array(sorted(training))
    values = np.full((len(names), max(len(series) for series in training.values())), np.nan)
    for index, name in enumerate(names):
        values[index, values.shape[1] - len(training[name]) :] = training[name]
    followed = np.stack([test[name] for name in names])
    return Panel(names, values, followed.shape[1], season_lengths=seasons), followed


class Judge:
    """sMAPE, MASE and OWA, each series against the history that it had at the origin."""

    def __init__(self, panel: Panel, season_length: int) -> None:
        """`season_length` is the competition's: 1 for weekly, 24 for hourly series."""
        self._panel, self._season_length = panel, season_length
        self._at = cache(self._histories)
        self._reference = cache(self._naive2)

    def figures(self, origin: int, forecast: Floats, actual: Floats) -> tuple[float, float, float]:
        """OWA, sMAPE and MASE, over the series that have a history and the steps that are known (NaN in `actual` where not)."""
        smape, mase = self._errors(origin, forecast, actual)
        reference = self._errors(origin, self._reference(origin), actual)
        return overall_weighted_average(smape, mase, *reference), smape, mase

    def error(self, origin: int, forecast: Floats, actual: Floats) -> float:
        """OWA."""
        return self.figures(origin, forecast, actual)[0]

    def naive(self, origin: int) -> Floats:
        """The seasonal naive forecast (series, horizon)."""
        forecast = np.full((len(self._panel.names), self._panel.horizon), np.nan)
        for index, history in self._at(origin):
            forecast[index] = seasonal_naive(history, self._panel.horizon, self._season_length)
        return forecast

    def _errors(self, origin: int, forecast: Floats, actual: Floats) -> tuple[float, float]:
        """Means over the series of sMAPE and MASE."""
        smape, mase = [], []
        for index, history in self._at(origin):
            known = ~np.isnan(actual[index])
            pair = actual[index][known], forecast[index][known]
            smape.append(symmetric_percentage_error(*pair))
            mase.append(scaled_error(*pair, history, self._season_length))
        return float(np.mean(smape)), float(np.nanmean(mase))

    def _naive2(self, origin: int) -> Floats:
        """The reference forecast of the competition (series, horizon)."""
        forecast = np.full((len(self._panel.names), self._panel.horizon), np.nan)
        for index, history in self._at(origin):
            forecast[index] = naive2(history, self._panel.horizon, self._season_length)
        return forecast

    def _histories(self, origin: int) -> list[tuple[int, Floats]]:
        """Position and history of each series that has one."""
        series = [(index, values[~np.isnan(values)]) for index, values in enumerate(self._panel.values[:, :origin])]
        return [(index, history) for index, history in series if len(history) > self._season_length]


def measure(folder: Path, frequency: str, seasons: tuple[int, ...], official_season: int, peer_season: int) -> None:
    """One frequency: our contest and the peers, side by side."""
    panel, followed = load(folder, frequency, seasons)
    judge = Judge(panel, official_season)
    origin = panel.steps

    def result(name: str, forecast: Floats, seconds: float | None = None, **kind: bool) -> Result:
        owa, smape, mase = judge.figures(origin, forecast, followed)
        return Result(name, owa, seconds, (("sMAPE", smape), ("MASE", mase)), **kind)

    rounds = compete(
        panel, [*origins_before(panel, origin, BACKTEST_ORIGINS), origin], judge.error, THREADS, True, WITHOUT
    )
    last = rounds[-1]
    results = [result("seasonal naive", judge.naive(origin))]
    if last.champion:
        results.append(result("Trendhouse, champion", last.forecasts[last.champion], is_ours=True))
    results += [
        result(f"Trendhouse, {name}", values, last.seconds[name]) for name, values in sorted(last.forecasts.items())
    ]
    peers = statistical(panel, origin, peer_season, STATISTICAL)
    results += [
        result(f"statsforecast {name}", found.values, found.seconds, is_peer=True) for name, found in peers.items()
    ]
    three, seconds = (
        np.stack([found.values for found in peers.values()]),
        sum(found.seconds for found in peers.values()),
    )
    results.append(result("statsforecast, mean of three", three.mean(axis=0), seconds, is_peer=True))
    results.append(result("statsforecast, median of three", np.median(three, axis=0), seconds, is_peer=True))
    show(f"M4 {frequency.lower()}", "OWA", results, "seasonal naive", [last.champion], digits=3)


if __name__ == "__main__":
    data = data_folder(__doc__, "m4", "Weekly-train.csv")
    measure(data, "Weekly", seasons=(52,), official_season=1, peer_season=52)
    measure(data, "Hourly", seasons=(24, 168), official_season=24, peer_season=24)

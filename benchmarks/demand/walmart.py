"""Walmart store sales: 3,331 weekly series, a year of rolling origins and one cut of 39 weeks, the peers beside us.

    python benchmarks/demand/walmart.py [--data DIR]

1. Rolling: every 8 weeks over the last year, 8 weeks ahead.
2. Cut: the last 39 weeks from the 104 before, as the competition asked.

The error is WMAE: mean absolute error, weeks with a holiday weigh 5. It is counted on the raw values, net returns (below 0) among them;
our algorithms forecast no less than 0. Known ahead are the calendar and its holidays; weather, fuel price, CPI and markdowns are not used. The
champion is chosen by back-test before each origin; the errors of all are shown, whoever was chosen.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from peers import boosted, seasonal_naive, statistical  # noqa: E402
from public_data import data_folder  # noqa: E402
from results import Result, show  # noqa: E402

from trendhouse.demand.contest import Round, actuals, compete  # noqa: E402
from trendhouse.demand.history import Floats  # noqa: E402
from trendhouse.demand.panel import Panel, origins_before  # noqa: E402
from trendhouse.evaluation.metrics import weighted_absolute_error  # noqa: E402

SEASON = 52
HOLIDAY_WEIGHT = 5.0
ROLLING_WEEKS = 8
CUT_WEEKS = 39
BACKTEST_ORIGINS = 4
THREADS = 2
# Their search, series by series and at every origin, would take longer than all the rest; the peers run the same methods once.
WITHOUT = ("exponential_smoothing", "theta")
LAGS, WINDOWS = (1, 2, 3, 4, 8, 13, 26, 52), (4, 13, 52)


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus 1991, the anonymous algorithm)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def load(folder: Path, horizon: int) -> tuple[Panel, Floats]:
    """The panel, and the weight of every week (weeks + horizon,)."""
    sales = pd.read_csv(folder / "train.csv.zip", parse_dates=["Date"])
    stores = pd.read_csv(folder / "stores.csv").set_index("Store")
    features = pd.read_csv(folder / "features.csv", parse_dates=["Date"])
    sales["name"] = sales["Store"].map("{:02d}".format) + "-" + sales["Dept"].map("{:02d}".format)
    grid = sales.pivot(index="name", columns="Date", values="Weekly_Sales").sort_index()
    weeks = [grid.columns[0] + timedelta(weeks=step) for step in range(grid.shape[1] + horizon)]
    if list(grid.columns) != weeks[: grid.shape[1]]:
        sys.exit("The weeks of train.csv do not follow one another.")
    names = grid.index.to_numpy().astype(str)
    # Weeks end on a Friday; the Sunday of Easter belongs to the week before it, in which is shopped for it.
    feasts = {easter(year) - timedelta(days=2) for year in range(weeks[0].year, weeks[-1].year + 1)}
    events = np.array(["easter" if week.date() in feasts else "" for week in weeks])
    flagged = features.groupby("Date")["IsHoliday"].max()
    holiday = np.array([float(flagged.get(week, False)) for week in weeks])
    store = np.array([name.split("-")[0] for name in names])
    panel = Panel(
        names,
        # A week without a line is not judged, and was not observed.
        grid.to_numpy(),
        horizon,
        season_lengths=(SEASON,),
        known={
            "is_holiday": holiday[None, :],
            "is_easter": (events == "easter").astype(float)[None, :],
            "week_of_year": np.array([float(week.isocalendar().week) for week in weeks])[None, :],
        },
        attributes={
            "store": store,
            "department": np.array([name.split("-")[1] for name in names]),
            "store_type": stores["Type"].reindex(store.astype(int)).to_numpy().astype(str),
        },
        pooled_by=("department",),
        events=events,
    )
    return panel, np.where(holiday > 0, HOLIDAY_WEIGHT, 1.0)


class Judge:
    """WMAE over series and weeks."""

    def __init__(self, panel: Panel, weights: Floats) -> None:
        """Take the weight of every week."""
        self._panel, self._weights = panel, weights

    def parts(self, origin: int, forecast: Floats, actual: Floats) -> tuple[Floats, Floats, Floats]:
        """Actuals, forecasts and weights of the rows that are judged, each 1-d."""
        known = ~np.isnan(actual)
        weight = np.broadcast_to(self._weights[origin : origin + actual.shape[1]], actual.shape)
        # A series that had no week yet is forecast with nothing.
        return actual[known], np.nan_to_num(forecast, nan=0.0)[known], weight[known]

    def error(self, origin: int, forecast: Floats, actual: Floats) -> float:
        """WMAE at one origin."""
        return weighted_absolute_error(*self.parts(origin, forecast, actual))

    def over(self, origins: list[int], forecasts: list[Floats]) -> float:
        """WMAE over several origins."""
        parts = [
            self.parts(origin, forecast, actuals(self._panel, origin, self._panel.steps))
            for origin, forecast in zip(origins, forecasts, strict=True)
        ]
        return weighted_absolute_error(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def measure(title: str, folder: Path, horizon: int, rounds: int) -> None:
    """One set of origins, the last a horizon before the end: our contest and the peers, side by side."""
    panel, weights = load(folder, horizon)
    judge = Judge(panel, weights)
    origins = [panel.steps - horizon * number for number in range(rounds, 0, -1)]
    before = origins_before(panel, origins[0], BACKTEST_ORIGINS)
    ours = compete(panel, [*before, *origins], judge.error, THREADS, False, WITHOUT)
    tested = [item for item in ours if item.origin in origins]
    results = [Result("52-week naive", judge.over(origins, [seasonal_naive(panel, at, SEASON) for at in origins]))]
    results += own_results(judge, tested)
    for name in ("AutoETS", "AutoTheta"):
        found = [statistical(panel, at, SEASON, [name])[name] for at in origins]
        values = judge.over(origins, [item.values for item in found])
        results.append(Result(f"statsforecast {name}", values, sum(item.seconds for item in found), is_peer=True))
    found = [boosted(panel, at, LAGS, WINDOWS) for at in origins]
    values = judge.over(origins, [item.values for item in found])
    results.append(Result("mlforecast LightGBM", values, sum(item.seconds for item in found), is_peer=True))
    show(title, "WMAE", results, reference="52-week naive", chosen=[item.champion for item in tested])


def own_results(judge: Judge, tested: list[Round]) -> list[Result]:
    """What was chosen at each origin, then every algorithm by itself."""
    origins = [item.origin for item in tested]
    chosen = [item.forecasts[item.champion] for item in tested if item.champion]
    results = [Result("Trendhouse, champion", judge.over(origins, chosen), is_ours=True)]
    for name in sorted(set.intersection(*(set(item.forecasts) for item in tested))):
        error = judge.over(origins, [item.forecasts[name] for item in tested])
        results.append(Result(f"Trendhouse, {name}", error, sum(item.seconds[name] for item in tested)))
    return results


if __name__ == "__main__":
    data = data_folder(__doc__, "walmart_store_sales", "train.csv.zip")
    measure("Walmart, the last 39 weeks", data, CUT_WEEKS, 1)
    measure("Walmart, a year of rolling origins, 8 weeks ahead", data, ROLLING_WEEKS, 6)

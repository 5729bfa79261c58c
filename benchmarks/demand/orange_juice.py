"""Orange juice: 11 brands in 83 stores, week by week, with prices, deals and features known ahead; MAPE, the peers beside us.

    python benchmarks/demand/orange_juice.py [--data DIR]

The set-up is that of the public study (Microsoft, Best Practices in Forecasting, 2020): weeks 40 to 135 are known, weeks 137 and 138 are forecast
(single round: LightGBM 35.6%, AutoARIMA 69.7%); then ten rounds two weeks apart, to week 156. The error is MAPE over all stores, brands and weeks.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import rdata

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from peers import boosted, seasonal_naive, statistical  # noqa: E402
from public_data import data_folder  # noqa: E402
from results import Result, show  # noqa: E402

from trendhouse.demand.contest import actuals, compete  # noqa: E402
from trendhouse.demand.history import Floats  # noqa: E402
from trendhouse.demand.panel import Panel, origins_before  # noqa: E402
from trendhouse.evaluation.metrics import absolute_percentage_error  # noqa: E402

FIRST_WEEK, FIRST_UNKNOWN_WEEK, LAST_WEEK = 40, 136, 156
# Weeks ahead, the first of which is not judged: it is over before the forecast can be acted on.
HORIZON, GAP = 3, 1
ROUNDS = 10
BRANDS = 11
BACKTEST_ORIGINS = 4
THREADS = 2
# Their search, series by series and at every origin, would take longer than all the rest; the peers run the same methods once.
WITHOUT = ("exponential_smoothing", "theta")
LAGS, WINDOWS = (1, 2, 3, 4, 8, 13, 26), (4, 13, 26)


def load(folder: Path) -> Panel:
    """Units sold by store and brand, with what is known ahead: own price, the price against all brands', deal, feature."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sales = rdata.read_rda(folder / "orangeJuice.rda")["orangeJuice"]["yx"]
    sales = sales[sales["week"] <= LAST_WEEK].astype({"store": int, "brand": int, "week": int})
    sales["name"] = sales["store"].map("{:03d}".format) + "-" + sales["brand"].map("{:02d}".format)
    prices = sales[[f"price{brand}" for brand in range(1, BRANDS + 1)]].to_numpy()
    own = prices[np.arange(len(sales)), sales["brand"].to_numpy() - 1]
    sales["log_price"] = np.log(own)
    sales["relative_log_price"] = np.log(own) - np.log(prices.mean(axis=1))
    sales["units"] = np.exp(sales["logmove"])
    weeks = range(FIRST_WEEK, LAST_WEEK + 1)

    def grid(column: str) -> Floats:
        return (
            sales.pivot(index="name", columns="week", values=column).sort_index().reindex(columns=weeks).to_numpy(float)
        )

    values = grid("units")
    names = np.array(sorted(sales["name"].unique()))
    known = {name: _reaching(grid(name)) for name in ("log_price", "relative_log_price", "deal", "feat")}
    store, brand = (np.array([name.split("-")[part] for name in names]) for part in (0, 1))
    return Panel(names, values, HORIZON, (52,), known, {"store": store, "brand": brand}, pooled_by=("brand",))


def _reaching(known: Floats) -> Floats:
    """Known-ahead values to the horizon beyond the last week, which no origin looks at."""
    return np.concatenate([known, np.full((len(known), HORIZON), np.nan)], axis=1)


def judged(actual: Floats) -> Floats:
    """Actuals without the weeks of the gap."""
    actual = actual.copy()
    actual[:, :GAP] = np.nan
    return actual


def error(origin: int, forecast: Floats, actual: Floats) -> float:
    """MAPE at one origin."""
    actual = judged(actual)
    known = ~np.isnan(actual)
    return absolute_percentage_error(actual[known], np.nan_to_num(forecast, nan=0.0)[known])


def measure(folder: Path) -> None:
    """Single round and all rounds, our contest and the peers side by side."""
    panel = load(folder)
    first = FIRST_UNKNOWN_WEEK - FIRST_WEEK
    origins = [first + 2 * number for number in range(ROUNDS)]
    rounds = compete(
        panel,
        [*origins_before(panel, first, BACKTEST_ORIGINS), *origins],
        error,
        THREADS,
        is_scale_free=True,
        without=WITHOUT,
    )
    tested = [item for item in rounds if item.origin in origins]
    ours = {
        f"Trendhouse, {name}": ([item.forecasts[name] for item in tested], sum(item.seconds[name] for item in tested))
        for name in sorted(set.intersection(*(set(item.forecasts) for item in tested)))
    }
    champions = [item.forecasts[item.champion] for item in tested if item.champion]
    peers = {}
    for name in ("AutoETS", "AutoTheta"):
        found = [statistical(panel, at, 52, [name])[name] for at in origins]
        peers[f"statsforecast {name}"] = ([item.values for item in found], sum(item.seconds for item in found))
    found = [boosted(panel, at, LAGS, WINDOWS) for at in origins]
    peers["mlforecast LightGBM"] = ([item.values for item in found], sum(item.seconds for item in found))
    naive = [seasonal_naive(panel, at, 1) for at in origins]

    for title, count in (("single round, weeks 137 and 138", 1), ("ten rounds, weeks 137 to 156", ROUNDS)):

        def over(forecasts: list[Floats], count: int = count) -> float:
            parts = [
                (np.ravel(forecast[:, GAP:]), np.ravel(actuals(panel, at, panel.steps)[:, GAP:]))
                for at, forecast in zip(origins[:count], forecasts[:count], strict=True)
            ]
            forecast, actual = (np.concatenate(column) for column in zip(*parts, strict=True))
            known = ~np.isnan(actual)
            return absolute_percentage_error(actual[known], np.nan_to_num(forecast, nan=0.0)[known])

        results = [Result("naive", over(naive)), Result("Trendhouse, champion", over(champions), is_ours=True)]
        results += [Result(name, over(values), seconds * count / ROUNDS) for name, (values, seconds) in ours.items()]
        results += [
            Result(name, over(values), seconds * count / ROUNDS, is_peer=True)
            for name, (values, seconds) in peers.items()
        ]
        show(f"Orange juice, {title}", "MAPE %", results, "naive", [item.champion for item in tested[:count]])


if __name__ == "__main__":
    measure(data_folder(__doc__, "orange_juice", "orangeJuice.rda"))

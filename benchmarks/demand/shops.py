"""Complete Journey and Online Retail: the warehouse's own forecasts by category and week, the peers beside them.

    python benchmarks/demand/shops.py [--data DIR] [--warehouses DIR]

Each example shop is loaded and built with dbt, as its README says; --warehouses keeps the built files in a folder, and measures those that lie
there already. Ours are the champion's back-test forecasts by category and week, made at each origin from what was known then, with the quantiles
that the warehouse gives them (ml_demand__category_calibration): learnt from the other origins, as those of pred_demand_weekly are from all. The
peers are fitted on the weekly sums of the same products up to the same origin, and judged on the same weeks: WAPE, pinball loss at 0.1, 0.5 and
0.9, in units per category and week, and the share of weeks within the 80% band, both ends included. The peers' quantiles are their own.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from example_shops import built, table_of  # noqa: E402
from peers import boosted, seasonal_naive, statistical  # noqa: E402
from public_data import DEFAULT_DATA  # noqa: E402
from results import Result, show  # noqa: E402

from trendhouse.demand.history import Floats  # noqa: E402
from trendhouse.demand.panel import Panel  # noqa: E402
from trendhouse.evaluation.metrics import pinball_loss, wape  # noqa: E402

LEVELS = (0.1, 0.5, 0.9)
HORIZON_WEEKS = 4
LAGS, WINDOWS = (1, 2, 3, 4, 8), (4, 8)
# A season of 52 weeks can be told from two years only; these shops have one.
SEASON = 1


@dataclass(frozen=True)
class Origin:
    """One back-test origin: what sold by category and week before it (categories, weeks) and after, what the champion forecast, its quantiles."""

    panel: Panel
    actual: Floats
    forecast: Floats
    quantiles: dict[float, Floats]


def origins_of(warehouse: Path) -> tuple[str, list[Origin]]:
    """The champion's algorithm, and its back-test by origin, oldest first."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        backtest, calibration, standings, products, weeks = (
            table_of(connection, name)
            for name in (
                "ml_demand__backtest",
                "ml_demand__category_calibration",
                "ml_demand__standings",
                "dim_products",
                "feat_demand_weeks",
            )
        )
        champion = connection.execute(f"select fit_id, algorithm from {standings} where is_champion").fetchone()
        if not champion:
            sys.exit("The warehouse has no demand champion.")
        connection.execute(
            f"""
            create temp table judged as
            select distinct backtest.as_of_date, backtest.product_id, products.category
            from {backtest} as backtest
            inner join {products} as products on backtest.product_id = products.product_id
            where backtest.fit_id = ? and not backtest.is_warm_up
            """,
            [champion[0]],
        )
        dates = [row[0] for row in connection.execute("select distinct as_of_date from judged order by 1").fetchall()]
        return champion[1], [_origin(connection, calibration, weeks, at) for at in dates]


def _origin(connection: duckdb.DuckDBPyConnection, calibration: str, weeks: str, at: date) -> Origin:
    """One origin; weeks of the products that the back-test forecasts there."""
    past = connection.execute(
        f"""
        select judged.category, datediff('day', weeks.as_of_date, ?) // 7 as weeks_ago, sum(weeks.clean_units)
        from {weeks} as weeks
        inner join judged
            on weeks.product_id = judged.product_id
        where judged.as_of_date = ? and weeks.as_of_date <= ?
        group by all
        """,
        [at, at, at],
    ).fetchall()
    ahead = connection.execute(
        f"""
        select category, horizon_week, actual_units, mean_units, p10_units, p50_units, p90_units
        from {calibration} where as_of_date = ?
        """,
        [at],
    ).fetchall()
    names = np.array(sorted({row[0] for row in ahead}))
    position = {name: index for index, name in enumerate(names)}
    length = max(row[1] for row in past) + 1
    values = np.zeros((len(names), length))
    for category, weeks_ago, units in past:
        values[position[category], length - 1 - weeks_ago] = units or 0.0
    # What sold, the mean and the quantiles.
    figures = np.zeros((2 + len(LEVELS), len(names), HORIZON_WEEKS))
    for category, week, *units in ahead:
        figures[:, position[category], week - 1] = units
    known = np.array(
        [float((at + timedelta(weeks=step - length)).isocalendar().week) for step in range(length + HORIZON_WEEKS)]
    )
    panel = Panel(names, values, HORIZON_WEEKS, known={"week_of_year": known[None, :]}, attributes={"category": names})
    actual, forecast, *quantiles = figures
    return Origin(panel, actual, forecast, dict(zip(LEVELS, quantiles, strict=True)))


def result(
    name: str,
    origins: list[Origin],
    forecasts: list[Floats],
    quantiles: list[dict[float, Floats]],
    seconds: float | None = None,
    **kind: bool,
) -> Result:
    """WAPE, pinball losses and the share within the 80% band over all origins, categories and weeks."""
    actual = np.concatenate([item.actual.ravel() for item in origins])
    forecast = np.concatenate([np.maximum(np.ravel(values), 0.0) for values in forecasts])
    joined = {
        level: np.concatenate([np.maximum(np.ravel(values[level]), 0.0) for values in quantiles]) for level in LEVELS
    }
    losses = {f"pinball {level}": pinball_loss(actual, quantile, level) for level, quantile in joined.items()}
    mean = float(np.mean(list(losses.values())))
    inside = float(np.mean((actual >= joined[LEVELS[0]]) & (actual <= joined[LEVELS[-1]])))
    more = (*losses.items(), ("mean pinball", mean), ("band 80%", inside))
    return Result(name, wape(actual, forecast), seconds, more, **kind)


def measure(shop: str, warehouse: Path, seconds: float) -> None:
    """One shop: the champion and the peers, side by side."""
    algorithm, origins = origins_of(warehouse)
    if not origins:
        print(f"{shop}: the warehouse has no back-test.")
        return
    results = [
        result(
            "Trendhouse, champion (whole build)",
            origins,
            [item.forecast for item in origins],
            [item.quantiles for item in origins],
            seconds,
            is_ours=True,
        )
    ]
    naive = [seasonal_naive(item.panel, item.panel.steps, 1) for item in origins]
    results.append(result("last week", origins, naive, [dict.fromkeys(LEVELS, values) for values in naive]))
    peers = {
        f"statsforecast {name}": [
            statistical(item.panel, item.panel.steps, SEASON, [name], LEVELS)[name] for item in origins
        ]
        for name in ("AutoETS", "AutoTheta")
    }
    peers["mlforecast LightGBM"] = [boosted(item.panel, item.panel.steps, LAGS, WINDOWS, LEVELS) for item in origins]
    for name, found in peers.items():
        results.append(
            result(
                name,
                origins,
                [item.values for item in found],
                [dict(item.quantiles) for item in found],
                sum(item.seconds for item in found),
                is_peer=True,
            )
        )
    categories = max(len(item.panel.names) for item in origins)
    title = f"{shop}: {categories} categories x {HORIZON_WEEKS} weeks at {len(origins)} origins"
    show(title, "WAPE", results, "last week", [algorithm], digits=3)


def main() -> None:
    """Build what is not built, measure both shops; exit status 3 where nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_DATA, help="folder of the public data sets (Online Retail)"
    )
    parser.add_argument("--warehouses", type=Path, help="folder that keeps the built warehouses")
    options = parser.parse_args()
    measured = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.warehouses or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        # Complete Journey comes as a Python package, which its loader finds.
        for shop, arguments in {
            "online_retail": ["--data", str(options.data.resolve())],
            "complete_journey": [],
        }.items():
            started = time.monotonic()
            warehouse = built(shop, arguments, folder)
            if warehouse is not None:
                measure(shop, warehouse, time.monotonic() - started)
                measured += 1
    sys.exit(0 if measured else 3)


if __name__ == "__main__":
    main()

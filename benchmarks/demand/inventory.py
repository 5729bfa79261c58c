"""What reordering by plan_inventory costs against textbook rules, replayed day by day on demand the plans have not seen.

    python benchmarks/demand/inventory.py --scale 1 --seed 1

A shop is simulated and built as of one date every two weeks; each build sees only what was known then. From its first date on
four shops trade side by side, each with the same stock at the start, the same delivery times, costs, and days on which orders are
placed. On each date each shop takes the levels (s, S) of its rule; every week, below s, it orders up to S. Day by day the units
really asked for (`truth_demand.demanded_units`, not cut off by stock) are served from what is in stock, and what is not is lost.
The first four weeks, in which the stock at the start still counts, are traded and not billed.

- plan_inventory: reorder point and order-up-to level of the table, dead products not ordered.
- normal errors: mean of the last 28 days, standard deviation of daily sales of 91 days, normal distribution over lead time and review
  period (Silver, Pyke and Thomas 2017, section 6), the plan's lot size formula and critical ratio.
- ETS, normal errors: exponential smoothing of 98 days by statsforecast, ETS(A,N,N), and the variance that the model gives a sum of
  days (Hyndman, Koehler, Ord and Snyder 2008, section 6); for the rest the same.
- naive: the same with the last seven days as the forecast and the standard deviation of week-on-week differences.

Cost is holding, per unit and night, plus margin of sales lost, plus orders placed, at the rates of seeds/policy/inventory_policy.csv.
Exit code 1 when plan_inventory does not cost less than all of them.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from scipy.stats import norm
from statsforecast.models import AutoETS

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from measuring import build_environment, dbt_command, load_command, measure, simulate_command

Floats = NDArray[np.float64]

HIGHEST_SERVICE_LEVEL = 0.999
# Days of recent sales, beyond a lead time, in stock at the start; the counts of the raw shop play no part.
START_DAYS = 14
ORIGIN_DAYS = 14
REVIEW_DAYS = 7
# Known days that exponential smoothing is fitted on at least; below, the mean and standard deviation of those there are.
LEAST_DAYS = 14
UNBILLED_DAYS = 28


@dataclass
class Bill:
    """What one rule has cost, and what it served."""

    holding: float = 0.0
    shortage: float = 0.0
    ordering: float = 0.0
    demanded: float = 0.0
    served: float = 0.0
    stock_days: float = 0.0

    @property
    def total(self) -> float:
        """Holding, shortage and ordering together."""
        return self.holding + self.shortage + self.ordering


class Shop:
    """One rule's warehouse: stock on hand and deliveries under way, by product."""

    def __init__(self) -> None:
        """Nothing in stock yet."""
        self.on_hand: dict[str, float] = {}
        self.due: dict[str, list[tuple[date, float]]] = {}
        self.bill = Bill()

    def review(self, today: date, levels: pd.DataFrame) -> None:
        """Order every product that is below its reorder point up to its order-up-to level."""
        for row in levels.itertuples():
            position = self.on_hand[row.product_id] + sum(units for _, units in self.due[row.product_id])
            if position < row.reorder_point and row.order_up_to > position:
                arrives = today + timedelta(days=int(row.lead_time_days))
                self.due[row.product_id].append((arrives, row.order_up_to - position))
                self.bill.ordering += row.order_cost_amount

    def trade(self, today: date, terms: pd.DataFrame, demanded: dict[str, float]) -> None:
        """One day: deliveries come in, customers are served, the night's stock is paid for."""
        for row in terms.itertuples():
            product, due = row.product_id, self.due[row.product_id]
            self.on_hand[product] += sum(units for arrives, units in due if arrives <= today)
            self.due[product] = [(arrives, units) for arrives, units in due if arrives > today]
            asked = demanded.get(product, 0.0)
            served = min(asked, self.on_hand[product])
            self.on_hand[product] -= served
            self.bill.demanded += asked
            self.bill.served += served
            self.bill.shortage += (asked - served) * row.shortage_unit_amount
            self.bill.holding += self.on_hand[product] * row.holding_day_amount
            self.bill.stock_days += self.on_hand[product]


def textbook_levels(terms: pd.DataFrame, daily: Floats, deviation: Floats) -> pd.DataFrame:
    """Reorder point and order-up-to level with normal errors, from forecast and standard deviation of a day (products,)."""
    holding, underage = (terms[name].to_numpy() for name in ("holding_day_amount", "shortage_unit_amount"))
    review, days = (terms[name].to_numpy() for name in ("review_period_days", "protection_days"))
    lot = np.sqrt(2 * terms["order_cost_amount"].to_numpy() * daily / holding)
    lot = np.maximum(np.maximum(np.round(lot), np.ceil(daily * review)), 1)
    cycle = np.maximum(np.divide(lot, daily, out=np.full(len(daily), np.inf), where=daily > 0), review)
    level = np.minimum(underage / (underage + holding * cycle), HIGHEST_SERVICE_LEVEL)
    wanted = daily * days + norm.ppf(np.maximum(level, 1e-9)) * deviation * np.sqrt(days)
    reorder = np.where(daily > 0, np.maximum(np.ceil(wanted), 0), 0)
    return terms.assign(reorder_point=reorder, order_up_to=np.where(reorder > 0, reorder - 1 + lot, 0))


def past_sales(connection: duckdb.DuckDBPyConnection, products: list[str], as_of: date) -> Floats:
    """Units per product and each of the 98 days before a date, oldest first; NaN where not on sale or out of stock."""
    rows = connection.execute(
        "select product_id, sales_date, units - outlier_units as units from main_core.fct_sales_daily "
        "where sales_date >= ? and sales_date < ? and not is_stock_out",
        [as_of - timedelta(days=98), as_of],
    ).df()
    days = pd.date_range(as_of - timedelta(days=98), periods=98)
    table = rows.pivot(index="product_id", columns="sales_date", values="units")
    return np.asarray(table.reindex(index=products, columns=days).to_numpy(), dtype=np.float64)


def mean_of(values: Floats) -> Floats:
    """Mean per row of what is known; 0 for a row of which nothing is."""
    known = np.sum(np.isfinite(values), axis=1)
    return np.asarray(np.nansum(values, axis=1) / np.maximum(known, 1))


def deviation_of(values: Floats) -> Floats:
    """Standard deviation per row of what is known; 0 for a row of which nothing is."""
    return np.sqrt(mean_of((values - mean_of(values)[:, None]) ** 2))


def smoothed(sales: Floats, days: Floats) -> tuple[Floats, Floats]:
    """Daily forecast and standard deviation of a sum of `days` days over the root of days, by ETS(A,N,N), per product."""
    daily, deviation = mean_of(sales[:, -28:]), deviation_of(sales)
    for number, (row, length) in enumerate(zip(sales, days, strict=True)):
        known = row[np.isfinite(row)]
        if len(known) >= LEAST_DAYS and known.std() > 0:
            model = AutoETS(season_length=1, model="ANN").fit(known).model_
            weights = 1 + model["par"][0] * np.arange(length)
            daily[number] = max(float(model["states"][-1][0]), 0.0)
            deviation[number] = np.sqrt(model["sigma2"] * np.mean(weights**2))
    return daily, deviation


@dataclass(frozen=True)
class Origin:
    """One date: terms of the products that can be judged, recent daily units, and each rule's levels."""

    day: date
    terms: pd.DataFrame
    recent: Floats
    levels: dict[str, pd.DataFrame]


def read_origin(warehouse: Path, day: date) -> Origin:
    """What the rules know and say on one date, from the warehouse built as of it."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        terms = connection.execute(
            """
            select t.product_id, t.lead_time_days, t.review_period_days, t.protection_days, t.holding_day_amount, t.shortage_unit_amount,
                t.order_cost_amount, p.reorder_point_units, p.order_up_to_units, p.stock_status
            from main_ml.ml_demand__replenishment as t
            inner join main_predictions.plan_inventory as p on t.product_id = p.product_id
            inner join main_core.dim_products as d on t.product_id = d.product_id
            where t.is_cost_ratio and d.launched_date < t.as_of_date
            order by t.product_id
            """
        ).df()
        sales = past_sales(connection, terms["product_id"].tolist(), day)
    dead = (terms["stock_status"] == "dead").to_numpy()
    ours = terms.assign(
        reorder_point=np.where(dead, 0, terms["reorder_point_units"]), order_up_to=terms["order_up_to_units"]
    )
    recent = mean_of(sales[:, -28:])
    levels = {
        "plan_inventory": ours,
        "(s, S), normal errors": textbook_levels(terms, recent, deviation_of(sales[:, 7:])),
        "(s, S), ETS, normal errors": textbook_levels(terms, *smoothed(sales, terms["protection_days"].to_numpy())),
        "(s, S), naive forecast": textbook_levels(
            terms, mean_of(sales[:, -7:]), deviation_of(sales[:, 7:] - sales[:, :-7])
        ),
    }
    return Origin(day, terms, recent, levels)


def replay(origins: list[Origin], demanded: dict[date, dict[str, float]]) -> dict[str, Bill]:
    """Trade from the first origin to ORIGIN_DAYS after the last under each rule; what it cost after UNBILLED_DAYS."""
    shops = {name: Shop() for name in origins[0].levels}
    for origin in origins:
        for name, shop in shops.items():
            for row, recent in zip(origin.terms.itertuples(), origin.recent, strict=True):
                if row.product_id not in shop.on_hand:
                    shop.on_hand[row.product_id] = float(np.ceil(recent * (row.lead_time_days + START_DAYS)))
                    shop.due[row.product_id] = []
            for day in (origin.day + timedelta(days=number) for number in range(ORIGIN_DAYS)):
                if (day - origins[0].day).days == UNBILLED_DAYS:
                    shop.bill = Bill()
                if (day - origin.day).days % REVIEW_DAYS == 0:
                    shop.review(day, origin.levels[name])
                shop.trade(day, origin.terms, demanded.get(day, {}))
    return {name: shop.bill for name, shop in shops.items()}


def compared(scale: float, seed: int, count: int, project: Path, work: Path, show: Progress) -> dict[str, Bill]:
    """Simulate a shop, build it as of `count` dates, and replay from the first to the end of the shop's history."""
    raw, warehouse, log = work / "raw", work / "warehouse.duckdb", work / "log.txt"
    environment = build_environment(warehouse)
    task = show.add_task("simulating", total=None)
    measure(simulate_command(scale, seed, raw), project, environment, log)
    measure(load_command(raw, warehouse), project, environment, log)
    truth = duckdb.sql(
        f"select date, product_id, demanded_units from '{raw / 'truth_demand.parquet'}' where demanded_units > 0"
    ).fetchall()
    demanded: dict[date, dict[str, float]] = {}
    for day, product, units in truth:
        demanded.setdefault(day, {})[product] = float(units)
    last = max(demanded)

    build = ["build", "--select", "+plan_inventory", "--exclude", "resource_type:test", "resource_type:unit_test"]
    origins = []
    for number in range(count):
        day = last + timedelta(days=1) - timedelta(days=ORIGIN_DAYS * (count - number))
        show.update(task, description=f"building as of {day} ({number + 1} of {count})")
        # Trained every four weeks; between, scored with the latest model.
        command = dbt_command(build, project, work, trendhouse_as_of_date=str(day), trendhouse_retrain_days=28)
        measure(command, project, environment, log)
        origins.append(read_origin(warehouse, day))
    show.update(task, description="replaying")
    return replay(origins, demanded)


def bill_table(bills: dict[str, Bill], days: int) -> Table:
    """One row per rule, cost against the first."""
    table = Table(title=f"{days} days of trade", title_justify="left")
    for heading in ("rule", "cost", "to the plan", "holding", "sales lost", "orders", "fill rate", "mean stock"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    first = next(iter(bills.values()))
    for name, bill in bills.items():
        table.add_row(
            name,
            f"{bill.total:,.0f}",
            f"{bill.total / first.total - 1:+.1%}",
            f"{bill.holding:,.0f}",
            f"{bill.shortage:,.0f}",
            f"{bill.ordering:,.0f}",
            f"{bill.served / bill.demanded:.1%}",
            f"{bill.stock_days / days:,.0f}",
        )
    return table


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="scale of the simulated shop")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated shop")
    parser.add_argument(
        "--origins", type=int, default=8, help="dates to plan on, two weeks apart, at least 3 (default 8)"
    )
    parser.add_argument("--project-dir", type=Path, default=Path(__file__).resolve().parents[2])
    arguments = parser.parse_args()
    if arguments.origins * ORIGIN_DAYS <= UNBILLED_DAYS:
        parser.error("--origins must be at least 3: the first two are not billed")

    console = Console(width=None if sys.stdout.isatty() else 140)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    errors = Console(stderr=True)
    with (
        Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as show,
        tempfile.TemporaryDirectory(prefix="trendhouse-inventory-") as work,
    ):
        project = arguments.project_dir.resolve()
        bills = compared(arguments.scale, arguments.seed, arguments.origins, project, Path(work), show)
    console.print(bill_table(bills, arguments.origins * ORIGIN_DAYS - UNBILLED_DAYS))
    ours, *others = bills.values()
    worse = ours.total >= min(other.total for other in others)
    console.print(f"plan_inventory costs {'no less than the best of the other rules' if worse else 'least'}.")
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()

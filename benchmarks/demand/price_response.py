"""How well price responses are measured: orange juice (public data), and demo shops whose elasticities are known.

    python benchmarks/demand/price_response.py --scales 1,3 --seeds 7

Orange juice (Dominick's, 11 brands in 83 stores, weekly; `orangeJuice` of the R package bayesm, read from --data): own-price elasticity of
each brand through the library, beside a plain log-log regression. Needs `pip install rdata`; without it or the file that part is skipped.

Demo shops: each scale and seed is simulated and built up to plan_prices, as of 28 days before its end. Elasticities are held against the
planted ones, by category path (37 of them) and by top-level category, beside a naive pooled log-log regression of the same cells. Plans are
held against the profit that keeping all prices would bring and that an oracle would who knows every elasticity and keeps the same
guardrails, at the demand that the simulator expects in those 28 days.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from trendhouse.pricing import price_response

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from measuring import build_environment, dbt_command, load_command, measure, simulate_command  # noqa: E402

Z_95 = 1.959963984540054
WIDE_STEP = 0.5
BRANDS = (
    "Tropicana Premium 64 oz",
    "Tropicana Premium 96 oz",
    "Florida's Natural 64 oz",
    "Tropicana 64 oz",
    "Minute Maid 64 oz",
    "Minute Maid 96 oz",
    "Citrus Hill 64 oz",
    "Tree Fresh 64 oz",
    "Florida Gold 64 oz",
    "Dominick's 64 oz",
    "Dominick's 128 oz",
)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BrandResult:
    """Own-price elasticity of one brand, 95% intervals."""

    brand: str
    elasticity: float
    low: float
    high: float
    naive: float
    naive_low: float
    naive_high: float


@dataclass(frozen=True)
class ShopResult:
    """One demo shop: how near elasticities came to the truth, and plans to the oracle."""

    scale: float
    seed: int
    paths: int
    paths_within_25: float
    categories_within_25: float
    bias: float
    rmse: float
    path_interval_coverage: float
    product_interval_coverage: float
    naive_paths_within_25: float
    naive_categories_within_25: float
    naive_bias: float
    kept_profit: float
    plan_gain: float
    oracle_gain: float
    recovered: float
    naive_recovered: float
    wide_recovered: float
    wide_naive_recovered: float


# ---- Orange juice -----------------------------------------------------------------------------------------------------


def read_orange_juice(path: Path) -> Any:
    """Data frame: store, brand (1 to 11), week, logmove, price1 ... price11 (dollars an ounce), deal, feat."""
    import rdata

    return rdata.read_rda(str(path), default_encoding="utf-8")["orangeJuice"]["yx"]


def orange_juice(path: Path) -> list[BrandResult]:
    """Elasticities of the 11 brands, pooled over stores."""
    data = read_orange_juice(path)
    columns = {name: data[name].to_numpy(dtype=np.float64) for name in data.columns}
    brand = columns["brand"].astype(np.int64)
    log_price = np.log(
        64 * np.column_stack([columns[f"price{n}"] for n in range(1, 12)])[np.arange(len(brand)), brand - 1]
    )
    # A deal is a coupon or price mark in the shop, a feature an advertisement of the week; some stores may run one and others not.
    featured = columns["feat"] > 0.5
    kinds = np.where(
        columns["deal"] > 0, np.where(featured, "deal and feature", "deal"), np.where(featured, "feature", "none")
    )
    week_start = np.array([date(1990, 1, 1) + timedelta(days=7 * int(week)) for week in columns["week"]])
    product = [f"{b:02d} in {int(s)}" for b, s in zip(brand, columns["store"], strict=True)]
    cells = pa.table(
        {
            "product_id": product,
            "promotion_kind": kinds,
            "price_amount": np.exp(log_price),
            "units": np.exp(columns["logmove"]),
            "exposure_days": np.full(len(brand), 7),
            "period_start_date": pa.array(week_start, pa.date32()),
            "is_near_festival": np.zeros(len(brand), dtype=np.bool_),
            "as_of_date": pa.array(week_start, pa.date32()),
        }
    )
    names = sorted(set(product))
    products = pa.table(
        {
            "product_id": names,
            "category": ["orange juice"] * len(names),
            "subcategory": [name[:2] for name in names],
            "category_path": [name[:2] for name in names],
            "price_amount": np.ones(len(names)),
            "units": np.ones(len(names)),
            "as_of_date": pa.array([week_start.max()] * len(names), pa.date32()),
        }
    )
    fitted = price_response.fit(cells, products)
    level = fitted.posterior.levels[1]
    results = []
    for index, label in enumerate(fitted.paths):
        rows = brand == int(label)
        naive, error = regression(
            columns["logmove"][rows], log_price[rows], np.column_stack([columns["deal"][rows], columns["feat"][rows]])
        )
        mean, sd = level.mean[index], level.sd[index]
        bounds = (mean - Z_95 * sd, mean + Z_95 * sd, naive, naive - Z_95 * error, naive + Z_95 * error)
        results.append(BrandResult(BRANDS[int(label) - 1], float(mean), *(float(bound) for bound in bounds)))
    return results


def regression(log_units: Floats, log_price: Floats, controls: Floats) -> tuple[float, float]:
    """Slope of the price in an ordinary least-squares regression with intercept, and its standard error."""
    design = np.column_stack([log_price, np.ones(len(log_price)), controls])
    solution, _, rank, _ = np.linalg.lstsq(design, log_units, rcond=None)
    residual = log_units - design @ solution
    variance = residual @ residual / max(len(log_units) - rank, 1)
    return float(solution[0]), float(np.sqrt(variance * np.linalg.pinv(design.T @ design)[0, 0]))


# ---- Demo shops -------------------------------------------------------------------------------------------------------


def build_shop(scale: float, seed: int, work: Path) -> Path:
    """Simulate a shop and build it up to plan_prices as of 28 days before its end; returns the warehouse."""
    raw, warehouse, log = work / "raw", work / "warehouse.duckdb", work / "log.txt"
    environment = build_environment(warehouse)
    measure(simulate_command(scale, seed, raw), work, environment, log)
    measure(load_command(raw, warehouse), work, environment, log)
    last = duckdb.sql(f"select max(date) from '{raw}/truth_demand.parquet'").fetchall()[0][0]
    build = ["build", "-s", "+plan_prices", "--exclude", "resource_type:test", "resource_type:unit_test"]
    as_of_date = str(last - timedelta(days=27))
    measure(dbt_command(build, ROOT, work, trendhouse_as_of_date=as_of_date), ROOT, environment, log)
    return warehouse


def judge_shop(scale: float, seed: int, warehouse: Path, truth: Path) -> ShopResult:
    """Hold elasticities and plans against what was planted."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        cells = connection.execute(
            f"select {', '.join(price_response.CELL_COLUMNS)} from main_features.feat_pricing_cells"
        ).to_arrow_table()
        products = connection.execute("select * from main_ml.ml_pricing__products").to_arrow_table()
        connection.execute(f"create temp view elasticities as select * from '{truth}/truth_elasticity.parquet'")
        connection.execute(f"create temp view demand as select * from '{truth}/truth_demand.parquet'")
        naive = naive_elasticities(connection)
        rows = connection.execute(
            """
            select responses.product_id, elasticities.category, responses.elasticity, elasticities.elasticity,
                elasticities.elasticity between responses.p10_elasticity and responses.p90_elasticity
            from main_predictions.pred_price_response as responses
            inner join elasticities on responses.product_id = elasticities.product_id
            order by responses.product_id"""
        ).fetchall()
        plans = connection.execute(
            """
            with units as (
                select demand.product_id, sum(demand.expected_units) as units
                from demand
                cross join main_core.dim_as_of as as_of
                where demand.date >= as_of.as_of_date
                group by demand.product_id
            )

            select plans.product_id, plans.current_price_amount, plans.planned_price_amount, plans.unit_cost_amount, units.units,
                elasticities.elasticity, products.list_price_amount
            from main_predictions.plan_prices as plans
            inner join units on plans.product_id = units.product_id
            inner join elasticities on plans.product_id = elasticities.product_id
            inner join main_core.dim_products as products on plans.product_id = products.product_id
            where plans.planned_price_amount is not null
            order by plans.product_id"""
        ).fetchall()
        rules = connection.execute("select * from main_policy.price_guardrails where category = 'default'").fetchall()[
            0
        ][1:]

    path = np.array([row[1] for row in rows])
    top = np.array([label.split(" > ")[0] for label in path])
    estimated, planted, covered = (np.array([row[n] for row in rows], dtype=np.float64) for n in (2, 3, 4))
    guessed = np.array([naive.get(row[1], np.nan) for row in rows])
    by_path, by_top = np.unique(path), np.unique(top)

    def means(values: Floats, group: NDArray[np.str_], groups: NDArray[np.str_]) -> Floats:
        return np.array([values[group == name].mean() for name in groups])

    def near(values: Floats, group: NDArray[np.str_], groups: NDArray[np.str_]) -> float:
        return float(np.mean(np.abs(means(values, group, groups) / means(planted, group, groups) - 1) < 0.25))

    errors = means(estimated, path, by_path) - means(planted, path, by_path)
    fitted = price_response.fit(cells, products)
    posterior = {
        label: (fitted.posterior.levels[1].mean[index], fitted.posterior.levels[1].sd[index])
        for index, label in enumerate(fitted.paths)
    }
    inside = [
        abs(posterior[name][0] - planted[path == name].mean()) < price_response.Z_90 * posterior[name][1]
        for name in by_path
        if name in posterior
    ]

    path_of = {row[0]: row[1] for row in rows}
    slope_of = {row[0]: row[2] for row in rows}
    kept, oracle, by_naive = 0.0, np.zeros(2), np.zeros(2)
    by_estimate = np.zeros(2)
    plan = 0.0
    for product, current, planned, cost, units, elasticity, list_price in plans:
        margin_floor, largest_rise, largest_cut, *rest = rules[:6]

        def profit(
            price: float,
            current: float = current,
            cost: float = cost,
            units: float = units,
            elasticity: float = elasticity,
        ) -> float:
            return float((price - cost) * units * (price / current) ** elasticity)

        kept += profit(current)
        plan += profit(planned)
        # As the policy has it, and with steps so wide that knowing only which way to go is not enough.
        for index, (rise, cut) in enumerate([(largest_rise, largest_cut), (WIDE_STEP, WIDE_STEP)]):
            prices = allowed_prices(current, cost, None if index else list_price, margin_floor, rise, cut, *rest)

            def best(slope: float, prices: Floats = prices, current: float = current, cost: float = cost) -> float:
                return float(prices[np.argmax((prices - cost) * (prices / current) ** slope)])

            oracle[index] += profit(best(elasticity))
            by_estimate[index] += profit(best(slope_of[product]))
            by_naive[index] += profit(best(naive.get(path_of[product], -1.0)))
    return ShopResult(
        scale=scale,
        seed=seed,
        paths=len(by_path),
        paths_within_25=near(estimated, path, by_path),
        categories_within_25=near(estimated, top, by_top),
        bias=float(errors.mean()),
        rmse=float(np.sqrt(np.mean(errors**2))),
        path_interval_coverage=float(np.mean(inside)),
        product_interval_coverage=float(covered.mean()),
        naive_paths_within_25=near(guessed, path, by_path),
        naive_categories_within_25=near(guessed, top, by_top),
        naive_bias=float(np.nanmean(means(guessed, path, by_path) - means(planted, path, by_path))),
        kept_profit=kept,
        plan_gain=plan - kept,
        oracle_gain=float(oracle[0] - kept),
        recovered=float((plan - kept) / (oracle[0] - kept)),
        naive_recovered=float((by_naive[0] - kept) / (oracle[0] - kept)),
        wide_recovered=float((by_estimate[1] - kept) / (oracle[1] - kept)),
        wide_naive_recovered=float((by_naive[1] - kept) / (oracle[1] - kept)),
    )


def naive_elasticities(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """What a pooled regression of log units a day on log price says, by category path: cells with sales only, nothing else looked at."""
    rows = connection.execute(
        """
        select products.category_path, regr_slope(ln(cells.units / cells.exposure_days), ln(cells.price_amount))
        from main_features.feat_pricing_cells as cells
        inner join main_ml.ml_pricing__products as products on cells.product_id = products.product_id
        where cells.units > 0
        group by products.category_path"""
    ).fetchall()
    return {path: slope for path, slope in rows if slope is not None}


def allowed_prices(
    current: float,
    cost: float,
    list_price: float | None,
    margin_floor: float,
    largest_rise: float,
    largest_cut: float,
    largest_list_ratio: float,
    step: float,
    ending: float,
) -> Floats:
    """Every price that the guardrails allow, today's among them where it keeps the margin floor."""
    low = max(current * (1 - largest_cut), cost / (1 - margin_floor))
    high = current * (1 + largest_rise)
    if list_price:
        high = min(high, max(list_price * largest_list_ratio, current))
    steps = np.arange(np.ceil((low - ending) / step), np.floor((high - ending) / step) + 1)
    prices = np.round(steps * step + ending, 4)
    return np.append(prices, current) if current >= low else prices


def orange_juice_table(results: list[BrandResult]) -> Table:
    """One row per brand."""
    table = Table(title="Orange juice: own-price elasticity, 95% interval", title_justify="left")
    for heading in ("brand", "elasticity", "interval", "plain log-log", "interval"):
        table.add_column(heading, justify="left" if heading == "brand" else "right")
    for r in results:
        table.add_row(
            r.brand,
            f"{r.elasticity:.2f}",
            f"{r.low:.2f} to {r.high:.2f}",
            f"{r.naive:.2f}",
            f"{r.naive_low:.2f} to {r.naive_high:.2f}",
        )
    return table


def shops_table(results: list[ShopResult]) -> Table:
    """One column per shop."""
    table = Table(title="Demo shops, truth known", title_justify="left")
    table.add_column("")
    for r in results:
        table.add_column(f"scale {r.scale:g}, seed {r.seed}", justify="right")
    lines = {
        "category paths within 25% of the truth": lambda r: f"{r.paths_within_25:.0%} of {r.paths}",
        "top-level categories within 25%": lambda r: f"{r.categories_within_25:.0%}",
        "bias, category paths": lambda r: f"{r.bias:+.2f}",
        "root mean squared error, category paths": lambda r: f"{r.rmse:.2f}",
        "truth inside the 80% interval, paths": lambda r: f"{r.path_interval_coverage:.0%}",
        "truth inside the 80% interval, products": lambda r: f"{r.product_interval_coverage:.0%}",
        "naive log-log: paths within 25%": lambda r: f"{r.naive_paths_within_25:.0%}",
        "naive log-log: top-level categories within 25%": lambda r: f"{r.naive_categories_within_25:.0%}",
        "naive log-log: bias": lambda r: f"{r.naive_bias:+.2f}",
        "profit of 28 days, prices kept": lambda r: f"{r.kept_profit:,.0f}",
        "oracle adds": lambda r: f"{r.oracle_gain:,.0f}",
        "plan_prices adds": lambda r: f"{r.plan_gain:,.0f}",
        "plan_prices recovers": lambda r: f"{r.recovered:.0%}",
        "naive log-log recovers": lambda r: f"{r.naive_recovered:.0%}",
        f"steps up to {WIDE_STEP:.0%}, no cap on the list price: estimates recover": lambda r: (
            f"{r.wide_recovered:.0%}"
        ),
        f"steps up to {WIDE_STEP:.0%}, no cap on the list price: naive recovers": lambda r: (
            f"{r.wide_naive_recovered:.0%}"
        ),
    }
    for label, show in lines.items():
        table.add_row(label, *(show(r) for r in results))
    return table


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared/data", help="folder with orange_juice/orangeJuice.rda"
    )
    parser.add_argument(
        "--scales", default="1,3", help="scales of the demo shops, with commas between; empty for none (default 1,3)"
    )
    parser.add_argument("--seeds", default="7", help="seeds, with commas between (default 7)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    brands: list[BrandResult] = []
    file = arguments.data / "orange_juice/orangeJuice.rda"
    if file.exists():
        brands = orange_juice(file)
        console.print(orange_juice_table(brands))
    else:
        console.print(f"Orange juice skipped: {file} is not there (orangeJuice.rda of the R package bayesm).")
    shops: list[ShopResult] = []
    for scale in filter(None, arguments.scales.split(",")):
        for seed in arguments.seeds.split(","):
            with tempfile.TemporaryDirectory(prefix="trendhouse-pricing-") as work:
                warehouse = build_shop(float(scale), int(seed), Path(work))
                shops.append(judge_shop(float(scale), int(seed), warehouse, Path(work) / "raw"))
    if shops:
        console.print(shops_table(shops))
    if arguments.json:
        figures = {"orange_juice": [asdict(r) for r in brands], "demo_shops": [asdict(r) for r in shops]}
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

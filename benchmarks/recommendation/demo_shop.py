"""Lists of a simulated shop against the tastes that were planted in its customers, beside popularity's and random lists.

    python benchmarks/recommendation/demo_shop.py [--scale 1] [--seeds 7,8,9]

Each shop is simulated and built up to pred_product_recommendations and its back-test, as of its last day. What a product is worth to a
customer is the planted share of the customer's taste that goes to its top-level category (`truth_tastes`): the best list holds nothing
but the favourite category. NDCG at 10 is the discounted worth of a list over that of the best one (Jaervelin and Kekaelaeinen 2002).
Popularity's list holds the most popular products that may be shown and that the customer has not bought of late, as for ours; random
lists are drawn from the same. Known customers are those whose list comes from the model, cold ones have the guest's. What customers
bought in the last four weeks judges too: the back-test of the same build, ours beside popularity.

Exit code 1 when known customers' NDCG is below 1.5 times popularity's, or cold customers' below popularity's.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from measuring import build_environment, dbt_command, load_command, measure, simulate_command  # noqa: E402

PLACES = 10
WANTED = 1.5
DISCOUNT = 1 / np.log2(np.arange(2, PLACES + 2))

# Worth of every customer's places by the planted tastes; a product of no known category is worth nothing.
LISTS = """
    select
        lists.customer_id,
        lists.place,
        coalesce(tastes.taste_share, 0) as worth,
        max(case when lists.fallback_level = 'model' then 1 else 0 end) over (partition by lists.customer_id) = 1 as is_known
    from main_predictions.pred_product_recommendations as lists
    inner join main_core.dim_products as products on lists.product_id = products.product_id
    inner join (select distinct customer_id from tastes) as real on lists.customer_id = real.customer_id
    left join tastes on lists.customer_id = tastes.customer_id and products.category = tastes.category
    where lists.place <= 10
"""

# The same of the products in a given order, without those that the customer may not be shown again so soon.
ORDERED = """
    select candidates.customer_id, candidates.place, coalesce(tastes.taste_share, 0) as worth
    from (
        select people.customer_id, products.category,
            row_number() over (partition by people.customer_id order by {order}, products.product_id) as place
        from (select distinct customer_id from tastes) as people
        cross join (
            select shown.product_id, shown.category, shown.rest_days, popular.popularity_rank
            from main_ml.ml_recommendation__shown_products as shown
            left join main_features.feat_recommendation_products as popular
                on shown.product_id = popular.product_id and shown.as_of_date = popular.as_of_date
            where shown.is_shown
        ) as products
        left join (
            select interactions.customer_id, interactions.product_id, interactions.days_since_last_purchase
            from main_features.feat_recommendation_interactions as interactions
            inner join main_core.dim_as_of as as_of on interactions.as_of_date = as_of.as_of_date
        ) as met on people.customer_id = met.customer_id and products.product_id = met.product_id
        where met.days_since_last_purchase is null or met.days_since_last_purchase > products.rest_days
    ) as candidates
    left join tastes on candidates.customer_id = tastes.customer_id and candidates.category = tastes.category
    where candidates.place <= 10
"""

BACKTEST = """
    select metric_value, baseline_value
    from main_monitoring.mon_recommendation_quality
    where list_kind = 'product' and judged = 'back_test' and is_champion and metric = '{metric}' and k = 10
"""


@dataclass(frozen=True)
class ShopResult:
    """One shop: customers, mean NDCG at 10 by the planted tastes by kind of list, and champion and popularity in the back-test."""

    seed: int
    customers: dict[str, int]
    by_taste: dict[str, dict[str, float]]
    backtest: dict[str, tuple[float, float]]
    algorithm: str


def build_shop(scale: float, seed: int, work: Path) -> Path:
    """Simulate a shop and build its recommendations; the warehouse."""
    raw, warehouse, log = work / "raw", work / "shop.duckdb", work / "log.txt"
    environment = build_environment(warehouse)
    measure(simulate_command(scale, seed, raw), work, environment, log)
    measure(load_command(raw, warehouse), work, environment, log)
    build = [
        "build",
        "--select",
        "+mon_recommendation_quality",
        "--exclude",
        "resource_type:test",
        "resource_type:unit_test",
    ]
    measure(dbt_command(build, ROOT, work), ROOT, environment, log)
    return warehouse


def ndcg(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, float]:
    """NDCG at 10 of each customer's list by the planted tastes; `sql` gives customer_id, place and worth."""
    ideal = dict(connection.execute("select customer_id, max(taste_share) from tastes group by customer_id").fetchall())
    gained = dict.fromkeys(ideal, 0.0)
    for customer, place, worth, *_ in connection.execute(sql).fetchall():
        gained[customer] += worth * DISCOUNT[place - 1]
    return {customer: gained[customer] / (ideal[customer] * DISCOUNT.sum()) for customer in ideal}


def judge_shop(seed: int, warehouse: Path, truth: Path) -> ShopResult:
    """Hold the lists of a built shop against its planted tastes."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(f"create temp view tastes as select * from '{truth}'")
        found = {
            "ours": ndcg(connection, LISTS),
            "popularity": ndcg(connection, ORDERED.format(order="products.popularity_rank desc nulls last")),
            "random": ndcg(connection, ORDERED.format(order="md5(people.customer_id || products.product_id)")),
        }
        known = dict(connection.execute(f"select distinct customer_id, is_known from ({LISTS})").fetchall())
        groups = {
            "known": [customer for customer in found["ours"] if known.get(customer, False)],
            "cold": [customer for customer in found["ours"] if not known.get(customer, False)],
        }
        backtest = {name: connection.execute(BACKTEST.format(metric=name)).fetchall() for name in ("ndcg", "recall")}
        ((algorithm,),) = connection.execute(
            "select algorithm from main_ml.ml_recommendation__standings where is_champion"
        ).fetchall()
    means = {
        group: {kind: float(np.mean([values[one] for one in people])) for kind, values in found.items()}
        for group, people in groups.items()
        if people
    }
    return ShopResult(
        seed,
        {group: len(people) for group, people in groups.items()},
        means,
        {name: rows[0] for name, rows in backtest.items() if rows},
        algorithm,
    )


def ratio(values: dict[str, float]) -> float:
    """Ours over popularity."""
    return values["ours"] / values["popularity"]


def show(results: list[ShopResult]) -> None:
    """Print what came out."""
    table = Table(title="NDCG at 10 by planted tastes", title_justify="left")
    for name in ("seed", "customers", "number", "ours", "popularity", "random", "ours / popularity"):
        table.add_column(name, justify="right")
    for result in results:
        for group, values in result.by_taste.items():
            figures = [f"{values[kind]:.3f}" for kind in ("ours", "popularity", "random")]
            table.add_row(str(result.seed), group, f"{result.customers[group]:,}", *figures, f"{ratio(values):.2f}")
    bought = Table(title="What was bought in the last four weeks, at 10", title_justify="left")
    for name in ("seed", "champion", "NDCG", "popularity", "recall", "popularity"):
        bought.add_column(name, justify="right")
    for result in results:
        pairs: list[NDArray[np.float64]] = [np.asarray(result.backtest[name]) for name in ("ndcg", "recall")]
        bought.add_row(str(result.seed), result.algorithm, *(f"{value:.3f}" for value in np.concatenate(pairs)))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(bought)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the shop, as in trendhouse simulate")
    parser.add_argument("--seeds", default="7,8,9", help="seeds, with commas between")
    arguments = parser.parse_args()
    results = []
    for seed in map(int, arguments.seeds.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            warehouse = build_shop(arguments.scale, seed, Path(folder))
            results.append(judge_shop(seed, warehouse, Path(folder) / "raw" / "truth_tastes.parquet"))
    show(results)
    for result in results:
        cold = result.by_taste.get("cold")
        if ratio(result.by_taste["known"]) < WANTED or (cold is not None and ratio(cold) < 1 - 1e-9):
            sys.exit(1)


if __name__ == "__main__":
    main()

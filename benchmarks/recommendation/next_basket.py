"""Complete Journey: the next basket of every household, at three dates; ours, the rules that are hard to beat, and TIFU-kNN beside us.

    python benchmarks/recommendation/next_basket.py [--warehouses DIR]

The example shop is loaded and built with dbt as far as the features; --warehouses keeps the warehouse in a folder, and measures one that lies there
already. At each date what was known before it goes in, and the first basket of the four weeks from it on is to be told, products bought before and
new ones alike, by households with a basket in the year before. The code that learns and lists is that of the dbt models.

Judged are the last three monthly dates whose four weeks are over. All settings, of ours and which of the peer's published settings suits, were
chosen on the date before these, which --earlier shows. TIFU-kNN (Hu, He, Gao and Zhang 2020) is written here as published, on the same baskets.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.sparse import coo_array, csr_array

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from example_shops import built, table_of  # noqa: E402
from public_data import DATA_ABSENT  # noqa: E402

from trendhouse.evaluation.ranking import Judged, judge, means, recall  # noqa: E402
from trendhouse.recommendation.contest import KS  # noqa: E402
from trendhouse.recommendation.interactions import Integers, Texts  # noqa: E402
from trendhouse.recommendation.next_basket import ALGORITHMS, Lesson, lists_of  # noqa: E402
from trendhouse.recommendation.next_basket_fits import PastBaskets  # noqa: E402
from trendhouse.recommendation.places import places_of  # noqa: E402
from trendhouse.recommendation.top_products import top_products  # noqa: E402

THREADS = 2
JUDGED_DATES = 3
OURS, RULE = "Trendhouse", "personal top plus global top"
MODELS = ("feat_recommendation_repeat_products", "ml_recommendation__next_baskets", "fct_order_items")
COLUMNS = ("recall_at_10", "ndcg_at_10", "hit_rate_at_10", "precision_at_10", "recall_at_5", "recall_at_20")
# Neighbours, decay within a group of baskets, decay over groups, weight of one's own baskets, groups: as published for two groceries.
TIFU_SETTINGS = {
    "TIFU-kNN, set for Dunnhumby": (900, 0.9, 0.6, 0.2, 3),
    "TIFU-kNN, set for Ta-Feng": (300, 0.9, 0.7, 0.7, 7),
}

# Row of the customer, column of the product, number of the basket from 0, and the customer's baskets; one entry per product of a basket.
Histories = tuple[Integers, Integers, Integers, Integers]


class Shop:
    """The built warehouse."""

    def __init__(self, warehouse: Path) -> None:
        """Open it to read."""
        self._connection = duckdb.connect(str(warehouse), read_only=True)
        names = "feat_recommendation_repeats", "feat_recommendation_repeat_products", "ml_recommendation__next_baskets"
        self.past = PastBaskets(*(self._connection.sql(f"from {table_of(self._connection, name)}") for name in names))
        self._baskets = table_of(self._connection, names[2])
        self._order_items = table_of(self._connection, "fct_order_items")

    def dates(self) -> list[date]:
        """Dates whose four weeks are over, oldest first."""
        rows = self._connection.execute(f"select distinct as_of_date from {self._baskets} order by 1").fetchall()
        return [row[0] for row in rows]

    def histories(self, before: date, lesson: Lesson) -> tuple[Texts, Histories]:
        """All customers with a basket before the date, and what is in their baskets of the lesson's products."""
        rows = self._connection.execute(
            f"""
            with lines as (
                select customer_id, order_id, product_id, min(ordered_at) as ordered_at
                from {self._order_items}
                where is_sale and customer_id is not null and order_date < ?
                group by all
            ),
            baskets as (
                select
                    customer_id, order_id,
                    row_number() over (partition by customer_id order by min(ordered_at), order_id) - 1 as number,
                    count(*) over (partition by customer_id) as baskets
                from lines
                group by customer_id, order_id
            )
            select lines.customer_id, lines.product_id, baskets.number, baskets.baskets
            from lines inner join baskets using (customer_id, order_id)
            """,
            [before],
        ).to_arrow_table()
        customers = np.asarray(pc.unique(rows.column("customer_id")).to_pylist(), dtype=np.str_)
        row = places_of(rows.column("customer_id"), customers)
        column = places_of(rows.column("product_id"), lesson.moment.products)
        number, baskets = (rows.column(name).to_numpy().astype(np.int64) for name in ("number", "baskets"))
        kept = column >= 0
        return customers, (row[kept], column[kept], number[kept], baskets[kept])


def tifu_knn(
    histories: Histories,
    shape: tuple[int, int],
    settings: tuple[int, float, float, float, int],
) -> NDArray[np.float32]:
    """Scores (customers, products): a household's own decayed frequencies, and those of its nearest neighbours.

    Baskets are cut into groups from the last back; within a group, and over groups, the older weigh less.
    """
    neighbours, within_decay, group_decay, own_weight, groups = settings
    row, column, number, baskets = histories
    size = -(-baskets // groups)
    ago = baskets - 1 - number
    back = ago // size
    used = -(-baskets // size)
    in_group = np.where(back == used - 1, baskets - (used - 1) * size, size)
    weight = within_decay ** (ago % size) / in_group * group_decay**back / used
    own = csr_array(coo_array((weight, (row, column)), shape=shape))
    products = (own @ own.T).toarray()
    squares = np.diag(products)
    distance = squares[:, None] + squares - 2 * products
    np.fill_diagonal(distance, np.inf)
    count = min(neighbours, len(distance) - 1)
    nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
    starts = np.arange(0, nearest.size + 1, count)
    mean = csr_array((np.full(nearest.size, 1 / count), nearest.ravel(), starts), shape=distance.shape)
    return np.asarray((own_weight * own + (1 - own_weight) * (mean @ own)).toarray(), dtype=np.float32)


def lists_at(shop: Shop, at: date) -> tuple[dict[str, Judged], dict[str, float]]:
    """Every recommender's judged lists at a date, and its seconds to learn and list (reading left out)."""
    after = shop.past.snapshot(at).lesson()
    lessons = [snapshot.lesson() for snapshot in shop.past.lessons(at)]
    judged, seconds = {}, {}
    for algorithm, name in (("repeat_boosting", OURS), ("personal_top", RULE), ("global_top", "global top")):
        started = time.monotonic()
        artifact = ALGORITHMS[algorithm].fit(lessons, ALGORITHMS[algorithm].parameters(), THREADS)
        if artifact is None:
            sys.exit(f"Too little to learn from before {at}.")
        outlook = ALGORITHMS[algorithm].load(artifact).outlook(after.moment)
        lists = lists_of(after.moment, outlook, max(KS))
        judged[name], seconds[name] = judge(lists.columns, after.followed), time.monotonic() - started
        if name == RULE:
            own = np.where(lists.is_repeat, lists.columns, -1)
            judged["personal top"], seconds["personal top"] = judge(own, after.followed), seconds[name]
    customers, histories = shop.histories(at, after)
    rows = places_of(after.moment.customers, customers)
    shape = len(customers), len(after.moment.products)
    for name, settings in TIFU_SETTINGS.items():
        started = time.monotonic()
        columns, _ = top_products(tifu_knn(histories, shape, settings)[rows], max(KS))
        judged[name], seconds[name] = judge(columns, after.followed), time.monotonic() - started
    return judged, seconds


def show(title: str, judged: Sequence[dict[str, Judged]], seconds: Sequence[dict[str, float]]) -> None:
    """Print the means over the dates, the best by recall at 10 first, and how sure the lead over the rule is."""
    table = Table(title=title, title_justify="left")
    table.add_column("recommender")
    for column in (*COLUMNS, "seconds"):
        table.add_column(column, justify="right")
    figures = {
        name: [float(np.mean([means(at[name], KS)[column] for at in judged])) for column in COLUMNS]
        for name in judged[0]
    }
    for name in sorted(figures, key=lambda name: -figures[name][0]):
        took = float(np.mean([at[name] for at in seconds]))
        style = "bold" if name == OURS else "cyan" if name in TIFU_SETTINGS else None
        table.add_row(name, *(f"{value:.4f}" for value in figures[name]), f"{took:.1f}", style=style)
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(table)
    for other in (RULE, *TIFU_SETTINGS):
        lead = np.concatenate([recall(at[OURS], 10) - recall(at[other], 10) for at in judged])
        margin = 1.96 * float(np.std(lead)) / len(lead) ** 0.5
        console.print(
            f"Recall at 10 above {other}: {np.mean(lead):+.4f}, give or take {margin:.4f} (95%, {len(lead)} baskets)"
        )


def main() -> None:
    """Build what is not built, and measure; exit status 3 where the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouses", type=Path, help="folder that keeps the built warehouse")
    parser.add_argument(
        "--earlier", action="store_true", help="the date on which settings were chosen, in place of those that judge"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.warehouses or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        warehouse = built("complete_journey", [], folder, MODELS)
        if warehouse is None:
            sys.exit(DATA_ABSENT)
        print(f"Warehouse ready after {time.monotonic() - started:.0f} s")
        shop = Shop(warehouse)
        dates = shop.dates()
        chosen = dates[:-JUDGED_DATES][-1:] if options.earlier else dates[-JUDGED_DATES:]
        results = [lists_at(shop, at) for at in chosen]
        for at, (judged, seconds) in zip(chosen, results, strict=True):
            show(
                f"Complete Journey, first basket from {at} on, {len(judged[OURS].relevant)} households",
                [judged],
                [seconds],
            )
        if len(results) > 1:
            show("Complete Journey, mean of the dates", *map(list, zip(*results, strict=True)))


if __name__ == "__main__":
    main()

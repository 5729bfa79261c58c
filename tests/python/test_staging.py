"""Where raw rows go: kept, repaired, recognised as duplicates, or quarantined with a reason; and that no personal data gets past."""

from __future__ import annotations

import json

import pytest
import yaml
from conftest import ROOT, Warehouse

SHOP = {"trendhouse_shop_schema": "raw"}

PRODUCTS = """
create table raw.products as select * from (values
    ('p1', ' Spade ', 'Garden >Tools', 'ACME', '9.5'),
    ('p2', 'Apple', 'FOOD', null, 'cheap')
) as t (product_id, name, category, brand, list_price)
"""
ORDERS = """
create table raw.orders as select * from (values
    ('o1', 'c1', '2025-01-01 10:00:00', 'Delivered', null),
    ('o1', 'c1', '2025-01-01 10:00:00', 'Delivered', '2025-01-03'),
    ('o2', null, '2025-01-02', 'VOID', null),
    ('o3', 'c2', '2099-01-01', 'open', null),
    ('o4', 'c2', 'yesterday', 'open', null),
    (null, 'c2', '2025-01-01', 'open', null),
    ('o5', 'c2', null, 'open', null)
) as t (order_id, customer_id, ordered_at, status, delivered_at)
"""
ORDER_ITEMS = """
create table raw.order_items as select * from (values
    ('o1', 'p1', '2', '5.0', null),
    ('o1', 'p1', '2', '5.0', null),
    ('o1', 'p2', '1', '0', '0'),
    ('o1', 'p2', '-1', '5.0', null),
    ('o1', 'p2', 'two', '5.0', null),
    ('o1', 'p2', '1', '-5.0', null),
    ('o1', null, '1', '5.0', null),
    ('o9', 'p1', '1', '5.0', null),
    ('o3', 'p1', '1', '5.0', null),
    ('o1', 'p1', 'inf', '5.0', null)
) as t (order_id, product_id, quantity, unit_price, discount_amount)
"""


EVENTS = """
create table raw.events as
select 'e' || i as event_id, 'search' as event_type, '2025-01-01' as occurred_at, 'c' || i as customer_id,
    case when i < 5 then ' Garden Spade ' when i < 7 then 'jane doe 1 main street' end as search_text
from range(8) as t (i)
"""
REVIEWS = """
create table raw.reviews as select * from (values
    ('r1', 'p1', '5', 'Great spade, really GREAT!', '2025-01-01'),
    ('r2', 'p1', '5', 'great spade really great', '2025-01-01'),
    ('r3', 'p1', '6', 'my number is 555 0100', '2025-01-01')
) as t (review_id, product_id, rating, body, created_at)
"""


@pytest.fixture(scope="module")
def raw_shop(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a small raw shop with one row of every kind of dirt, not built."""
    raw = Warehouse(tmp_path_factory.mktemp("raw"))
    raw.execute("create schema raw", PRODUCTS, ORDERS, ORDER_ITEMS, EVENTS, REVIEWS)
    return raw


@pytest.fixture(scope="module")
def shop(raw_shop: Warehouse) -> Warehouse:
    """Give the same shop, staged."""
    selected = ["--select", "staging", "mon_row_ledger", "mon_coverage", "--indirect-selection", "cautious"]
    raw_shop.dbt("build", *selected, settings=SHOP)
    return raw_shop


def test_every_kind_of_dirt_goes_where_the_reason_says(shop: Warehouse) -> None:
    rows = shop.query("select source_table, reject_reasons, raw_row from main_staging.quarantined_rows")
    reasons = sorted((table, reason) for table, reason, _ in rows)
    assert reasons == sorted(
        [
            ("orders", "ordered_at lies in the future"),
            ("orders", "ordered_at cannot be read as timestamp"),
            ("orders", "order_id is missing"),
            ("orders", "ordered_at is missing"),
            ("order_items", "quantity is not above zero"),
            ("order_items", "quantity cannot be read as double"),
            ("order_items", "quantity cannot be read as double"),
            ("order_items", "unit_price is negative"),
            ("order_items", "product_id is missing"),
            ("order_items", "order_id belongs to no kept order"),
            ("order_items", "order_id belongs to no kept order"),
            ("reviews", "rating is not between 1 and 5"),
        ]
    )
    raw_quantities = {json.loads(raw)["quantity"] for table, _, raw in rows if table == "order_items"}
    assert {"-1", "two", "inf"} <= raw_quantities

    ledger = {row[0]: row[1:] for row in shop.query("select * from main_monitoring.mon_row_ledger")}
    assert ledger["products"] == (2, 2, 0, 0, 1)
    assert ledger["orders"] == (7, 2, 1, 4, 0)
    assert ledger["order_items"] == (10, 2, 1, 7, 0)
    assert ledger["sellers"] == (0, 0, 0, 0, 0)


def test_the_fuller_copy_of_an_order_stays(shop: Warehouse) -> None:
    rows = shop.query(
        """
        select order_id, order_status, is_cancelled, is_guest, delivered_at is not null
        from main_staging.stg_shop__orders order by order_id
        """
    )
    assert rows == [("o1", "delivered", False, False, True), ("o2", "void", True, True, False)]


def test_spelling_is_conformed_and_unreadable_optional_values_become_null(shop: Warehouse) -> None:
    rows = shop.query(
        """
        select product_id, product_name, brand, category_path, list_price_amount
        from main_staging.stg_shop__products order by product_id
        """
    )
    assert rows == [("p1", "Spade", "acme", "garden > tools", 9.5), ("p2", "Apple", None, "food", None)]


def test_missing_optional_tables_and_columns_are_reported_not_fatal(shop: Warehouse) -> None:
    found = dict(
        shop.query(
            """
            select distinct source_table || '.' || column_name, is_found
            from main_monitoring.mon_coverage where domain = 'demand'
            """
        )
    )
    assert found["orders.(table)"]
    assert found["orders.status"]
    assert found["order_items.discount_amount"]
    assert not found["inventory_daily.(table)"]
    assert not found["products.launched_at"]


def test_a_search_term_passes_only_when_enough_customers_typed_it(shop: Warehouse) -> None:
    terms = shop.query("select distinct search_term from main_staging.stg_shop__events where search_term is not null")
    assert terms == [("garden spade",)]


def test_a_review_leaves_only_counts_and_hashes(shop: Warehouse) -> None:
    rows = shop.query(
        """
        select review_id, body_word_count, body_hash, body_shingle_hashes
        from main_staging.stg_shop__reviews order by review_id
        """
    )
    assert [row[1] for row in rows] == [4, 4]
    assert rows[0][2:] == rows[1][2:]
    assert len(rows[0][3]) == 2
    quarantined = shop.query("select raw_row from main_staging.quarantined_rows where source_table = 'reviews'")
    assert "555" not in quarantined[0][0]


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        (
            {
                "trendhouse_shop_tables": {"orders": "nowhere", "ordres": "x"},
                "trendhouse_shop_columns": {"order_items": {"quantity": "pieces", "quantty": "x"}},
            },
            [
                "The required table 'orders' is missing: there is no raw.nowhere.",
                "The required column 'pieces' is missing in raw.order_items",
                "names 'ordres', which is no table of the contract",
                "maps 'order_items.quantty', which is no column of the contract",
            ],
        ),
        (
            {
                "trendhouse_trian": "never",
                "trendhouse_train": "sometimes",
                "trendhouse_demand_tuning": "annealing",
                "trendhouse_threads": "two",
                "trendhouse_as_of_date": "30.09.2026",
                "trendhouse_shop_models": {"sellers": "public_holidays"},
                "trendhouse_shop_tables": {"sellers": "b"},
            },
            [
                "The var 'trendhouse_trian' is unknown",
                "The var 'trendhouse_train' must be auto, always or never, not sometimes.",
                "The var 'trendhouse_demand_tuning' must be none, grid, random or bayesian, not annealing.",
                "The var 'trendhouse_threads' must be a whole number, not two.",
                "The var 'trendhouse_as_of_date' must be a date such as 2026-09-30, not 30.09.2026.",
                "The table 'sellers' is in both trendhouse_shop_models and trendhouse_shop_tables",
            ],
        ),
    ],
)
def test_bad_settings_stop_the_build_before_any_model_each_with_one_sentence(
    raw_shop: Warehouse, settings: dict[str, object], sentences: list[str]
) -> None:
    done = raw_shop.dbt("build", "--select", "staging", settings={**SHOP, **settings}, check=False)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert [sentence for sentence in sentences if sentence not in said] == []
    assert "OK created" not in done.stdout


def test_every_model_compiles_before_anything_is_built(warehouse: Warehouse) -> None:
    warehouse.dbt("compile")


def test_a_run_without_its_seeds_says_what_to_run(warehouse: Warehouse) -> None:
    done = warehouse.dbt("run", "--select", "base_shop__orders", check=False)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "There is no main_demo_shop.demo_shop_orders yet" in said
    assert "run dbt build" in said


def test_personal_data_needs_a_key(raw_shop: Warehouse) -> None:
    done = raw_shop.dbt("build", "--select", "staging", settings=SHOP, env={"TRENDHOUSE_HASH_KEY": ""}, check=False)
    assert done.returncode != 0
    assert "set the environment variable TRENDHOUSE_HASH_KEY" in " ".join(done.stdout.split())


def test_every_table_of_the_contract_is_staged_and_counted(shop: Warehouse) -> None:
    """The list that the macros go by is the contract's."""
    contract = yaml.safe_load((ROOT / "models" / "staging" / "_shop__sources.yml").read_text())
    tables = {table["name"] for source in contract["sources"] for table in source["tables"]}
    assert {table for (table,) in shop.query("select source_table from main_monitoring.mon_row_ledger")} == tables


def test_no_personal_data_in_any_later_schema(demo_warehouse: Warehouse) -> None:
    """Every raw value of a personal column is looked for in every text column behind staging, and in the quarantine."""
    personal = {
        "orders": ["ip_address", "ship_address"],
        "customers": ["email", "phone"],
        "reviews": ["body"],
    }
    union = " union all ".join(
        f"select lower(trim({column})) as value from main_demo_shop.demo_shop_{table} where length(trim({column})) > 5"
        for table, columns in personal.items()
        for column in columns
    )
    values = {row[0] for row in demo_warehouse.query(f"select distinct value from ({union})")}
    assert len(values) > 1000, "the demo shop holds personal data to look for"
    columns = demo_warehouse.query(
        """
        select table_schema, table_name, column_name from information_schema.columns
        where data_type = 'VARCHAR' and table_schema <> 'main_demo_shop'
        """
    )
    assert len(columns) > 100
    for schema, table, column in columns:
        texts = demo_warehouse.query(
            f'select distinct lower("{column}") from "{schema}"."{table}" where length("{column}") > 5'
        )
        leaked = values & {text for (text,) in texts}
        assert not leaked, f"{schema}.{table}.{column} holds personal data: {sorted(leaked)[:3]}"
        if column == "raw_row":
            inside = {value for (text,) in texts for value in json.loads(text).values() if isinstance(value, str)}
            assert not values & inside, f"{schema}.{table}.{column} holds personal data"

"""Whole builds: equal from equal input, no training without need, harmless when tables are missing or empty."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from conftest import BUILD, BUILD_UNTESTED, Warehouse

# When a row was written says nothing about what it predicts.
RUN_STAMPS = {"scored_at", "trained_at"}
COMPARED_SCHEMAS = ("main_core", "main_features", "main_predictions", "main_monitoring")


def differing_tables(left: Path, right: Path) -> dict[str, int]:
    """Tables of the compared schemas whose rows differ between two warehouses, with how many rows do."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{left}' as l (read_only); attach '{right}' as r (read_only)")
        columns = connection.execute(
            """
            select table_schema || '.' || table_name, list('"' || column_name || '"' order by ordinal_position)
                filter (where not list_contains(?, column_name))
            from information_schema.columns where table_catalog = 'l' and list_contains(?, table_schema) group by all
            """,
            [list(RUN_STAMPS), list(COMPARED_SCHEMAS)],
        ).fetchall()
        assert len(columns) > 20
        differing = {}
        for table, names in columns:
            selected = ", ".join(names)
            query = "select count(*) from (select {c} from {a}.{t} except all select {c} from {b}.{t})"
            rows = sum(
                connection.execute(query.format(c=selected, t=table, a=a, b=b)).fetchall()[0][0]
                for a, b in (("l", "r"), ("r", "l"))
            )
            if rows:
                differing[table] = rows
        return differing


def copy_of(built: Warehouse, folder: Path) -> Warehouse:
    shutil.copytree(built.folder, folder, dirs_exist_ok=True)
    return Warehouse(folder)


def nodes_run(warehouse: Warehouse) -> set[str]:
    results = json.loads((warehouse.target / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[2] for result in results}


def test_a_second_build_trains_nothing_and_changes_nothing(demo_warehouse: Warehouse, tmp_path: Path) -> None:
    again = copy_of(demo_warehouse, tmp_path)
    again.dbt(*BUILD_UNTESTED)
    fits = "select count(*), max(trained_at) from main_ml.ml_demand__fits"
    assert again.query(fits) == demo_warehouse.query(fits)
    assert differing_tables(demo_warehouse.path, again.path) == {}


def test_two_builds_from_the_same_input_are_equal(demo_warehouse: Warehouse, warehouse: Warehouse) -> None:
    warehouse.dbt(*BUILD_UNTESTED)
    assert differing_tables(demo_warehouse.path, warehouse.path) == {}


def test_the_score_selector_never_trains(demo_warehouse: Warehouse, tmp_path: Path) -> None:
    again = copy_of(demo_warehouse, tmp_path)
    again.dbt(*BUILD_UNTESTED, "--selector", "score", settings={"trendhouse_train": "always"})
    run = nodes_run(again)
    assert "ml_demand__scores" in run
    assert not {name for name in run if name.endswith("__fits") or name.endswith("__backtest")}
    assert differing_tables(demo_warehouse.path, again.path) == {}


def test_tuning_switched_on_records_its_trials(demo_warehouse: Warehouse, tmp_path: Path) -> None:
    trials = "select trial, sampler, is_best from main_monitoring.mon_tuning_trials where algorithm = 'lightgbm' order by trial"
    assert demo_warehouse.query(trials) == []
    again = copy_of(demo_warehouse, tmp_path)
    switched_on = {"trendhouse_demand_tuning": "bayesian", "trendhouse_demand_tuning_trials": 1}
    again.dbt(*BUILD_UNTESTED, "--select", "ml_demand__tuning", "mon_tuning_trials", settings=switched_on)
    default, tried = again.query(trials)
    assert (default[:2], tried[:2]) == ((0, "default"), (1, "bayesian"))
    assert default[2] != tried[2]


def test_a_build_with_no_rows_at_all_is_green(warehouse: Warehouse) -> None:
    warehouse.dbt(*BUILD, "--empty")
    for (table,) in warehouse.query(
        "select table_name from information_schema.tables where table_schema = 'main_predictions'"
    ):
        assert warehouse.query(f"select count(*) from main_predictions.{table}") == [(0,)], table


@pytest.fixture(scope="module")
def bare_shop(tmp_path_factory: pytest.TempPathFactory, demo_warehouse: Warehouse) -> Warehouse:
    """Give a shop that has the three required tables with their required columns, and nothing else."""
    bare = Warehouse(tmp_path_factory.mktemp("bare"))
    bare.execute(
        f"attach '{demo_warehouse.path}' as demo (read_only)",
        "create schema raw",
        "create table raw.products as select product_id from demo.main_demo_shop.demo_shop_products",
        "create table raw.orders as select order_id, customer_id, ordered_at from demo.main_demo_shop.demo_shop_orders",
        """
        create table raw.order_items as
        select order_id, product_id, quantity, unit_price from demo.main_demo_shop.demo_shop_order_items
        """,
    )
    bare.dbt(*BUILD, settings={"trendhouse_shop_schema": "raw"})
    return bare


def test_a_shop_with_the_required_columns_only_gets_its_forecast(bare_shop: Warehouse) -> None:
    products, forecasts = bare_shop.query(
        "select (select count(*) from main_core.dim_products), (select count(*) from main_predictions.pred_demand_daily)"
    )[0]
    assert products > 100
    assert forecasts == 28 * products


def test_a_shop_without_stock_counts_gets_levels_but_no_quantities(bare_shop: Warehouse) -> None:
    plans = bare_shop.query(
        """
        select
            count(*), count(reorder_point_units), count(case when stock_status <> 'dead' then order_quantity_units end),
            sum(reorder_point_units) > 0, count(case when stock_status = 'unknown' then 1 end) > 100
        from main_predictions.plan_inventory
        """
    )
    products = bare_shop.query("select count(*) from main_core.dim_products")[0][0]
    assert plans == [(products, products, 0, True, True)]


def test_a_shop_without_sellers_recommends_none_and_coverage_names_the_column(bare_shop: Warehouse) -> None:
    assert bare_shop.query("select count(*) from main_predictions.pred_seller_recommendations") == [(0,)]
    off = bare_shop.query(
        """
        select source_table, column_name from main_monitoring.mon_coverage
        where prediction = 'pred_seller_recommendations' and is_needed and not is_found and not is_prediction_on
        """
    )
    assert off == [("products", "seller_id")]


def test_coverage_says_what_the_bare_shop_lacks(bare_shop: Warehouse) -> None:
    missing = {
        table
        for (table,) in bare_shop.query(
            "select distinct source_table from main_monitoring.mon_coverage where not is_found"
        )
    }
    assert {"events", "inventory_daily", "promotions", "weather_daily"} <= missing

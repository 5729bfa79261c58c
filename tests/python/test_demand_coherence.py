"""The demand hierarchy: levels add up, MinT is measured out of sample, and the models serve what the back-test chose."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import ROOT, load_module
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_demand import AS_OF, planted_demand, planted_weeks

from trendhouse.demand import coherence
from trendhouse.demand.hierarchy import UPPER_LEVELS, hierarchy_of, node_history
from trendhouse.demand.history import History, from_weeks

WEEKS = 40
LEVELS = [*UPPER_LEVELS, "product"]


@cache
def nodes(products: int = 40) -> pa.Table:
    names = [f"P{number:03d}" for number in range(products)]
    categories = [["garden", "kitchen", "toys"][number % 3] for number in range(products)]
    return pa.table(
        {
            "product_id": names,
            "seller": [f"S{number % 5}" for number in range(products)],
            "category": categories,
            "subcategory": [f"{category} > {number % 2}" for number, category in enumerate(categories)],
        }
    )


@cache
def planted() -> pa.Table:
    return planted_demand(weeks=WEEKS)


@cache
def backtest_rows(factor: float = 1.0) -> pa.Table:
    """Back-test rows of the moving average (times `factor`) at four origins of the planted shop."""
    rows = planted()
    origins = [AS_OF.fromordinal(AS_OF.toordinal() - 28 * number) for number in (1, 2, 3, 4)]
    rows = rows.filter(pc.is_in(rows["as_of_date"], value_set=pa.array(origins)))
    return pa.table(
        {
            "fit_id": pa.array(["f"] * rows.num_rows),
            "product_id": rows["product_id"],
            "as_of_date": rows["as_of_date"],
            "horizon_days": rows["horizon_days"],
            "is_warm_up": pc.equal(rows["as_of_date"], origins[-1]),
            "is_censored": rows["is_censored"],
            "actual_units": pc.cast(rows["units"], pa.float64()),
            "mean_units": pc.multiply(rows["moving_average_units"], factor),
        }
    )


@cache
def scored_rows(factor: float = 1.0) -> pa.Table:
    rows = planted()
    rows = rows.filter(pc.equal(rows["as_of_date"], pa.scalar(AS_OF)))
    return rows.select(["product_id", "as_of_date", "horizon_days"]).append_column(
        "mean_units", pc.multiply(rows["moving_average_units"], factor)
    )


@cache
def history() -> History:
    return from_weeks(planted_weeks(weeks=WEEKS))


def sums(table: pa.Table, level: str, column: str) -> list[float]:
    rows = table.filter(pc.equal(table["level"], level))
    return pc.sum(rows[column]).as_py()


# ---- The hierarchy. -------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from("mn")), max_size=20), st.data()
)
def test_every_level_sums_to_the_total(memberships: list[tuple[str, str, str]], data: st.DataObject) -> None:
    names = [f"P{number}" for number in range(len(memberships))]
    table = pa.table(
        {
            "product_id": pa.array(names, type=pa.string()),
            "seller": pa.array([member[0] for member in memberships], type=pa.string()),
            "category": pa.array([member[1] for member in memberships], type=pa.string()),
            "subcategory": pa.array([f"{member[1]} > {member[2]}" for member in memberships], type=pa.string()),
        }
    )
    # Some products have no node of their own.
    kept = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    found = hierarchy_of(table.filter(pa.array(kept, type=pa.bool_())), names)
    units = np.arange(1.0, len(names) + 1)
    added = found.sums(units)
    for level in UPPER_LEVELS:
        assert added[found.levels == level].sum() == pytest.approx(units.sum())
    assert len(set(found.keys())) == len(found.nodes)


def test_a_category_of_one_subcategory_counts_once() -> None:
    table = pa.table(
        {
            "product_id": ["a", "b", "c"],
            "seller": ["s"] * 3,
            "category": ["x", "x", "y"],
            "subcategory": ["x > 1", "x > 2", "y > 1"],
        }
    )
    found = hierarchy_of(table, ["a", "b", "c"])
    kept = dict(zip(found.keys(), found.distinct(), strict=True))
    assert kept == {
        "total|total": True, "seller|s": False, "category|x": True, "category|y": True,
        "subcategory|x > 1": True, "subcategory|x > 2": True, "subcategory|y > 1": False,
    }  # fmt: skip


def test_an_empty_shelf_is_no_fall_of_the_sum() -> None:
    units = np.array([[2.0, np.nan, 4.0], [np.nan, np.nan, 1.0]])
    known = np.array(["2025-01-08", "2025-01-15", "2025-01-22"], dtype="datetime64[D]")
    found = node_history(History(np.array(["a", "b"]), known, units), hierarchy_of(nodes().slice(0, 0), ["a", "b"]))
    assert found.series_of(np.array(["total|total"])).tolist() == [[2.0, 2.0, 5.0]]


def test_lasting_share_is_that_of_the_products_active_then() -> None:
    old = np.ones((1, 40))
    # Launched in the last week but one: not active on any date from which its weeks were ahead.
    late = np.where(np.arange(40) >= 38, 3.0, np.nan)[None, :]
    found = coherence.lasting_share(np.vstack([old, late]))
    assert found[0] == 1.0
    assert found[3] == pytest.approx(coherence.ACTIVE_PERIODS / (coherence.ACTIVE_PERIODS + 2 * 3))
    assert coherence.lasting_share(np.empty((0, 0))).tolist() == [1.0] * 4


# ---- The back-test of the methods. ----------------------------------------------------------------------------------


def test_methods_add_up_at_every_level() -> None:
    found = coherence.run_backtest(backtest_rows(), nodes(), history())
    assert found.schema == coherence.TESTED_SCHEMA
    for column in ("actual_units", "bottom_up_units", "mint_shrink_units"):
        totals = [sums(found, level, column) for level in LEVELS]
        np.testing.assert_allclose(totals, totals[0], rtol=1e-6)
    assert pc.min(found["mint_shrink_units"]).as_py() >= 0
    rows = backtest_rows().filter(pc.invert(backtest_rows()["is_censored"]))
    assert sums(found, "total", "actual_units") == pytest.approx(pc.sum(rows["actual_units"]).as_py())
    assert sums(found, "total", "bottom_up_units") == pytest.approx(pc.sum(rows["mean_units"]).as_py(), rel=1e-6)


def test_sums_mend_products_that_are_all_too_high() -> None:
    """Planted: every product's forecast is 40% too high at every origin; the sums' own forecasts are not."""
    found = coherence.run_backtest(backtest_rows(factor=1.4), nodes(), history())
    actual = found["actual_units"].to_numpy()
    for level in LEVELS:
        here = pc.equal(found["level"], level).to_numpy(zero_copy_only=False)
        errors = {
            name: np.abs(found[f"{name}_units"].to_numpy() - actual)[here].sum()
            for name in ("bottom_up", "mint_shrink")
        }
        assert errors["mint_shrink"] < 0.9 * errors["bottom_up"], level


def test_an_origin_is_reconciled_without_its_own_outcome() -> None:
    rows = backtest_rows()
    last = pc.equal(rows["as_of_date"], pc.max(rows["as_of_date"]))
    other = rows.set_column(
        rows.column_names.index("actual_units"), "actual_units", pc.if_else(last, 1000.0, rows["actual_units"])
    )

    def of_last(table: pa.Table) -> list[float]:
        found = coherence.run_backtest(table, nodes(), history())
        found = found.filter(pc.equal(found["as_of_date"], pc.max(rows["as_of_date"])))
        return found["mint_shrink_units"].to_pylist()

    assert of_last(rows) == of_last(other)


def test_sums_are_forecast_from_what_was_known_at_the_origin() -> None:
    origin = pc.max(backtest_rows()["as_of_date"]).as_py()
    known = history()
    later = known.known_from > np.datetime64(origin)
    changed = History(known.products, known.known_from, np.where(later[None, :], 500.0, known.units))
    columns = ["base_units", "mint_shrink_units"]
    found = coherence.run_backtest(backtest_rows(), nodes(), known)
    assert found.select(columns).equals(coherence.run_backtest(backtest_rows(), nodes(), changed).select(columns))


def test_one_origin_leaves_bottom_up() -> None:
    rows = backtest_rows()
    found = coherence.run_backtest(
        rows.filter(pc.equal(rows["as_of_date"], pc.max(rows["as_of_date"]))), nodes(), history()
    )
    assert found["mint_shrink_units"].equals(found["bottom_up_units"])


# ---- The current forecasts. -----------------------------------------------------------------------------------------


def test_bottom_up_changes_nothing() -> None:
    for method in ("bottom_up", None):
        found = coherence.reconcile(method, scored_rows(), backtest_rows(), nodes(), history())
        assert found.schema == coherence.RECONCILED_SCHEMA
        assert set(found["factor"].to_pylist()) == {1.0}
        assert set(found["method"].to_pylist()) == {"bottom_up"}


def test_factors_take_products_to_where_the_sums_were_right() -> None:
    found = coherence.reconcile("mint_shrink", scored_rows(1.4), backtest_rows(1.4), nodes(), history())
    assert found.num_rows == 40 * 4
    assert 0.6 < pc.sum(found["reconciled_units"]).as_py() / pc.sum(found["base_units"]).as_py() < 0.9
    np.testing.assert_allclose(
        pc.multiply(found["base_units"], found["factor"]).to_numpy(), found["reconciled_units"].to_numpy(), atol=1e-5
    )


def test_rows_in_another_order_give_the_same_factors() -> None:
    def shuffled(table: pa.Table) -> pa.Table:
        return table.take(np.random.default_rng(1).permutation(table.num_rows))

    found = coherence.reconcile("mint_shrink", scored_rows(), backtest_rows(), nodes(), history())
    again = coherence.reconcile(
        "mint_shrink", shuffled(scored_rows()), shuffled(backtest_rows()), shuffled(nodes()), history()
    )
    assert found.equals(again)


@pytest.mark.parametrize("products", [0, 1])
def test_no_product_and_one_product(products: int) -> None:
    def few(table: pa.Table) -> pa.Table:
        wanted = pa.array(["P000"][:products], type=pa.string())
        return table.filter(pc.is_in(table["product_id"], value_set=wanted))

    weeks = from_weeks(few(planted_weeks(weeks=WEEKS)))
    tested = coherence.run_backtest(few(backtest_rows()), few(nodes()), weeks)
    found = coherence.reconcile("mint_shrink", few(scored_rows()), few(backtest_rows()), few(nodes()), weeks)
    assert tested.schema == coherence.TESTED_SCHEMA and tested.num_rows == products * 4 * 4 * 5
    assert found.schema == coherence.RECONCILED_SCHEMA and found.num_rows == products * 4
    assert np.isfinite(found["factor"].to_numpy()).all()


def test_products_of_one_category_a_product_without_a_past_and_a_short_history() -> None:
    one = nodes().select(["product_id"])
    for name in ("seller", "category", "subcategory"):
        one = one.append_column(name, pa.array(["same"] * one.num_rows))
    new = scored_rows().slice(0, 28)
    new = new.set_column(0, "product_id", pa.array(["new"] * 28))
    scores = pa.concat_tables([scored_rows(), new])
    for weeks in (history(), history().before(AS_OF.fromordinal(AS_OF.toordinal() - 7 * (WEEKS - 5)))):
        found = coherence.reconcile("mint_shrink", scores, backtest_rows(), one, weeks)
        assert np.isfinite(found["factor"].to_numpy()).all()
        assert found.num_rows == 41 * 4


# ---- The dbt Python models. -----------------------------------------------------------------------------------------


@dataclass
class FakeDbt:
    connection: duckdb.DuckDBPyConnection
    config: Any = field(default=None)

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.connection.table(name)


def house(rows: int | None = None) -> duckdb.DuckDBPyConnection:
    """The models' tables; with `rows` 0 they are empty."""
    connection = duckdb.connect()
    champion = pa.table({"fit_id": ["f", "other"], "is_champion": [True, False]})
    methods = pa.table({"method": ["bottom_up", "mint_shrink"], "is_chosen": [False, True]})
    other = backtest_rows(9.0).set_column(0, "fit_id", pa.array(["other"] * backtest_rows().num_rows))
    tables = {
        "feat_demand_horizons": planted(),
        "ml_demand__nodes": nodes(),
        "feat_demand_weeks": planted_weeks(weeks=WEEKS),
        "ml_demand__standings": champion,
        "ml_demand__backtest": pa.concat_tables([backtest_rows(1.4), other]),
        "ml_demand__reconciliation_standings": methods,
        "ml_demand__scores": scored_rows(1.4),
    }
    for name, table in tables.items():
        connection.register("given", table.slice(0, rows))
        connection.execute(f"create table {name} as select * from given")
    return connection


def run(name: str, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    (path,) = (ROOT / "python_models").rglob(f"{name}.py")
    return load_module(path).model(FakeDbt(connection), connection)


def test_models_serve_the_champion_and_the_chosen_method() -> None:
    tested, found = (run(name, house()) for name in ("ml_demand__reconciliation_backtest", "ml_demand__reconciliation"))
    assert tested.equals(coherence.run_backtest(backtest_rows(1.4), nodes(), history()))
    expected = coherence.reconcile("mint_shrink", scored_rows(1.4), backtest_rows(1.4), nodes(), history())
    assert found.equals(expected)
    assert set(found["method"].to_pylist()) == {"mint_shrink"}


def test_models_without_rows_give_typed_rows() -> None:
    empty = house(0)
    assert run("ml_demand__reconciliation_backtest", empty).schema == coherence.TESTED_SCHEMA
    assert run("ml_demand__reconciliation", empty).equals(coherence.RECONCILED_SCHEMA.empty_table())

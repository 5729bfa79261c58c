"""Price response: planted elasticities are found through all that hides them, and nothing is claimed where prices never moved."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_prices import AS_OF, LIFT, PATHS, PlantedShop, planted_prices, products_table

from trendhouse.pricing import price_response
from trendhouse.pricing.elasticity import PRIOR_ELASTICITY, PRIOR_SD, shrink
from trendhouse.pricing.price_response import RESPONSE_SCHEMA, Fitted


@cache
def shop() -> PlantedShop:
    return planted_prices()


@cache
def fitted() -> Fitted:
    return price_response.fit(shop().cells, shop().products)


def estimated(planted: PlantedShop) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = price_response.estimate(planted.cells, planted.products).to_pylist()
    return rows


def path_results(result: Fitted) -> dict[str, tuple[float, float]]:
    level = result.posterior.levels[1]
    return {path: (level.mean[index], level.sd[index]) for index, path in enumerate(result.paths)}


def test_planted_elasticities_are_found_within_their_intervals() -> None:
    for path, (mean, sd) in path_results(fitted()).items():
        assert abs(mean - PATHS[path]) < 3 * sd, path
        assert abs(mean / PATHS[path] - 1) < 0.2, path
        assert sd < 0.3


def test_a_naive_regression_of_the_same_cells_is_far_off() -> None:
    """The obstacles are real: without them the test above would show little."""
    rows = shop().cells.join(shop().products.select(["product_id", "category_path"]), "product_id").to_pandas()
    rows = rows[rows["units"] > 0]
    for path, elasticity in PATHS.items():
        cells = rows[rows["category_path"] == path]
        slope = np.polyfit(np.log(cells["price_amount"]), np.log(cells["units"]), 1)[0]
        assert abs(slope / elasticity - 1) > 0.25


def test_the_lift_of_promotions_is_told_apart_from_their_price_cut() -> None:
    for row in estimated(shop()):
        assert row["p10_promotion_lift_ratio"] < row["promotion_lift_ratio"] < row["p90_promotion_lift_ratio"]
        assert abs(row["promotion_lift_ratio"] / LIFT - 1) < 0.1


def test_eighty_percent_intervals_hold_the_truth_about_as_often() -> None:
    inside = []
    for seed in range(6):
        planted = planted_prices(seed=seed, products_per_path=6, units_per_week=8, spread=0.2)
        for row in estimated(planted):
            inside.append(row["p10_elasticity"] < planted.elasticity[row["product_id"]] < row["p90_elasticity"])
    assert 0.68 < np.mean(inside) < 0.92


def test_fewer_sales_mean_wider_intervals() -> None:
    few = path_results(price_response.fit(*_tables(planted_prices(units_per_week=1))))
    for path, (_, sd) in path_results(fitted()).items():
        assert few[path][1] > 1.2 * sd


def _tables(planted: PlantedShop) -> tuple[pa.Table, pa.Table]:
    return planted.cells, planted.products


def test_a_product_unlike_its_group_is_believed_when_it_sells_enough() -> None:
    planted = planted_prices(seed=3, units_per_week=300, spread=0.6)
    rows = estimated(planted)
    assert np.mean([row["fallback_level"] == "product" for row in rows]) > 0.9
    errors = [row["elasticity"] - planted.elasticity[row["product_id"]] for row in rows]
    assert np.sqrt(np.mean(np.square(errors))) < 0.3
    assert all("its own." in row["statement"] for row in rows if row["fallback_level"] == "product")


def test_a_product_whose_price_never_moved_takes_its_groups_elasticity_and_says_so() -> None:
    planted = shop()
    still = pc.equal(planted.cells["product_id"], "p000")
    index = planted.cells.schema.get_field_index("price_amount")
    prices = pc.if_else(still, 9.99, planted.cells["price_amount"])
    rows = estimated(
        PlantedShop(
            planted.cells.set_column(index, "price_amount", prices), planted.products, PATHS, planted.elasticity
        )
    )
    unmoved, others = rows[0], [row for row in rows[1:] if row["category_path"] == rows[0]["category_path"]]
    assert unmoved["product_id"] == "p000"
    assert not unmoved["is_identified"]
    assert unmoved["own_weight_rate"] == 0
    assert "never moved by more than 2%" in unmoved["statement"]
    assert unmoved["fallback_level"] in ("category_path", "category", "global")
    assert abs(unmoved["elasticity"] - np.mean([row["elasticity"] for row in others])) < 0.3
    assert unmoved["elasticity_sd"] >= max(row["elasticity_sd"] for row in others)


def test_a_shop_whose_prices_never_moved_knows_no_more_than_the_literature() -> None:
    for row in estimated(planted_prices(moves=False)):
        assert row["fallback_level"] == "prior"
        assert row["elasticity"] == pytest.approx(PRIOR_ELASTICITY)
        assert row["elasticity_sd"] >= PRIOR_SD
        assert row["promotion_lift_ratio"] is None
        assert not row["is_identified"]


def test_products_that_do_not_teach_take_their_groups_answer() -> None:
    planted = shop()
    left_out = pc.not_equal(planted.cells["product_id"], "p001")
    new = products_table(["x"], ["toys > bricks"], np.zeros(1))
    rows = {
        row["product_id"]: row
        for row in price_response.estimate(
            planted.cells.filter(left_out), pa.concat_tables([planted.products, new])
        ).to_pylist()
    }
    assert "too few to be among the products" in rows["p001"]["statement"]
    assert "not on sale" in rows["x"]["statement"]
    assert rows["x"]["elasticity"] == pytest.approx(PATHS["toys > bricks"], abs=0.5)
    assert rows["x"]["lowest_price_amount"] is None
    assert set(rows) == {*planted.elasticity, "x"}


def test_best_sellers_teach() -> None:
    products = products_table(["c", "b", "a", "none"], ["garden"] * 4, np.array([5.0, 9.0, 5.0, 0.0]))
    assert price_response.best_sellers(products, 2) == ["b", "a"]
    assert price_response.best_sellers(products, 9) == ["b", "a", "c"]


def test_a_bulk_order_that_nobody_flagged_decides_nothing() -> None:
    planted = shop()
    units = planted.cells["units"].to_numpy().copy()
    units[5] = 5000
    index = planted.cells.schema.get_field_index("units")
    spoilt = price_response.fit(planted.cells.set_column(index, "units", pa.array(units)), planted.products)
    for path, (mean, _) in path_results(spoilt).items():
        assert abs(mean - path_results(fitted())[path][0]) < 0.2


def test_the_order_of_rows_does_not_matter() -> None:
    planted = shop()
    backwards = planted.cells.take(pa.array(range(planted.cells.num_rows - 1, -1, -1)))
    assert price_response.estimate(backwards, planted.products).equals(
        price_response.estimate(planted.cells, planted.products)
    )


def test_nothing_and_next_to_nothing_are_no_error() -> None:
    cells, products = _tables(shop())
    assert price_response.estimate(cells.slice(0, 0), products.slice(0, 0)).equals(RESPONSE_SCHEMA.empty_table())
    without_cells = price_response.estimate(cells.slice(0, 0), products)
    assert without_cells.schema == RESPONSE_SCHEMA
    assert set(without_cells["fallback_level"].to_pylist()) == {"prior"}
    for rows in (1, 3):
        one = price_response.estimate(cells.slice(0, rows), products.slice(0, 1))
        assert one.num_rows == 1
        assert one["elasticity"][0].as_py() is not None
    unsold = cells.set_column(cells.schema.get_field_index("units"), "units", pa.array(np.zeros(cells.num_rows)))
    assert set(price_response.estimate(unsold, products)["fallback_level"].to_pylist()) == {"prior"}


def test_a_price_that_moves_between_quarters_only_says_nothing() -> None:
    """Levels of quarters take it up: whether the price or the fashion changed cannot be told."""
    cells, products = _tables(planted_prices(moves=False))
    quarter = [(AS_OF - day).days // 91 for day in cells["as_of_date"].to_pylist()]
    prices = cells["price_amount"].to_numpy() * (1 + 0.1 * np.array(quarter))
    cells = cells.set_column(cells.schema.get_field_index("price_amount"), "price_amount", pa.array(prices))
    rows = price_response.estimate(cells, products).to_pylist()
    assert {row["fallback_level"] for row in rows} == {"prior"}
    assert all("never in a quarter in which its price moved" in row["statement"] for row in rows)
    assert AS_OF - timedelta(days=91) > min(cells["as_of_date"].to_pylist())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-6, 1), st.one_of(st.floats(1e-4, 50), st.just(float("inf")))), min_size=1, max_size=12
    ),
    st.integers(1, 4),
)
def test_shrinkage_draws_every_node_towards_its_parent(nodes: list[tuple[float, float]], groups: int) -> None:
    slope, variance = (np.array(values) for values in zip(*nodes, strict=True))
    parent = np.arange(len(slope)) % groups
    tree = [parent, np.zeros(groups, dtype=np.int64)]
    tree[0][-1] = groups - 1
    group_slope, group_variance = np.full(groups, -1.5), np.full(groups, 0.2)
    posterior = shrink(slope, variance, group_slope, group_variance, tree)
    products, above = posterior.levels[0], posterior.levels[1]
    low, high = np.minimum(slope, above.mean[parent]), np.maximum(slope, above.mean[parent])
    assert np.all((products.mean >= low - 1e-9) & (products.mean <= high + 1e-9))
    assert np.all((products.own_weight >= 0) & (products.own_weight <= 1))
    silent = np.isinf(variance)
    assert np.allclose(products.mean[silent], above.mean[parent][silent])
    assert np.all(products.sd[silent] >= above.sd[parent][silent] - 1e-9)
    wider = shrink(slope, variance, group_slope, group_variance, tree, shared_variance=0.5)
    assert all(np.all(b.sd > a.sd) for a, b in zip(posterior.levels, wider.levels, strict=True))

"""Vectors in the warehouse: SQL scores are the Python recommender's, and a query can make a customer's list without Python."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import ROOT, Warehouse, load_module
from macro_harness import MacroHarness
from planted_taste import known_of, planted_cut, with_products
from scipy.sparse import csr_array

from trendhouse.artifacts import FITS_SCHEMA, Fit, to_table
from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.candidates import als
from trendhouse.recommendation.factors import customer_factors, product_factors, vectors_schema
from trendhouse.recommendation.serving import known_without_visits, latest_fits
from trendhouse.recommendation.similar_products import SIMILAR_SCHEMA
from trendhouse.recommendation.snapshots import resting_of
from trendhouse.recommendation.top_products import recommended

TODAY = date(2024, 6, 3)
# What single precision, in which Python scores, can tell.
PRECISION = 1e-6


def fit_of(known: Known, data_to: date = date(2024, 6, 2), fit_id: str = "fit") -> Fit:
    parameters = als.CANDIDATE.parameters()
    text = als.CANDIDATE.fit(known, parameters, 1)
    assert text is not None
    at = datetime(2024, 6, 3)
    return Fit(fit_id, "recommendation", "als", False, at, TODAY, data_to, "key", parameters, [], {}, {}, text)


@cache
def planted() -> tuple[Known, Fit]:
    known = planted_cut(customers=120, products=60).known
    return known, fit_of(known)


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> MacroHarness:
    folder: Path = tmp_path_factory.mktemp("macros")
    return MacroHarness(folder)


def test_sql_scores_are_the_recommenders(harness: MacroHarness) -> None:
    """Also of products that came after the fit, which neither knows."""
    known, fit = planted()
    known = with_products(known, ["p500"])
    rows = np.arange(len(known.interactions.customers))
    expected = als.CANDIDATE.load(fit.artifact).scores(known, rows)
    subquery = harness.render("similarity_of", "customers", "customer_id", "products", "product_id", "dot")
    found = harness.query(
        f"select * from {subquery} as s",
        customers=customer_factors(known, fit, 1, TODAY).to_pandas(),
        products=product_factors(known, fit, TODAY).to_pandas(),
    )
    scores = np.full(expected.shape, -np.inf)
    row = np.searchsorted(known.interactions.customers, found.left_key.to_numpy().astype(str))
    scores[row, known.interactions.columns_of(found.right_key.to_numpy().astype(str))] = found.similarity
    assert np.array_equal(np.isfinite(scores), np.isfinite(expected))
    is_there = np.isfinite(expected)
    np.testing.assert_allclose(scores[is_there], expected[is_there], rtol=PRECISION, atol=PRECISION)


def test_customers_of_today_have_vectors_and_customers_of_unknown_products_have_none() -> None:
    _, fit = planted()
    names = [f"p{number:03d}" for number in range(60)]
    known = known_of([("new", "p001", 3.0, 1), ("new", "p007", 3.0, 1), ("odd", "p900", 3.0, 1)], [*names, "p900"])
    table = customer_factors(known, fit, 1, TODAY)
    assert set(table["customer_id"].to_pylist()) == {"new"}
    assert sorted(table["dimension"].to_pylist()) == list(range(1, 65))
    assert set(table["fit_id"].to_pylist()) == {"fit"} and set(table["as_of_date"].to_pylist()) == {TODAY}


# ---- The dbt Python models. -----------------------------------------------------------------------------------------


class Config:
    def meta_get(self, name: str) -> str:
        return {"threads": "1"}[name]


@dataclass
class FakeDbt:
    connection: duckdb.DuckDBPyConnection
    config: Config

    def ref(self, name: str) -> Any:
        return self.connection.table(name)


def house(fits: list[Fit], rows: int | None = None) -> duckdb.DuckDBPyConnection:
    """The tables that the models read, of one as-of date; with `rows` 0 they are empty."""
    known, _ = planted()
    weights = known.interactions.weights.tocoo()
    count = weights.nnz
    tables = {
        "feat_recommendation_interactions": pa.table(
            {
                "customer_id": known.interactions.customers[weights.coords[0]].tolist(),
                "product_id": known.interactions.products[weights.coords[1]].tolist(),
                "interaction_weight": weights.data.astype(np.float64),
                "purchases_364d": pa.array([1] * count, pa.int64()),
                "days_since_last_interaction": pa.array([1] * count, pa.int32()),
                "days_since_last_purchase": pa.array([1] * count, pa.int32()),
                "as_of_date": [TODAY] * count,
            }
        ),
        "feat_recommendation_catalogue": known.catalogue.append_column(
            "as_of_date", pa.array([TODAY] * known.catalogue.num_rows)
        ),
        "ml_recommendation__shown_products": pa.table(
            {
                "product_id": known.catalogue["product_id"],
                "category": known.catalogue["category"],
                "is_shown": [True] * known.catalogue.num_rows,
                "as_of_date": [TODAY] * known.catalogue.num_rows,
            }
        ),
    }
    connection = duckdb.connect()
    for name, table in tables.items():
        connection.register("given", table.slice(0, rows))
        connection.execute(f"create table {name} as select * from given")
    connection.register("given", to_table(fits) if fits else FITS_SCHEMA.empty_table())
    connection.execute("create table ml_recommendation__fits as select * from given")
    return connection


SCHEMAS = {
    "ml_recommendation__product_vectors": vectors_schema("product_id"),
    "ml_recommendation__customer_vectors": vectors_schema("customer_id"),
    "ml_recommendation__similar_products": SIMILAR_SCHEMA,
}


def run(name: str, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    (path,) = (ROOT / "python_models").rglob(f"{name}.py")
    return load_module(path).model(FakeDbt(connection, Config()), connection)


@pytest.mark.parametrize("name", SCHEMAS)
def test_models_give_rows_of_their_schema_and_typed_rows_for_none(name: str) -> None:
    made, none = run(name, house([planted()[1]])), run(name, house([], 0))
    assert made.num_rows > 0 and none.num_rows == 0
    assert made.schema == none.schema == SCHEMAS[name]


def test_models_take_the_latest_fit_that_knew_no_later_day() -> None:
    known, _ = planted()
    days = {"old": date(2024, 5, 5), "latest": date(2024, 6, 2), "later": date(2024, 6, 3)}
    fits = [fit_of(known, day, name) for name, day in days.items()]
    assert set(run("ml_recommendation__product_vectors", house(fits))["fit_id"].to_pylist()) == {"latest"}
    assert run("ml_recommendation__customer_vectors", house(fits[2:])).num_rows == 0, "only the future was fitted"
    assert run("ml_recommendation__customer_vectors", house([])).num_rows == 0, "nothing was"


# ---- The demo shop. -------------------------------------------------------------------------------------------------


def test_a_query_makes_the_list_that_python_makes(demo_warehouse: Warehouse) -> None:
    """The analysis, as a BI tool would run it, against the recommender with the same products left out."""
    demo_warehouse.dbt("compile", "--select", "next_products_of_a_customer")
    (compiled,) = demo_warehouse.target.rglob("compiled/**/next_products_of_a_customer.sql")
    with duckdb.connect(str(demo_warehouse.path), read_only=True) as connection:
        listed = connection.execute(compiled.read_text()).df()
        (today,) = connection.execute("select as_of_date from main_core.dim_as_of").fetchall()[0]
        interactions = connection.table("main_features.feat_recommendation_interactions")
        known = known_without_visits(
            interactions, connection.table("main_features.feat_recommendation_catalogue"), today
        )
        (fit,) = latest_fits(connection.table("main_ml.ml_recommendation__fits"), ["als"], today)
        shown = connection.table("main_ml.ml_recommendation__shown_products").to_arrow_table()
    hidden = shown.filter(pc.invert(shown["is_shown"]))["product_id"]
    excluded = resting_of(known.interactions, shown.select(["product_id", "rest_days"])).toarray()
    columns = known.interactions.columns_of(np.asarray(hidden.to_pylist(), dtype=np.str_))
    excluded[:, columns[columns >= 0]] = 1
    customers = np.asarray(sorted(set(listed.customer_id)), dtype=np.str_)
    rows = known.interactions.rows_of(customers)
    assert len(rows) > 10 and (rows >= 0).all()
    recommender = als.CANDIDATE.load(fit.artifact)
    expected, scores = recommended(recommender, known, rows, 10, 1, csr_array(excluded))
    for row, customer in enumerate(customers):
        of = listed[listed.customer_id == customer].sort_values("place")
        np.testing.assert_allclose(of.similarity, scores[row], rtol=PRECISION, atol=PRECISION)
        assert set(of.product_id) == set(known.interactions.products[expected[row]])

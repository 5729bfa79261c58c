"""Similarity, top lists and association in SQL against numpy and scipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dbt_common.exceptions import DbtRuntimeError
from macro_harness import MacroHarness
from scipy.stats import chi2, chi2_contingency


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> MacroHarness:
    folder: Path = tmp_path_factory.mktemp("macros")
    return MacroHarness(folder)


def long_form(matrix: np.ndarray, key: str, letter: str) -> pd.DataFrame:
    """A row per entry that is not 0."""
    row, column = np.nonzero(matrix)
    return pd.DataFrame(
        {key: [f"{letter}{r:03d}" for r in row], "dimension": [f"d{c}" for c in column], "value": matrix[row, column]}
    )


@pytest.fixture(scope="module")
def vectors() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    customers, products = generator.normal(size=(15, 8)), generator.normal(size=(40, 8))
    return np.where(abs(customers) > 0.8, customers, 0), np.where(abs(products) > 0.5, products, 0)


@pytest.mark.parametrize("measure", ["dot", "cosine"])
def test_similarity_equals_numpy(harness: MacroHarness, vectors: tuple[np.ndarray, np.ndarray], measure: str) -> None:
    customers, products = vectors
    expected = customers @ products.T
    if measure == "cosine":
        lengths = np.linalg.norm(customers, axis=1)[:, None] * np.linalg.norm(products, axis=1)
        expected = np.divide(expected, lengths, out=np.zeros(expected.shape), where=lengths > 0)
    subquery = harness.render("similarity_of", "customers", "customer_id", "products", "product_id", measure)
    found = harness.query(
        f"select * from {subquery} as s",
        customers=long_form(customers, "customer_id", "k"),
        products=long_form(products, "product_id", "p"),
    )
    table = np.zeros(expected.shape)
    table[found.left_key.str[1:].astype(int), found.right_key.str[1:].astype(int)] = found.similarity
    np.testing.assert_allclose(table, expected, atol=1e-8)
    assert len(found) == ((customers != 0).astype(int) @ (products != 0).astype(int).T > 0).sum()


def test_similarity_of_a_table_with_itself(harness: MacroHarness, vectors: tuple[np.ndarray, np.ndarray]) -> None:
    products = long_form(vectors[1], "product_id", "p").rename(columns={"dimension": "axis", "value": "weight"})
    subquery = harness.render(
        "similarity_of", "products", "product_id", "products", "product_id", dimension="axis", value="weight"
    )
    found = harness.query(f"select * from {subquery} as s where left_key = right_key", products=products)
    np.testing.assert_allclose(found.similarity, 1, atol=1e-8)
    assert len(found) == products.product_id.nunique()


def test_unknown_measure_is_refused(harness: MacroHarness) -> None:
    with pytest.raises(DbtRuntimeError, match="cosine and dot"):
        harness.render("similarity_of", "a", "a_id", "b", "b_id", "jaccard")


def test_top_n_is_the_head_of_each_key(harness: MacroHarness) -> None:
    generator = np.random.default_rng(2)
    scores = pd.DataFrame(
        {
            "customer_id": generator.choice(list("abc"), 60),
            "product_id": [f"p{number:02d}" for number in generator.permutation(60)],
            "score": generator.integers(0, 6, 60).astype(float),
        }
    )
    subquery = harness.render("top_n", "scores", 4, "customer_id", "product_id", "score")
    found = harness.query(f"select * from {subquery} as t order by customer_id, place", scores=scores)
    expected = scores.sort_values(["customer_id", "score", "product_id"], ascending=[True, False, True])
    expected = expected.groupby("customer_id").head(4).reset_index(drop=True)
    pd.testing.assert_frame_equal(found[["customer_id", "product_id", "score"]], expected)
    assert found.place.tolist() == [1, 2, 3, 4] * 3


@pytest.mark.parametrize(
    "counts", [(20, 100, 40, 1000), (5, 5, 9, 500), (1, 60, 70, 130), (0, 30, 10, 90), (8, 8, 8, 20)]
)
def test_log_likelihood_ratio_equals_scipy(harness: MacroHarness, counts: tuple[int, int, int, int]) -> None:
    together, first, second, total = counts
    table = np.array([[together, first - together], [second - together, total - first - second + together]])
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert harness.value(harness.render("log_likelihood_ratio", *map(str, counts))) == pytest.approx(expected)


def test_unrelated_things_go_together_as_often_as_chance_has_it(harness: MacroHarness) -> None:
    """The bound of pred_bought_together is passed by about one in a thousand pairs that have nothing to do with each other."""
    assert chi2.sf(10.83, df=1) == pytest.approx(0.001, rel=0.01)
    generator = np.random.default_rng(3)
    together = generator.hypergeometric(400, 3600, 300, 20_000)
    expression = harness.render("log_likelihood_ratio", "together", "400", "300", "4000")
    found = np.array(harness.values(expression, pd.DataFrame({"together": together})))
    assert (found >= 10.83).mean() == pytest.approx(0.001, abs=0.0008)


def test_shrinkage_draws_rare_counts_to_one(harness: MacroHarness) -> None:
    few, many = (harness.value(harness.render("shrunk_ratio", *counts, 5)) for counts in (("2", "0.5"), ("400", "100")))
    assert 1 < few < 1.5
    assert many == pytest.approx(4, abs=0.2)
    assert harness.value(harness.render("shrunk_ratio", "7", "7", 5)) == 1


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_both_engines_get_the_same_sql(harness: MacroHarness, engine: str) -> None:
    subquery = harness.render("similarity_of", "a", "a_id", "b", "b_id", engine=engine)
    assert subquery == harness.render("similarity_of", "a", "a_id", "b", "b_id")

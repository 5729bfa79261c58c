"""Neighbours of products: who deals with them overrules what is written about them, as far as it is known, and every product has some."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from planted_taste import COMMUNITIES, catalogue, known_of, planted_cut, with_products

from trendhouse.artifacts import Fit
from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.candidates import candidates
from trendhouse.recommendation.confidence import confidence, mean_confidence
from trendhouse.recommendation.similar_products import ALGORITHMS, PLACES, SIMILAR_SCHEMA, similar_products

TODAY = date(2024, 6, 3)


def fits_of(known: Known) -> list[Fit]:
    fits = []
    for name in ALGORITHMS:
        candidate = candidates()[name]
        parameters = candidate.parameters()
        text = candidate.fit(known, parameters, 1)
        if text is not None:
            at = datetime(2024, 6, 3, tzinfo=UTC)
            fits.append(Fit(name, "recommendation", name, False, at, TODAY, TODAY, "key", parameters, [], {}, {}, text))
    return fits


def shown_of(known: Known, hidden: tuple[str, ...] = (), unlisted: tuple[str, ...] = ()) -> pa.Table:
    """All products of the catalogue and some that it does not list; what is neither of these nor hidden may be shown."""
    names = known.interactions.products.tolist()
    return pa.table(
        {
            "product_id": [*unlisted, *names],
            "category": [*("unknown" for _ in unlisted), *known.catalogue["category"].to_pylist()],
            "is_shown": [*(False for _ in unlisted), *(name not in hidden for name in names)],
        }
    )


@cache
def planted() -> Known:
    return planted_cut(customers=300, products=90).known


@cache
def found() -> list[dict]:
    return similar_products(planted(), shown_of(planted()), fits_of(planted()), 1, TODAY).to_pylist()


def lists(rows: list[dict]) -> dict[str, list[dict]]:
    by_product: dict[str, list[dict]] = {}
    for row in rows:
        by_product.setdefault(row["product_id"], []).append(row)
    return {name: sorted(of, key=lambda row: row["place"]) for name, of in by_product.items()}


def test_neighbours_are_of_the_planted_community_though_catalogues_say_otherwise() -> None:
    top = [row for row in found() if row["place"] <= 5]
    same = [int(row["product_id"][1:]) % COMMUNITIES == int(row["other_product_id"][1:]) % COMMUNITIES for row in top]
    assert np.mean(same) > 3 / COMMUNITIES
    assert np.mean([row["fallback_level"] == "behaviour" for row in top]) > 0.9


def test_scores_are_the_formula_of_the_module() -> None:
    """Every pair of products, from the definition: a.b and |a||b| over customers, cosines of content, least squares for what content is worth."""
    weights = planted().interactions.weights
    sure = confidence(weights, mean_confidence(weights)).toarray().astype(np.float64)
    dot, lengths = sure.T @ sure, np.linalg.norm(sure, axis=0)
    vectors = candidates()["content"].load(fits_of(planted())[1].artifact).product_vectors(planted()).toarray()
    content, product = vectors @ vectors.T, np.outer(lengths, lengths)
    weight, shrunk = product / (product + 5), dot / (product + 5)
    np.fill_diagonal(shrunk, 0)  # a product is no neighbour of itself
    worth = (shrunk * content).sum() / (weight * content**2).sum()
    expected = (dot + 5 * worth * content) / (product + 5)
    np.fill_diagonal(expected, -np.inf)
    best = np.sort(expected, axis=1)[:, ::-1][:, :PLACES]
    names = planted().interactions.products
    for name, rows in lists(found()).items():
        np.testing.assert_allclose([row["score"] for row in rows], best[np.searchsorted(names, name)], atol=2e-5)


def test_the_more_customers_the_more_behaviour_counts() -> None:
    rows = [("many", 20), ("also", 20), ("few", 1), ("rare", 1)]
    interactions = [(f"c{one}", name, 1.0, 3) for name, customers in rows for one in range(customers)]
    known = known_of(interactions, [name for name, _ in rows])
    pairs = {
        (row["product_id"], row["other_product_id"]): row
        for row in similar_products(known, shown_of(known), fits_of(known), 1, TODAY).to_pylist()
    }
    well_known, unknown = pairs["many", "also"], pairs["few", "rare"]
    assert well_known["behaviour_weight"] == pytest.approx(20 / 25, abs=1e-6)
    assert unknown["behaviour_weight"] == pytest.approx(1 / 6, abs=1e-6)
    assert well_known["behaviour_similarity"] > 4 * unknown["behaviour_similarity"]


def test_a_product_that_nobody_met_has_neighbours_by_content() -> None:
    known = with_products(planted(), ["p900", "p901"])
    rows = similar_products(known, shown_of(known), fits_of(planted()), 1, TODAY).to_pylist()
    labels = dict(zip(known.interactions.products.tolist(), labels_of(known), strict=True))
    for row in lists(rows)["p900"][:5]:
        assert (row["fallback_level"], row["behaviour_weight"], row["behaviour_similarity"]) == ("content", 0, 0)
        shared = [one == other for one, other in zip(labels["p900"], labels[row["other_product_id"]], strict=True)]
        assert sum(shared) >= 2


def labels_of(known: Known) -> list[tuple[object, ...]]:
    """Category, brand and size of price of each product, which is all that its text is made of."""
    category, brand, price = (known.catalogue[name] for name in ("category", "brand", "list_price_amount"))
    return list(zip(category.to_pylist(), brand.to_pylist(), np.floor(np.log2(price.to_numpy())), strict=True))


def test_every_product_has_as_many_neighbours_as_there_are_and_only_such_as_may_be_shown() -> None:
    names = planted().interactions.products.tolist()
    for shown_ones in (1, 5, 60):
        hidden = tuple(names[shown_ones:])
        shown = shown_of(planted(), hidden, ("unlisted",))
        rows = lists(similar_products(planted(), shown, fits_of(planted()), 1, TODAY).to_pylist())
        for name in shown["product_id"].to_pylist():
            listed = [row["other_product_id"] for row in rows.get(name, [])]
            assert len(listed) == len(set(listed)) == min(PLACES, shown_ones - (name in names[:shown_ones]))
            assert not {name, *hidden} & set(listed)
            assert [row["place"] for row in rows.get(name, [])] == list(range(1, len(listed) + 1))
            scores = [row["score"] for row in rows.get(name, [])]
            assert scores == sorted(scores, reverse=True)


def test_without_any_fit_the_category_comes_first_and_then_the_shop() -> None:
    rows = lists(similar_products(planted(), shown_of(planted(), (), ("unlisted",)), [], 1, TODAY).to_pylist())
    category = dict(
        zip(planted().interactions.products.tolist(), planted().catalogue["category"].to_pylist(), strict=True)
    )
    assert {row["fallback_level"] for row in rows["unlisted"]} == {"global"}
    fits = {(row["behaviour_fit_id"], row["content_fit_id"]) for row in rows["unlisted"]}
    assert fits == {(None, None)}
    for name, of in rows.items():
        if name != "unlisted":
            same = [category[row["other_product_id"]] == category[name] for row in of]
            assert [row["fallback_level"] for row in of] == ["category" if one else "global" for one in same]
            assert same == sorted(same, reverse=True)
            assert any(same)


def test_words_that_both_have_are_the_reason() -> None:
    filler = [f"filler{number}" for number in range(30)]
    names = np.array(sorted(["a", "b", *filler]))
    texts = {"a": "Walnut desk 980", "b": "Desk of walnut 980"}
    table = catalogue(names)
    table = table.set_column(1, "name", pa.array([texts.get(name) for name in names.tolist()], pa.string()))
    known = replace(known_of([("c", "a", 1.0, 1)], names.tolist()), catalogue=table)
    first = lists(similar_products(known, shown_of(known), fits_of(known), 1, TODAY).to_pylist())["a"][0]
    assert (first["other_product_id"], first["fallback_level"]) == ("b", "content")
    assert sorted(first["shared_words"].split(", ")) == ["desk", "walnut"]


def test_the_number_of_threads_and_the_order_of_rows_make_no_difference() -> None:
    shown = shown_of(planted())
    turned = shown.take(pa.array(np.arange(shown.num_rows)[::-1]))
    assert similar_products(planted(), turned, fits_of(planted())[::-1], 2, TODAY).to_pylist() == found()


def test_nothing_to_show_gives_typed_rows() -> None:
    nothing = known_of([], [])
    for known, shown in ((nothing, shown_of(nothing)), (planted(), shown_of(planted()).slice(0, 0))):
        table = similar_products(known, shown, [], 1, TODAY)
        assert (table.num_rows, table.schema) == (0, SIMILAR_SCHEMA)

"""Candidates that read content, sessions and repeat purchases: each finds what it is there to find, and says nothing where it knows nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from trendhouse.recommendation.candidate import Candidate, Known
from trendhouse.recommendation.candidates import candidates
from trendhouse.recommendation.candidates.session import Path, transitions
from trendhouse.recommendation.interactions import Floats, from_table
from trendhouse.recommendation.product_text import learn_vocabulary, product_vectors, words
from trendhouse.recommendation.top_products import largest_entries

CATALOGUE_TYPES = {
    "product_id": pa.string(),
    "name": pa.string(),
    "description": pa.string(),
    "category": pa.string(),
    "subcategory": pa.string(),
    "brand": pa.string(),
    "seller_id": pa.string(),
    "list_price_amount": pa.float64(),
}
VISIT_TYPES = {
    "customer_id": pa.string(),
    "session_id": pa.string(),
    "product_id": pa.string(),
    "position": pa.int64(),
    "days_ago": pa.int64(),
}
INTERACTION_TYPES = {
    "customer_id": pa.string(),
    "product_id": pa.string(),
    "interaction_weight": pa.float64(),
    "purchases_364d": pa.int64(),
    "days_since_last_interaction": pa.int32(),
    "days_since_last_purchase": pa.int32(),
}
INK = {"name": "Ink black", "description": "ink for pens", "category": "office", "subcategory": "ink", "brand": "a"}
LAMP = {
    "name": "Lamp",
    "description": "bright lamp for desks",
    "category": "home",
    "subcategory": "light",
    "brand": "b",
}


def table(rows: list[dict], types: dict[str, pa.DataType]) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in types} for row in rows], pa.schema(types))


def known(products: list[dict], interactions: list[dict] = (), visits: list[dict] = ()) -> Known:
    """Products in the order of their keys; an interaction is a purchase unless it says otherwise."""
    defaults = {"interaction_weight": 1.0, "purchases_364d": 1, "days_since_last_interaction": 30}
    rows = [{**defaults, **row} for row in interactions]
    rows = [{"days_since_last_purchase": row["days_since_last_interaction"], **row} for row in rows]
    catalogue = table(sorted(products, key=lambda product: product["product_id"]), CATALOGUE_TYPES)
    names = np.asarray(catalogue.column("product_id").to_pylist(), dtype=np.str_)
    return Known(from_table(table(rows, INTERACTION_TYPES), names), catalogue, table(list(visits), VISIT_TYPES))


def session(name: str, products: str, customer: str | None = None, days_ago: int = 5) -> list[dict]:
    """Visits to products of one letter each, in turn."""
    return [
        {"customer_id": customer, "session_id": name, "product_id": product, "position": place, "days_ago": days_ago}
        for place, product in enumerate(products, 1)
    ]


def scores_of(candidate: Candidate, learnt: Known, asked: Known | None = None) -> Floats:
    """Scores of every customer, from the artifact."""
    asked = asked or learnt
    artifact = candidate.fit(learnt, candidate.parameters(), threads=1)
    assert artifact is not None
    scores = candidate.load(artifact).scores(asked, np.arange(len(asked.interactions.customers)))
    assert scores.dtype == np.float32
    assert not np.isnan(scores).any()
    return scores


CONTENT, SESSION, REPURCHASE = (candidates()[name] for name in ("content", "session", "repurchase"))


# ---- content --------------------------------------------------------------------------------------------------------


def stationery() -> list[dict]:
    return [
        {"product_id": "ink1", **INK, "list_price_amount": 3.0},
        {"product_id": "ink2", **INK, "name": "Ink blue", "list_price_amount": 3.2},
        {"product_id": "lamp1", **LAMP, "list_price_amount": 40.0},
        {"product_id": "lamp2", **LAMP, "brand": "c", "list_price_amount": 60.0},
        {"product_id": "blank"},
    ]


def test_twin_in_text_is_the_nearest() -> None:
    catalogue = known([*stationery(), {"product_id": "ink1_twin", **INK, "list_price_amount": 3.0}]).catalogue
    vocabulary = learn_vocabulary(catalogue, min_products=1, max_terms=100)
    assert vocabulary is not None
    cosines = (product_vectors(catalogue, vocabulary) @ product_vectors(catalogue, vocabulary).T).toarray()
    names = catalogue.column("product_id").to_pylist()
    row = cosines[names.index("ink1")]
    assert row[names.index("ink1_twin")] == pytest.approx(1, abs=1e-6)
    assert max(row[names.index(other)] for other in ("ink2", "lamp1", "lamp2", "blank")) < 0.999


def test_customer_gets_what_resembles_what_was_bought() -> None:
    shop = known(
        stationery(), [{"customer_id": "k", "product_id": "ink1"}, {"customer_id": "m", "product_id": "lamp1"}]
    )
    scores = dict(zip(shop.interactions.products, scores_of(CONTENT, shop).T, strict=True))
    assert scores["ink2"][0] > scores["lamp2"][0] and scores["lamp2"][1] > scores["ink2"][1]
    assert np.isneginf(scores["blank"]).all()


def test_new_product_is_scored_without_a_new_fit() -> None:
    bought = [{"customer_id": "k", "product_id": "ink1"}]
    shop, later = (
        known(products, bought) for products in (stationery(), [*stationery(), {"product_id": "new_ink", **INK}])
    )
    scores = dict(zip(later.interactions.products, scores_of(CONTENT, shop, later)[0], strict=True))
    assert scores["new_ink"] > scores["lamp1"]


def test_customer_who_only_met_unknown_products_hears_nothing() -> None:
    shop = known(stationery(), [{"customer_id": "k", "product_id": "blank"}])
    assert np.isneginf(scores_of(CONTENT, shop)).all()


def test_words_of_scripts_without_spaces_are_pairs_of_characters() -> None:
    assert list(words("Grüne Tasse, 2x")) == ["grüne", "tasse", "2x"]
    assert list(words("无线耳机 Pro")) == ["无线", "线耳", "耳机", "pro"]
    assert list(words("茶")) == ["茶"]


# ---- session --------------------------------------------------------------------------------------------------------


def letters(names: str, categories: dict[str, str] | None = None) -> list[dict]:
    return [{"product_id": name, "category": (categories or {}).get(name, "all")} for name in names]


def test_planted_transition_is_found() -> None:
    generator = np.random.default_rng(1)
    visits = [
        visit for number in range(300) for visit in session(f"s{number}", "".join(generator.permutation(list("cdef"))))
    ]
    visits += [visit for number in range(60) for visit in session(f"t{number}", "ab")]
    shop = known(letters("abcdef"), [{"customer_id": "k", "product_id": "a"}], [*visits, *session("now", "a", "k", 1)])
    scores = scores_of(SESSION, shop)[0]
    assert shop.interactions.products[np.argmax(scores)] == "b"


def test_later_visits_count_more_than_earlier_ones() -> None:
    visits = [visit for number in range(50) for pair in ("ab", "cd") for visit in session(f"{pair}{number}", pair)]
    shop = known(
        letters("abcd"),
        [{"customer_id": customer, "product_id": "a"} for customer in "kmn"],
        [*visits, *session("x", "ac", "k", 1), *session("y", "ca", "m", 1)],
    )
    by_product = dict(zip(shop.interactions.products, scores_of(SESSION, shop).T, strict=True))
    assert by_product["d"][0] > by_product["b"][0]
    assert by_product["b"][1] > by_product["d"][1]
    assert np.isneginf([column[2] for column in by_product.values()]).all()


def test_product_without_visits_backs_off_to_its_category() -> None:
    categories = {"a": "garden", "b": "garden", "z": "garden", "c": "toys", "d": "toys"}
    visits = [visit for number in range(50) for pair in ("ab", "cd") for visit in session(f"{pair}{number}", pair)]
    visits += session("z", "z", "k", 1)
    learnt = known(letters("abcd", categories), [{"customer_id": "k", "product_id": "a"}], visits)
    asked = known(letters("abcdz", categories), [{"customer_id": "k", "product_id": "a"}], visits)
    scores = dict(zip(asked.interactions.products, scores_of(SESSION, learnt, asked)[0], strict=True))
    assert scores["b"] > scores["d"] > 0
    assert np.isneginf(scores["z"])


def test_only_the_commonest_successors_are_kept() -> None:
    counts = csr_array(np.array([[0, 3.0, 1, 3], [5, 0, 0, 0], [1, 2, 0, 2], [0, 0, 0, 0]]))
    np.testing.assert_array_equal(
        largest_entries(counts, 2).toarray(), [[0, 3, 0, 3], [5, 0, 0, 0], [0, 2, 0, 2], [0, 0, 0, 0]]
    )
    np.testing.assert_array_equal(largest_entries(counts, 1).toarray()[0], [0, 3, 0, 0])


def test_transitions_fade_with_distance_and_time() -> None:
    """In a, b, c the step from a to c counts half of that from a to b; a session 10 days older counts half; sessions do not run into each other."""
    products = np.array(["a", "b", "c"])
    path = Path(np.array([0, 1, 2, 0, 1]), np.array([0, 0, 0, 1, 1]), np.array([5, 5, 5, 15, 15]))
    found = transitions(path, len(products), window=2, step_decay=0.5, half_life_days=10).toarray() / 0.5**0.5
    np.testing.assert_allclose(found, [[0, 1.5, 0.5], [0, 0, 1], [0, 0, 0]])


def test_chances_of_the_next_product_sum_to_one_and_blocks_do_not_matter() -> None:
    generator = np.random.default_rng(2)
    visits = []
    for number in range(80):
        products = "".join(generator.choice(list("abcdefgh"), 5))
        visits += session(f"s{number}", products, f"k{number % 9}", int(generator.integers(1, 100)))
    interactions = [{"customer_id": f"k{number}", "product_id": "a"} for number in range(9)]
    shop = known(letters("abcdefgh", {"a": "x", "b": "x"}), interactions, visits)
    scores = scores_of(SESSION, shop)
    np.testing.assert_allclose(np.where(np.isfinite(scores), scores, 0).sum(axis=1), 1, rtol=1e-5)
    artifact = SESSION.fit(shop, SESSION.parameters(), threads=1)
    assert artifact is not None
    np.testing.assert_array_equal(SESSION.load(artifact).scores(shop, np.array([7, 2])), scores[[7, 2]])


# ---- repurchase -----------------------------------------------------------------------------------------------------


def pantry(**other: list[dict]) -> Known:
    """Coffee is bought every four weeks by most, a sofa once; others may be added."""
    products = [
        {"product_id": "coffee", "category": "grocery", "subcategory": "drinks"},
        {"product_id": "sofa", "category": "home", "subcategory": "seats"},
        {"product_id": "tea", "category": "grocery", "subcategory": "drinks"},
    ]
    interactions = []
    for number in range(100):
        last = 1 + number % 28
        interactions += [
            {
                "customer_id": f"c{number}",
                "product_id": "coffee",
                "purchases_364d": 13,
                "days_since_last_interaction": last,
            },
            {"customer_id": f"s{number}", "product_id": "sofa", "days_since_last_interaction": 1 + 3 * number},
        ]
    return known(products, interactions + other.get("interactions", []))


def test_consumable_due_outranks_one_just_bought_and_one_long_given_up() -> None:
    bought = [
        {"customer_id": customer, "product_id": "coffee", "purchases_364d": 6, "days_since_last_interaction": days}
        for customer, days in (("due", 30), ("just", 1), ("lost", 300))
    ]
    shop = pantry(interactions=bought)
    scores = scores_of(REPURCHASE, shop)
    rows = dict(zip(shop.interactions.customers, scores, strict=True))
    coffee = int(shop.interactions.columns_of(np.array(["coffee"]))[0])
    assert rows["due"][coffee] > rows["just"][coffee] > 0
    assert rows["due"][coffee] > 3 * rows["lost"][coffee]


def test_only_what_was_bought_has_a_chance_and_the_durable_a_small_one() -> None:
    looked = {"customer_id": "c1", "product_id": "sofa", "purchases_364d": 0, "days_since_last_purchase": None}
    shop = pantry(interactions=[looked])
    scores = scores_of(REPURCHASE, shop)
    bought = np.isfinite(scores)
    np.testing.assert_array_equal(bought, shop.interactions.purchases.toarray() > 0)
    assert scores[bought].min() >= 0 and scores[bought].max() <= 1
    columns = {name: scores[:, place][bought[:, place]] for place, name in enumerate(shop.interactions.products)}
    assert columns["coffee"].min() > columns["sofa"].max()


def test_a_look_is_no_purchase() -> None:
    """Who looks at what is due is still due: only the last purchase starts the clock again."""
    interactions = [
        {"customer_id": "looks", "days_since_last_interaction": 1, "days_since_last_purchase": 30},
        {"customer_id": "waits", "days_since_last_interaction": 30},
    ]
    shop = pantry(interactions=[{"product_id": "coffee", "purchases_364d": 6, **row} for row in interactions])
    rows = dict(zip(shop.interactions.customers, scores_of(REPURCHASE, shop), strict=True))
    np.testing.assert_array_equal(rows["looks"], rows["waits"])


def test_product_of_no_fit_takes_the_rhythm_of_its_kind() -> None:
    learnt = pantry()
    asked = pantry(interactions=[{"customer_id": "x", "product_id": "tea", "days_since_last_interaction": 28}])
    artifact = REPURCHASE.fit(learnt, REPURCHASE.parameters(), threads=1)
    assert artifact is not None
    row = asked.interactions.rows_of(np.array(["x"]))
    scores = dict(zip(asked.interactions.products, REPURCHASE.load(artifact).scores(asked, row)[0], strict=True))
    assert scores["tea"] > 0.3
    assert np.isneginf([scores["coffee"], scores["sofa"]]).all()


# ---- all three ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("candidate", [CONTENT, SESSION, REPURCHASE], ids=lambda candidate: candidate.algorithm)
def test_nothing_to_learn_from_gives_no_fit(candidate: Candidate) -> None:
    alone = known(letters("ab"), [{"customer_id": "k", "product_id": "a", "purchases_364d": 1}], session("s", "a", "k"))
    for shop in (known([]), known([{"product_id": "a"}, {"product_id": "b"}])):
        assert candidate.fit(shop, candidate.parameters(), threads=1) is None
    if candidate is not CONTENT:
        assert candidate.fit(alone, candidate.parameters(), threads=1) is None


@pytest.mark.parametrize("candidate", [CONTENT, SESSION, REPURCHASE], ids=lambda candidate: candidate.algorithm)
def test_order_of_rows_makes_no_difference_and_nobody_may_ask(candidate: Candidate) -> None:
    generator = np.random.default_rng(3)
    names = "abcdefgh"
    products = [
        {
            "product_id": name,
            "name": f"thing {place % 3} {place % 2}",
            "category": f"c{place % 3}",
            "list_price_amount": 3.0,
        }
        for place, name in enumerate(names)
    ]
    interactions = [
        {"customer_id": f"k{row}", "product_id": name, "purchases_364d": int(count), "days_since_last_interaction": 9}
        for row in range(20)
        for name, count in zip(names, generator.integers(0, 4, len(names)), strict=True)
    ]
    visits = []
    for number in range(60):
        visits += session(f"s{number}", "".join(generator.choice(list(names), 4)), f"k{number % 20}", number + 1)
    shop = known(products, interactions, visits)
    shuffled = known(
        products,
        [interactions[place] for place in generator.permutation(len(interactions))],
        [visits[place] for place in generator.permutation(len(visits))],
    )
    artifact = candidate.fit(shop, candidate.parameters(), threads=1)
    assert artifact is not None
    assert candidate.fit(shuffled, candidate.parameters(), threads=2) == artifact
    np.testing.assert_array_equal(scores_of(candidate, shop), scores_of(candidate, shuffled))
    assert candidate.load(artifact).scores(shop, np.arange(0)).shape == (0, len(names))
    nobody = known(products)
    assert candidate.load(artifact).scores(nobody, np.arange(0)).shape == (0, len(names))

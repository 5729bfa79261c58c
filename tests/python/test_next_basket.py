"""The next basket: planted chances come back as probabilities, habits are found, nothing looks ahead, and the models run."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import ROOT, load_module
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_repeats import CUTS, TODAY, PlantedShop, planted_repeats

from trendhouse.artifacts import FITS_SCHEMA, DamagedArtifactError
from trendhouse.recommendation.next_basket import (
    ALGORITHMS,
    FEATURES,
    Moment,
    Outlook,
    lesson_of,
    lists_of,
    moment_of,
    popular_factor,
)
from trendhouse.recommendation.next_basket_fits import (
    BACKTEST_SCHEMA,
    LENGTH,
    SCORES_SCHEMA,
    NotTrainedError,
    PastBaskets,
    Scorer,
    backtest,
    train,
)

MODEL = "repeat_boosting"
NOTHING = FITS_SCHEMA.empty_table()


@pytest.fixture(scope="module")
def shop() -> PlantedShop:
    return planted_repeats()


def past_of(shop: PlantedShop) -> PastBaskets:
    connection = shop.connection()
    return PastBaskets(*(connection.table(name) for name in shop.tables()))


@pytest.fixture(scope="module")
def fits(shop: PlantedShop) -> pa.Table:
    return train(past_of(shop), TODAY, NOTHING, 2)


def fit_of(fits: pa.Table, algorithm: str = MODEL) -> pa.Table:
    return fits.filter(pc.equal(fits["algorithm"], algorithm))


def today(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table["as_of_date"], pa.scalar(TODAY)))


def scorer_of(shop: PlantedShop, fits: pa.Table, algorithm: str = MODEL, hidden: str = "") -> Scorer:
    shown = [name for name in pc.unique(shop.products["product_id"]).to_pylist() if name != hidden]
    return Scorer.of_champion(fit_of(fits, algorithm), today(shop.products), shown, TODAY)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_what_is_promised_is_kept(shop: PlantedShop, fits: pa.Table, algorithm: str) -> None:
    """Of the products listed with a probability, so many are in the next basket: in sum, and for trees within a bin."""
    listed = scorer_of(shop, fits, algorithm).score(today(shop.repeats))
    probability = listed["purchase_probability"].to_numpy()
    assert probability.min() >= 0
    assert probability.max() <= 1
    chance = np.array(
        [
            shop.chances[-1 if customer == "weekly" else int(customer[1:]), int(product[1:])]
            for customer, product in zip(
                listed["customer_id"].to_pylist(), listed["product_id"].to_pylist(), strict=True
            )
        ]
    )
    tolerance = 0.02 if algorithm == MODEL else 0.05
    assert probability.mean() == pytest.approx(chance.mean(), abs=tolerance)
    if algorithm == MODEL:
        for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.01)):
            chosen = (probability >= low) & (probability < high)
            assert chosen.sum() > 100
            assert probability[chosen].mean() == pytest.approx(chance[chosen].mean(), abs=0.04)


def test_model_beats_both_rules_and_the_personal_beats_the_global(shop: PlantedShop, fits: pa.Table) -> None:
    rows = backtest(fits.to_pylist(), past_of(shop), 2)
    found = {(row["algorithm"], row["metric"]): row["metric_value"] for row in rows.to_pylist() if row["k"] == 10}
    assert found[MODEL, "ndcg"] > found["personal_top", "ndcg"] > found["global_top", "ndcg"]
    assert found[MODEL, "mean_probability"] == pytest.approx(found[MODEL, "precision"], abs=0.03)
    assert set(rows["origin_date"].to_pylist()) == {CUTS[1]}


def test_who_buys_every_seven_days_is_told_so(shop: PlantedShop, fits: pa.Table) -> None:
    listed = scorer_of(shop, fits).score(today(shop.repeats))
    of_weekly = listed.filter(pc.equal(listed["customer_id"], "weekly"))
    first = of_weekly.filter(pc.equal(of_weekly["place"], 1)).to_pylist()[0]
    assert first["product_id"] == "p39"
    assert first["is_repeat"]
    assert first["purchase_probability"] > 0.7


def test_lists_are_whole_hold_nothing_twice_and_nothing_that_is_not_shown(shop: PlantedShop, fits: pa.Table) -> None:
    scorer = scorer_of(shop, fits, hidden="p05")
    listed = scorer.score(today(shop.repeats))
    assert listed.schema == SCORES_SCHEMA
    assert "p05" not in listed["product_id"].to_pylist()
    places = listed.group_by("customer_id").aggregate(
        [("place", "count"), ("place", "max"), ("product_id", "count_distinct")]
    )
    for column in ("place_count", "place_max", "product_id_count_distinct"):
        assert set(places[column].to_pylist()) == {LENGTH}
    everybody = scorer.score_unknown(today(shop.repeats))
    assert everybody["customer_id"].null_count == everybody.num_rows == LENGTH
    assert not any(everybody["is_repeat"].to_pylist())


def test_probabilities_fall_with_the_place(shop: PlantedShop, fits: pa.Table) -> None:
    listed = (
        scorer_of(shop, fits).score(today(shop.repeats)).sort_by([("customer_id", "ascending"), ("place", "ascending")])
    )
    falls = np.diff(listed["purchase_probability"].to_numpy()) <= 0
    assert falls[np.diff(listed["place"].to_numpy()) == 1].all()


def test_blocks_of_customers_do_not_change_a_list(shop: PlantedShop, fits: pa.Table) -> None:
    scorer, rows = scorer_of(shop, fits), today(shop.repeats)
    first = pc.less(rows["customer_id"], "c100")
    parts = [scorer.score(rows.filter(first)), scorer.score(rows.filter(pc.invert(first)))]
    assert pa.concat_tables(parts) == scorer.score(rows)


def test_two_fits_are_equal_on_any_number_of_threads_and_not_repeated(shop: PlantedShop, fits: pa.Table) -> None:
    again = train(past_of(shop), TODAY, NOTHING, 1)
    assert again["fit_id"].equals(fits["fit_id"])
    assert again["artifact_sha256"].equals(fits["artifact_sha256"])
    assert train(past_of(shop), TODAY, fits, 2).num_rows == 0


def test_nothing_after_the_date_is_learnt(shop: PlantedShop) -> None:
    """A training for an earlier date is the same whether the warehouse knows what came then, or not."""
    day = pa.scalar(CUTS[1])
    known = PlantedShop(
        shop.repeats.filter(pc.less_equal(shop.repeats["as_of_date"], day)),
        shop.products.filter(pc.less_equal(shop.products["as_of_date"], day)),
        shop.baskets.filter(pc.less(shop.baskets["as_of_date"], day)),
        shop.chances,
    )
    whole, cut = (train(past_of(one), CUTS[1], NOTHING, 2) for one in (shop, known))
    assert whole.num_rows == len(ALGORITHMS)
    assert whole["artifact_sha256"].equals(cut["artifact_sha256"])


def test_back_test_learns_nothing_of_the_four_weeks_that_judge(shop: PlantedShop, fits: pa.Table) -> None:
    """Were the judging baskets learnt from, other baskets would give other probabilities."""
    after = pc.equal(shop.baskets["as_of_date"], pa.scalar(CUTS[1]))
    emptied = shop.baskets.filter(pc.or_(pc.invert(after), pc.equal(shop.baskets["product_id"], "p39")))
    judging = pc.equal(emptied["as_of_date"], pa.scalar(CUTS[1]))
    assert 0 < pc.sum(judging).as_py() < pc.sum(after).as_py()
    asked = ["weekly"]
    promised = []
    for baskets in (shop.baskets, emptied):
        rows = backtest(fits.to_pylist(), past_of(replace(shop, baskets=_of(baskets, asked))), 2)
        promised.append([row["metric_value"] for row in rows.to_pylist() if row["metric"] == "mean_probability"])
    assert promised[0]
    assert promised[0] == promised[1]


def _of(baskets: pa.Table, asked: list[str]) -> pa.Table:
    """All lessons, and of the judging date these customers alone."""
    judging = pc.equal(baskets["as_of_date"], pa.scalar(CUTS[1]))
    return baskets.filter(pc.or_(pc.invert(judging), pc.is_in(baskets["customer_id"], pa.array(asked))))


def test_without_lessons_the_rules_serve_and_say_the_shares_themselves(shop: PlantedShop) -> None:
    young = replace(shop, repeats=today(shop.repeats), products=today(shop.products), baskets=shop.baskets.slice(0, 0))
    found = train(past_of(young), TODAY, NOTHING, 2)
    assert found["algorithm"].to_pylist() == ["global_top", "personal_top"]
    assert backtest(found.to_pylist(), past_of(young), 2).num_rows == 0
    listed = scorer_of(young, found, "personal_top").score(today(young.repeats))
    weekly = listed.filter(pc.equal(listed["customer_id"], "weekly"))
    assert weekly["purchase_probability"][0].as_py() == 1.0


def test_new_products_of_a_basket_count_and_unknown_customers_do_not(shop: PlantedShop) -> None:
    moment = moment_of(today(shop.repeats), today(shop.products))
    baskets = pa.table({"customer_id": ["c000", "c000", "stranger"], "product_id": ["new", "p01", "p01"]})
    lesson = lesson_of(moment, baskets)
    assert lesson.followed.shape == (len(moment.customers), len(moment.products) + 1)
    assert lesson.followed.sum() == 2
    assert lesson.asked().tolist() == [0]
    assert int(lesson.labels().sum()) == int(((moment.row == 0) & (moment.products[moment.column] == "p01")).sum())


def test_factor_makes_shares_right_for_those_who_never_had_it() -> None:
    """100 customers without the product, of whom 20 take what a tenth of the baskets hold: twice the share, but for the prior of one hit."""
    customers = np.array([f"c{number:03d}" for number in range(100)])
    moment = Moment(
        customers,
        np.array(["a", "b"]),
        np.arange(100),
        np.ones(100, dtype=np.int64),
        np.zeros((100, len(FEATURES)), dtype=np.float32),
        np.array([0.1, 0.1]),
    )
    taken = pa.table(
        {
            "customer_id": [*customers[:20], *customers],
            "product_id": ["a"] * 20 + ["b"] * 100,
        }
    )
    assert popular_factor([lesson_of(moment, taken)], 2, with_own=False) == pytest.approx(21 / 11, rel=1e-5)
    assert popular_factor([lesson_of(moment, taken)], 2, with_own=True) == pytest.approx(121 / 21, rel=1e-5)


@given(st.integers(1, 6), st.integers(1, 8), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_lists_are_the_best_of_everything(customers: int, products: int, count: int, seed: int) -> None:
    """Against sorting all products of a customer one by one."""
    random = np.random.default_rng(seed)
    owned = random.random((customers, products)) < 0.4
    row, column = np.nonzero(owned)
    features = np.zeros((len(row), len(FEATURES)), dtype=np.float32)
    names = np.array([f"{number}" for number in range(products)])
    moment = Moment(np.array([f"{n}" for n in range(customers)]), names, row, column, features, np.zeros(products))
    pair, product = random.integers(0, 4, len(row)) / 4, random.integers(0, 4, products) / 4
    shown = random.random(products) < 0.8
    lists = lists_of(moment, Outlook(pair, pair / 2, product, product / 2), count, shown)
    scores = np.tile(product, (customers, 1))
    scores[row, column] = pair
    for customer in range(customers):
        expected = sorted(np.flatnonzero(shown), key=lambda at: (-scores[customer, at], at))[:count]
        found = lists.columns[customer]
        assert found[found >= 0].tolist() == expected
        assert (found[len(expected) :] == -1).all()
        assert lists.probabilities[customer][: len(expected)].tolist() == [scores[customer, at] / 2 for at in expected]
        assert lists.is_repeat[customer][: len(expected)].tolist() == [bool(owned[customer, at]) for at in expected]


# ---- The dbt models, with a stand-in for dbt. ----

META = {"train": "auto", "retrain_days": 7, "threads": 2}


class FakeDbt:
    """Refs to tables of one connection, the config, and no earlier rows."""

    is_incremental = False
    this = "this"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.config = self

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.connection.table(name)

    def meta_get(self, name: str) -> Any:
        return META[name]


def run_all(shop: PlantedShop) -> dict[str, pa.Table]:
    connection = shop.connection()
    shown = pa.table({"product_id": pc.unique(shop.products["product_id"]).cast(pa.string())})
    made: dict[str, pa.Table] = {}

    def keep(name: str, table: pa.Table) -> None:
        made[name] = table
        connection.register("given", table)
        connection.execute(f"create table ml_recommendation__{name} as select * from given")

    def run(name: str) -> None:
        path = ROOT / f"python_models/recommendation/ml_recommendation__{name}.py"
        keep(name, load_module(path).model(FakeDbt(connection), connection))

    keep("shown_products", shown.append_column("is_shown", pa.array([True] * shown.num_rows, pa.bool_())))
    run("next_basket_fits")
    run("next_basket_backtest")
    found = made["next_basket_fits"]
    keep(
        "next_basket_standings",
        pa.table({"fit_id": found["fit_id"], "is_champion": pc.equal(found["algorithm"], MODEL)}),
    )
    run("next_basket_scores")
    return made


def test_models_train_judge_and_score(shop: PlantedShop) -> None:
    made = run_all(shop)
    assert made["next_basket_fits"].num_rows == len(ALGORITHMS)
    assert json.loads(made["next_basket_fits"]["features"][0].as_py()) == list(FEATURES)
    assert made["next_basket_backtest"].schema == BACKTEST_SCHEMA
    assert set(made["next_basket_backtest"]["algorithm"].to_pylist()) == set(ALGORITHMS)
    assert made["next_basket_scores"].num_rows == LENGTH * (301 + 1)


def test_no_rows_give_typed_rows(shop: PlantedShop) -> None:
    made = run_all(shop.without_rows())
    schemas = FITS_SCHEMA, BACKTEST_SCHEMA, SCORES_SCHEMA
    for name, schema in zip(("fits", "backtest", "scores"), schemas, strict=True):
        assert made[f"next_basket_{name}"].schema == schema
        assert made[f"next_basket_{name}"].num_rows == 0


def test_no_champion_and_a_damaged_one_are_refused(shop: PlantedShop, fits: pa.Table) -> None:
    with pytest.raises(NotTrainedError, match="selector score never trains"):
        Scorer.of_champion(NOTHING, shop.products, [], TODAY)
    row = {**fit_of(fits).to_pylist()[0], "artifact": "{}"}
    with pytest.raises(DamagedArtifactError):
        Scorer.of_champion(pa.Table.from_pylist([row], schema=FITS_SCHEMA), shop.products, [], TODAY)


def test_lessons_were_over_by_then(shop: PlantedShop) -> None:
    past = past_of(shop)
    assert [lesson.as_of_date for lesson in past.lessons(TODAY)] == [CUTS[2], CUTS[1]]
    assert [lesson.as_of_date for lesson in past.lessons(TODAY - timedelta(days=1))] == [CUTS[3], CUTS[2]]

"""The recommendation models on a shop with known tastes: nothing from after a date reaches its fits, everybody has a list, and lists keep the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import ROOT, load_module
from planted_visits import AS_OF, PRODUCTS, REST_DAYS, PlantedShop, planted_deeds, planted_shop

from trendhouse.artifacts import FITS_SCHEMA
from trendhouse.recommendation import fits as training
from trendhouse.recommendation.backtest import BACKTEST_SCHEMA
from trendhouse.recommendation.candidates import candidates
from trendhouse.recommendation.ranker import ALGORITHM
from trendhouse.recommendation.scores import GUEST, SCORES_SCHEMA

MODELS = ROOT / "python_models/recommendation"
META = {"train": "auto", "retrain_days": 7, "threads": 2, "places": "10", "diversity": "0.1"}
SCHEMAS = {
    "ml_recommendation__fits": FITS_SCHEMA,
    "ml_recommendation__rankers": FITS_SCHEMA,
    "ml_recommendation__backtest": BACKTEST_SCHEMA,
    "ml_recommendation__scores": SCORES_SCHEMA,
}
STANDINGS = pa.schema([("fit_id", pa.string()), ("fit_key", pa.string()), ("is_champion", pa.bool_())])
LAST_MONTH = AS_OF - timedelta(days=28)


@dataclass
class Config:
    meta: dict[str, Any]

    def meta_get(self, name: str) -> Any:
        return self.meta[name]


@dataclass
class House:
    """The models on one in-memory warehouse; what a model made stays, as in an incremental table."""

    meta: dict[str, Any] = field(default_factory=lambda: dict(META))
    connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    is_incremental: bool = False
    this: str = ""

    def __post_init__(self) -> None:
        self.config = Config(self.meta)
        for name, schema in SCHEMAS.items():
            self.keep(name, schema.empty_table())
        self.keep("ml_recommendation__standings", STANDINGS.empty_table())

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.connection.table(name)

    def keep(self, name: str, table: pa.Table) -> None:
        self.connection.register("given", table)
        self.connection.execute(f"create or replace table {name} as select * from given")

    def kept(self, name: str) -> pa.Table:
        return self.connection.table(name).to_arrow_table()

    def holds(self, shop: PlantedShop) -> House:
        for name, table in shop.tables.items():
            self.keep(name, table)
        return self

    def run(self, name: str) -> pa.Table:
        self.this, self.is_incremental = name, True
        return load_module(MODELS / f"{name}.py").model(self, self.connection)

    def add(self, name: str) -> pa.Table:
        made = self.run(name)
        self.keep(name, pa.concat_tables([self.kept(name).cast(made.schema), made]))
        return made

    def built(self, champion: str = ALGORITHM) -> House:
        for name in ("ml_recommendation__fits", "ml_recommendation__rankers", "ml_recommendation__backtest"):
            self.add(name)
        return self.crowned(champion)

    def crowned(self, champion: str) -> House:
        fits = pa.concat_tables([self.kept(name) for name in ("ml_recommendation__fits", "ml_recommendation__rankers")])
        latest = fits.filter(pc.equal(fits["data_to"], AS_OF - timedelta(days=1)))
        is_champion = pc.equal(latest["algorithm"], champion)
        self.keep(
            "ml_recommendation__standings",
            pa.table([latest["fit_id"], latest["fit_key"], is_champion], schema=STANDINGS),
        )
        return self

    def scored(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.run("ml_recommendation__scores").to_pylist()
        return rows


HIDDEN = ("p000", "p001", "p002", "p007")


@cache
def deeds() -> pa.Table:
    return planted_deeds()


@cache
def house() -> House:
    return House().holds(planted_shop(deeds(), hidden=HIDDEN)).built()


@cache
def lists() -> list[dict[str, Any]]:
    return house().scored()


def of_date(fits: pa.Table, cut: Any) -> dict[str, tuple[str, str]]:
    return {
        row["algorithm"]: (row["fit_id"], row["artifact_sha256"])
        for row in fits.to_pylist()
        if row["data_to"] == cut - timedelta(days=1)
    }


# ---- training -------------------------------------------------------------------------------------------------------


def test_models_give_rows_of_their_schema() -> None:
    for name, schema in SCHEMAS.items():
        table = house().kept(name) if name != "ml_recommendation__scores" else house().run(name)
        assert table.num_rows > 0 and table.schema.names == schema.names


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_rows_in_give_typed_rows_out(name: str) -> None:
    nothing = {key: table.slice(0, 0) for key, table in planted_shop(deeds()).tables.items()}
    table = House().holds(PlantedShop(nothing)).run(name)
    assert table.num_rows == 0 and table.schema == SCHEMAS[name]


def test_every_candidate_is_fitted_at_every_date_and_a_ranker_where_it_is_needed() -> None:
    fits = house().kept("ml_recommendation__fits")
    for cut in training.cuts_of(AS_OF):
        assert set(of_date(fits, cut)) == set(candidates())
    rankers = house().kept("ml_recommendation__rankers")
    assert sorted(rankers["data_to"].to_pylist()) == [LAST_MONTH - timedelta(days=1), AS_OF - timedelta(days=1)]
    assert set(rankers["fit_key"].to_pylist()) < set(fits["fit_key"].to_pylist())


def test_nothing_from_after_a_date_reaches_its_fits() -> None:
    """Whatever customers did since, models of an earlier date are the same, letter by letter; those of now are not."""
    since = pc.greater_equal(deeds()["day"], pa.scalar(LAST_MONTH))
    others = deeds().filter(since)["product_id"].to_pylist()[::-1]
    changed = pa.concat_tables(
        [
            deeds().filter(pc.invert(since)),
            deeds().filter(since).set_column(1, "product_id", pa.array(others)),
        ]
    )
    other = House().holds(planted_shop(changed, hidden=HIDDEN)).built()
    for name in ("ml_recommendation__fits", "ml_recommendation__rankers"):
        ours, theirs = house().kept(name), other.kept(name)
        assert of_date(ours, LAST_MONTH) == of_date(theirs, LAST_MONTH)
        assert not set(of_date(ours, AS_OF).values()) & set(of_date(theirs, AS_OF).values())


def test_a_second_build_adds_nothing_and_lists_the_same() -> None:
    for name in list(SCHEMAS)[:3]:
        assert house().run(name).num_rows == 0
    again = house().scored()
    assert [{**row, "scored_at": None} for row in again] == [{**row, "scored_at": None} for row in lists()]


def test_dates_that_are_there_are_not_fitted_again() -> None:
    """A month later only its own date is new; the other two were fitted before."""
    month_before = House().holds(planted_shop(deeds(), LAST_MONTH))
    month_before.add("ml_recommendation__fits")
    now = House().holds(planted_shop(deeds()))
    now.keep("ml_recommendation__fits", month_before.kept("ml_recommendation__fits"))
    made = now.run("ml_recommendation__fits")
    assert set(made["data_to"].to_pylist()) == {AS_OF - timedelta(days=1)}


def test_the_policy_decides_whether_to_train() -> None:
    never = House({**META, "train": "never"}).holds(planted_shop(deeds()))
    assert never.run("ml_recommendation__fits").num_rows == 0
    assert never.run("ml_recommendation__rankers").num_rows == 0
    # Fits of a week ago are old enough, those of six days ago are not; without events there is no session to find, and no reason to try each day.
    for days, trains in ((6, False), (7, True)):
        today = AS_OF + timedelta(days=days)
        later = House().holds(planted_shop(deeds(), today))
        earlier = house().kept("ml_recommendation__fits")
        later.keep("ml_recommendation__fits", earlier.filter(pc.not_equal(earlier["algorithm"], "session")))
        assert (later.run("ml_recommendation__fits").num_rows > 0) == trains


# ---- the back-test --------------------------------------------------------------------------------------------------


def metric_of(rows: pa.Table, algorithm: str, metric: str, k: int = 10) -> float:
    (value,) = [
        row["metric_value"]
        for row in rows.to_pylist()
        if (row["algorithm"], row["metric"], row["k"]) == (algorithm, metric, k)
    ]
    return float(value)


def test_the_champion_beats_popularity() -> None:
    rows = house().kept("ml_recommendation__backtest")
    values = {name: metric_of(rows, name, "ndcg") for name in (*candidates(), ALGORITHM)}
    assert max(values.values()) > 1.3 * values["popularity"]
    assert values[ALGORITHM] > values["popularity"]


def test_the_back_test_is_of_the_origin_and_bears_the_fits_of_now() -> None:
    rows = house().kept("ml_recommendation__backtest")
    assert set(rows["origin_date"].to_pylist()) == {LAST_MONTH}
    now = of_date(house().kept("ml_recommendation__fits"), AS_OF)
    assert {fit_id for fit_id, _ in now.values()} < set(rows["fit_id"].to_pylist())
    assert metric_of(rows, "popularity", "catalogue_coverage") < metric_of(rows, "als", "catalogue_coverage")
    assert metric_of(rows, "popularity", "novelty") < metric_of(rows, "als", "novelty")


def test_what_rests_counts_as_bought_for_nobody() -> None:
    """Products that may never be bought again leave fewer purchases to be right about than products that may at once."""

    def bought(rest_days: int) -> int:
        shop = planted_shop(deeds())
        shown = shop.tables["ml_recommendation__shown_products"]
        resting = shown.set_column(1, "rest_days", pa.array([rest_days] * PRODUCTS, pa.int32()))
        other = House().holds(PlantedShop({**shop.tables, "ml_recommendation__shown_products": resting}))
        for name in ("ml_recommendation__fits", "ml_recommendation__rankers"):
            other.keep(name, house().kept(name))
        return int(other.run("ml_recommendation__backtest")["bought_products"][0].as_py())

    assert bought(364) < bought(0)


# ---- the lists ------------------------------------------------------------------------------------------------------


def own_rows() -> dict[tuple[str, str], dict[str, Any]]:
    rows = house().kept("feat_recommendation_interactions")
    now = rows.filter(pc.equal(rows["as_of_date"], pa.scalar(AS_OF))).to_pylist()
    return {(row["customer_id"], row["product_id"]): row for row in now}


def test_every_customer_and_the_guest_have_a_full_list_without_repeats() -> None:
    by_customer: dict[str, list[dict[str, Any]]] = {}
    for row in lists():
        by_customer.setdefault(row["customer_id"], []).append(row)
    assert set(by_customer) == {customer for customer, _ in own_rows()} | {GUEST}
    for rows in by_customer.values():
        assert [row["place"] for row in rows] == list(range(1, 11))
        assert len({row["product_id"] for row in rows}) == 10


def test_nothing_hidden_or_resting_is_listed() -> None:
    own = own_rows()
    for row in lists():
        assert row["product_id"] not in HIDDEN
        days = own.get((row["customer_id"], row["product_id"]), {}).get("days_since_last_purchase")
        assert days is None or days > REST_DAYS
    resting = [row for row in own.values() if (row["days_since_last_purchase"] or 365) <= REST_DAYS]
    assert resting, "the shop has to put the rule to the test"


def test_reasons_are_true() -> None:
    own = own_rows()
    kinds = set()
    for row in lists():
        met = own.get((row["customer_id"], row["product_id"]))
        bought = met is not None and met["purchases_364d"] > 0
        assert (row["reason"] == "buy_again") == bought
        assert (row["reason"] == "looked_at") == (met is not None and not bought)
        assert (row["anchor_product_id"] is None) == (row["reason"] not in ("goes_with", "resembles"))
        if row["anchor_product_id"] is not None:
            anchor = own[row["customer_id"], row["anchor_product_id"]]
            assert row["is_anchor_bought"] == (anchor["purchases_364d"] > 0)
            assert row["anchor_product_id"] != row["product_id"]
        assert (row["fallback_level"] == "model") == (row["fit_id"] is not None) == (row["score"] is not None)
        kinds.add(row["reason"])
    assert kinds >= {"buy_again", "goes_with", "looked_at"}


def test_the_guest_is_shown_what_is_popular() -> None:
    rank = {
        row["product_id"]: row["popularity_rank"]
        for row in house().kept("feat_recommendation_products").to_pylist()
        if row["product_id"] not in HIDDEN
    }
    listed = [row["product_id"] for row in lists() if row["customer_id"] == GUEST]
    assert sorted((rank[name] for name in listed), reverse=True) == sorted(rank.values(), reverse=True)[:10]


@pytest.mark.parametrize("champion", ["popularity", "repurchase", "als"])
def test_any_recommender_can_serve_and_its_gaps_are_filled(champion: str) -> None:
    """Repurchase knows only what was bought before: the rest of its lists is what is popular."""
    other = House().holds(planted_shop(deeds(), hidden=HIDDEN))
    for name in ("ml_recommendation__fits", "ml_recommendation__rankers"):
        other.keep(name, house().kept(name))
    rows = other.crowned(champion).scored()
    assert len(rows) == len(lists())
    levels = {row["fallback_level"] for row in rows if row["customer_id"] != GUEST}
    assert levels == ({"model", "global"} if champion == "repurchase" else {"model"})
    assert {row["source"] for row in rows if row["fallback_level"] == "model"} == {champion}


def test_without_a_model_there_is_the_guests_list() -> None:
    rows = House().holds(planted_shop(deeds(), hidden=HIDDEN)).scored()
    assert {row["customer_id"] for row in rows} == {GUEST} and len(rows) == 10


def test_a_shop_whose_customers_did_nothing_has_the_guests_list_too() -> None:
    shop = planted_shop(deeds().slice(0, 0))
    idle = House().holds(shop)
    assert idle.add("ml_recommendation__fits").num_rows == 0
    assert {row["customer_id"] for row in idle.scored()} == {GUEST}


def test_few_products_make_short_lists() -> None:
    shown = tuple(f"p{number:03d}" for number in range(3, PRODUCTS))
    rows = House().holds(planted_shop(deeds(), hidden=shown)).built().scored()
    places = {customer: 0 for customer in {row["customer_id"] for row in rows}}
    for row in rows:
        places[row["customer_id"]] += 1
    assert places[GUEST] == 3 and set(places.values()) <= {1, 2, 3}


def test_diversity_mixes_the_lists_and_its_var_is_heeded() -> None:
    mixed = House({**META, "diversity": "0.9"}).holds(planted_shop(deeds(), hidden=HIDDEN))
    for name in ("ml_recommendation__fits", "ml_recommendation__rankers"):
        mixed.keep(name, house().kept(name))
    rows = mixed.crowned(ALGORITHM).scored()

    def categories(found: list[dict[str, Any]]) -> float:
        by_customer: dict[str, set[int]] = {}
        for row in found:
            by_customer.setdefault(row["customer_id"], set()).add(int(row["product_id"][1:]) // 6 % 4)
        return float(np.mean([len(groups) for groups in by_customer.values()]))

    assert categories(rows) > categories(lists())


def test_rows_in_another_order_make_the_same_fits() -> None:
    shop = planted_shop(deeds(), hidden=HIDDEN)
    backwards = {name: table.take(pa.array(range(table.num_rows)[::-1])) for name, table in shop.tables.items()}
    other = House().holds(PlantedShop(backwards))
    other.add("ml_recommendation__fits")
    for cut in training.cuts_of(AS_OF):
        assert of_date(other.kept("ml_recommendation__fits"), cut) == of_date(
            house().kept("ml_recommendation__fits"), cut
        )

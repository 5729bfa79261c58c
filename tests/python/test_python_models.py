"""Each dbt Python model with a stand-in for dbt: what it reads, what it gives, and that no rows give typed rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import ROOT, load_module
from planted_demand import AS_OF, planted_demand, planted_weeks
from planted_prices import PlantedShop, planted_prices

from trendhouse.artifacts import FITS_SCHEMA
from trendhouse.demand.backtest import BACKTEST_SCHEMA, CALIBRATION_SCHEMA
from trendhouse.demand.feature_selection import SELECTION_SCHEMA
from trendhouse.demand.lead_time_demand import LEAD_TIME_SCHEMA
from trendhouse.demand.reasons import REASONS_SCHEMA
from trendhouse.demand.scores import SCORES_SCHEMA
from trendhouse.demand.trends import TRENDS_SCHEMA
from trendhouse.demand.tuning import TRIALS_SCHEMA
from trendhouse.pricing.price_response import RESPONSE_SCHEMA
from trendhouse.training import NotTrainedError

MODELS = ROOT / "python_models"
META = {
    "train": "auto",
    "retrain_days": 7,
    "threads": 2,
    "origins": 3,
    "products": 5,
    "tuning": "random",
    "tuning_trials": 1,
    # As settings from properties arrive: text.
    "false_discovery_rate": "0.1",
    "least_change": "0.1",
}
TRENDS = load_module(ROOT / "benchmarks/demand/trends.py")
STANDINGS = pa.schema([("fit_id", pa.string()), ("fit_key", pa.string()), ("is_champion", pa.bool_())])


class Config:
    def meta_get(self, name: str) -> Any:
        return META[name]


# On data of their own: in test_demand_coherence.py a hierarchy, in test_next_basket.py customers who buy again, in test_recommendation_pipeline.py
# interactions, in test_recommendation_vectors.py planted tastes.
TESTED_ELSEWHERE = {
    "ml_demand__reconciliation",
    "ml_demand__reconciliation_backtest",
    "ml_recommendation__backtest",
    "ml_recommendation__customer_vectors",
    "ml_recommendation__fits",
    "ml_recommendation__next_basket_backtest",
    "ml_recommendation__next_basket_fits",
    "ml_recommendation__next_basket_scores",
    "ml_recommendation__product_vectors",
    "ml_recommendation__rankers",
    "ml_recommendation__scores",
    "ml_recommendation__similar_products",
}


@dataclass
class FakeDbt:
    """What a model sees of dbt: refs to tables of one connection, its config, its own earlier rows."""

    connection: duckdb.DuckDBPyConnection
    is_incremental: bool = False
    this: str = "this"
    config: Config = field(default_factory=Config)

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        return self.connection.table(name)


class House:
    """The models on one in-memory warehouse, run in their order."""

    def __init__(self, features: pa.Table, prices: PlantedShop) -> None:
        self.connection = duckdb.connect()
        self.keep("feat_demand_horizons", features)
        self.keep("feat_demand_weeks", planted_weeks() if features.num_rows else planted_weeks().slice(0, 0))
        self.keep("feat_pricing_cells", prices.cells)
        self.keep("ml_pricing__products", prices.products)
        shop = TRENDS.simulate(TRENDS.Settings(), 10, 1)
        count = shop.weeks.num_rows if features.num_rows else 0
        self.keep("feat_demand_trend_weeks", shop.weeks.slice(0, count))
        self.keep("feat_demand_festival_weeks", shop.festivals.slice(0, count))

    def keep(self, name: str, table: pa.Table) -> pa.Table:
        self.connection.register("given", table)
        self.connection.execute(f"create or replace table {name} as select * from given")
        return table

    def run(self, name: str, earlier: pa.Table | None = None) -> pa.Table:
        dbt = FakeDbt(self.connection, is_incremental=earlier is not None)
        if earlier is not None:
            self.keep("this", earlier)
        return loaded(name).model(dbt, self.connection)

    def trained(self, champion: str = "stacking") -> House:
        self.keep("ml_demand__feature_selection", self.run("ml_demand__feature_selection"))
        self.keep("ml_demand__tuning", TRIALS_SCHEMA.empty_table())
        fits = self.keep("ml_demand__fits", self.run("ml_demand__fits"))
        self.keep("ml_demand__backtest", self.run("ml_demand__backtest"))
        ensembles = self.keep("ml_demand__ensembles", self.run("ml_demand__ensembles"))
        fits = pa.concat_tables([fits, ensembles])
        standings = pa.table(
            {
                "fit_id": fits["fit_id"],
                "fit_key": fits["fit_key"],
                "is_champion": pc.equal(fits["algorithm"], champion),
            }
        )
        self.keep("ml_demand__standings", standings)
        self.keep("ml_demand__scores", self.run("ml_demand__scores"))
        return self.planned()

    def untrained(self) -> House:
        self.keep("ml_demand__feature_selection", SELECTION_SCHEMA.empty_table())
        self.keep("ml_demand__tuning", TRIALS_SCHEMA.empty_table())
        self.keep("ml_demand__fits", FITS_SCHEMA.empty_table())
        self.keep("ml_demand__ensembles", FITS_SCHEMA.empty_table())
        self.keep("ml_demand__backtest", BACKTEST_SCHEMA.empty_table())
        self.keep("ml_demand__standings", STANDINGS.empty_table())
        self.keep("ml_demand__scores", SCORES_SCHEMA.empty_table())
        return self.planned()

    def planned(self) -> House:
        """What SQL models make of the scores for the inventory plan."""
        self.connection.execute("create or replace table pred_demand_daily as from ml_demand__scores")
        self.connection.execute(
            "create or replace table ml_demand__replenishment as "
            "select distinct product_id, 5 as lead_time_days, 12 as protection_days from ml_demand__scores"
        )
        return self


def loaded(name: str) -> ModuleType:
    (path,) = MODELS.rglob(f"{name}.py")
    return load_module(path)


@pytest.fixture(scope="module")
def house() -> House:
    return House(planted_demand(), planted_prices()).trained()


SCHEMAS = {
    "ml_demand__feature_selection": SELECTION_SCHEMA,
    "ml_demand__tuning": TRIALS_SCHEMA,
    "ml_demand__fits": FITS_SCHEMA,
    "ml_demand__backtest": BACKTEST_SCHEMA,
    "ml_demand__calibration": CALIBRATION_SCHEMA,
    "ml_demand__ensembles": FITS_SCHEMA,
    "ml_demand__scores": SCORES_SCHEMA,
    "ml_demand__reasons": REASONS_SCHEMA,
    "ml_demand__lead_time": LEAD_TIME_SCHEMA,
    "ml_pricing__elasticities": RESPONSE_SCHEMA,
    "ml_demand__trends": TRENDS_SCHEMA,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_model_gives_rows_of_its_schema(house: House, name: str) -> None:
    table = house.run(name)
    assert table.num_rows > 0
    assert table.schema == SCHEMAS[name]


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_rows_in_give_typed_rows_out(name: str) -> None:
    prices = planted_prices()
    nothing = PlantedShop(prices.cells.slice(0, 0), prices.products.slice(0, 0), {}, {})
    table = House(planted_demand().slice(0, 0), nothing).untrained().run(name)
    assert table.num_rows == 0
    assert table.schema == SCHEMAS[name]


def test_every_python_model_is_tested_here() -> None:
    assert {path.stem for path in MODELS.rglob("*.py")} == set(SCHEMAS) | TESTED_ELSEWHERE


def test_a_second_build_on_the_same_data_adds_nothing(house: House) -> None:
    for name in ("ml_demand__fits", "ml_demand__backtest", "ml_demand__ensembles"):
        earlier = house.connection.table(name).to_arrow_table()
        assert house.run(name, earlier).num_rows == 0


def test_policies_reach_the_models(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = house.connection.table("ml_demand__fits").to_arrow_table()
    monkeypatch.setitem(META, "train", "never")
    assert house.run("ml_demand__fits").num_rows == 0
    monkeypatch.setitem(META, "train", "always")
    assert house.run("ml_demand__fits", earlier).num_rows == 0, "the same data would give the same fits"
    monkeypatch.setitem(META, "train", "sometimes")
    with pytest.raises(ValueError, match="trendhouse_train"):
        house.run("ml_demand__fits")


def test_selection_and_tuning_follow_the_policy_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ml_demand__feature_selection", "ml_demand__tuning"):
        monkeypatch.setitem(META, "train", "auto")
        made = house.run(name)
        assert house.run(name, made).num_rows == 0
        monkeypatch.setitem(META, "train", "never")
        assert house.run(name).num_rows == 0


def test_tuning_is_off_until_it_is_switched_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(META, "tuning", "none")
    assert house.run("ml_demand__tuning").num_rows == 0


def test_scores_are_of_the_current_date_alone(house: House) -> None:
    scores = house.connection.table("ml_demand__scores").to_arrow_table()
    assert set(scores["as_of_date"].to_pylist()) == {AS_OF}
    assert scores.num_rows == 40 * 28


def test_reasons_are_given_for_as_many_products_as_asked(house: House) -> None:
    assert len(set(house.run("ml_demand__reasons")["product_id"].to_pylist())) == META["products"]


def test_scoring_without_a_model_says_so() -> None:
    with pytest.raises(NotTrainedError):
        House(planted_demand(products=2, weeks=1), planted_prices()).untrained().run("ml_demand__scores")


@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.py")), ids=lambda path: path.stem)
def test_models_are_thin(path: Path) -> None:
    model: Callable[..., Any] = loaded(path.stem).model
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert model.__doc__
    assert len(lines) <= 25


def test_prices_are_learnt_from_as_many_products_as_asked(house: House) -> None:
    rows = house.run("ml_pricing__elasticities").to_pylist()
    assert len(rows) == 48
    assert sum(row["exposure_days"] > 0 for row in rows) == META["products"]

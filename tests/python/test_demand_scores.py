"""Training, scoring and reasons of demand, from feature rows to tables."""

from __future__ import annotations

from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from planted_demand import AS_OF, planted_demand

from trendhouse.artifacts import FITS_SCHEMA, DamagedArtifactError, from_table
from trendhouse.demand import backtest, fits, reasons
from trendhouse.demand.backtest import BACKTEST_SCHEMA
from trendhouse.demand.scores import SCORES_SCHEMA, NotTrainedError, Scorer

NO_FITS = FITS_SCHEMA.empty_table()


@cache
def labelled() -> pa.Table:
    table = planted_demand()
    return table.filter(pc.and_(pc.is_valid(table["units"]), pc.invert(pc.fill_null(table["is_censored"], False))))


@cache
def trained() -> pa.Table:
    return fits.train(labelled(), AS_OF, NO_FITS, 2)


@cache
def champion() -> pa.Table:
    return trained().filter(pc.equal(trained()["algorithm"], "lightgbm"))


@cache
def back_tested() -> pa.Table:
    table = planted_demand()
    return backtest.run(table.filter(pc.is_valid(table["units"])), from_table(champion()), AS_OF, 3, 2)


@cache
def today() -> pa.Table:
    table = planted_demand()
    return table.filter(pc.equal(table["as_of_date"], pa.scalar(AS_OF)))


@cache
def scored() -> pa.Table:
    return Scorer.of_champion(champion(), back_tested()).score(today())


def without(table: pa.Table, *columns: str) -> pa.Table:
    return table.drop_columns(list(columns))


def test_training_twice_gives_the_same_fits_whatever_the_order_of_rows() -> None:
    backwards = labelled().take(pa.array(range(labelled().num_rows - 1, -1, -1)))
    again = fits.train(backwards, AS_OF, NO_FITS, 1)
    assert without(again, "trained_at").equals(without(trained(), "trained_at"))


def test_a_fit_that_exists_is_not_made_again_but_a_lost_one_is() -> None:
    assert fits.train(labelled(), AS_OF, trained(), 1).num_rows == 0
    kept = trained().filter(pc.not_equal(trained()["algorithm"], "moving_average"))
    assert fits.train(labelled(), AS_OF, kept, 1)["algorithm"].to_pylist() == ["moving_average"]


def test_other_data_gives_other_fits() -> None:
    other = fits.train(labelled().slice(1), AS_OF, trained(), 1)
    assert other.num_rows == 3
    assert not set(other["fit_id"].to_pylist()) & set(trained()["fit_id"].to_pylist())


def test_without_rows_only_the_baselines_fit() -> None:
    nothing = fits.train(labelled().slice(0, 0), AS_OF, NO_FITS, 1)
    assert nothing.schema == FITS_SCHEMA
    assert nothing["algorithm"].to_pylist() == ["moving_average", "seasonal_naive"]


def test_every_feature_row_is_scored() -> None:
    keys = ["product_id", "as_of_date", "target_date", "horizon_days"]
    assert scored().schema == SCORES_SCHEMA
    assert scored().select(keys).equals(today().select(keys))
    assert set(scored()["fit_id"].to_pylist()) == set(champion()["fit_id"].to_pylist())
    for low, high in (("p10_units", "p50_units"), ("p50_units", "p90_units")):
        assert pc.all(pc.less_equal(scored()[low], scored()[high])).as_py()


def test_scores_are_the_same_but_for_their_time() -> None:
    again = Scorer.of_champion(champion(), back_tested()).score(today())
    assert without(again, "scored_at").equals(without(scored(), "scored_at"))


def test_no_rows_are_scored_as_typed_rows() -> None:
    assert Scorer.of_champion(champion(), back_tested()).score(today().slice(0, 0)).schema == SCORES_SCHEMA


def test_without_a_back_test_there_are_quantiles_all_the_same() -> None:
    table = Scorer.of_champion(champion(), BACKTEST_SCHEMA.empty_table()).score(today())
    assert pc.all(pc.less_equal(table["p10_units"], table["p90_units"])).as_py()
    assert table["mean_units"].equals(scored()["mean_units"])


def test_without_a_model_a_sentence_says_how_to_get_one() -> None:
    with pytest.raises(NotTrainedError, match=r"dbt build --vars '\{trendhouse_train: auto\}'"):
        Scorer.of_champion(NO_FITS, BACKTEST_SCHEMA.empty_table())


def test_a_damaged_model_does_not_score() -> None:
    index = FITS_SCHEMA.get_field_index("artifact")
    damaged = champion().set_column(index, FITS_SCHEMA.field("artifact"), pa.array(['{"model": "tree"}']))
    with pytest.raises(DamagedArtifactError):
        Scorer.of_champion(damaged, back_tested())


def test_reasons_go_to_the_largest_products_largest_reason_first() -> None:
    largest = reasons.largest_products(scored(), 5)
    totals = scored().group_by("product_id").aggregate([("mean_units", "sum")]).to_pylist()
    totals.sort(key=lambda row: -row["mean_units_sum"])
    assert largest == [row["product_id"] for row in totals[:5]]
    rows = today().filter(pc.is_in(today()["product_id"], pa.array(largest)))
    explained = reasons.explain(rows, champion()).to_pylist()
    assert {row["product_id"] for row in explained} == set(largest)
    for product in largest:
        own = [row for row in explained if row["product_id"] == product]
        assert [row["rank"] for row in own] == list(range(1, len(own) + 1))
        sizes = [abs(row["contribution_units"]) for row in own]
        assert sizes == sorted(sizes, reverse=True)
        assert all(row["sentence"].startswith(f"{row['contribution_units']:+.1f} units: ") for row in own)


def test_a_planted_cause_is_the_reason_given() -> None:
    """A toy discounted on every day owes most of its forecast above level to the discount."""
    toy = today().filter(pc.equal(today()["product_id"], "P002"))
    index = toy.schema.get_field_index("discount_rate")
    toy = toy.set_column(index, "discount_rate", pa.array([0.3] * toy.num_rows))
    positive = [row for row in reasons.explain(toy, champion()).to_pylist() if row["contribution_units"] > 0]
    assert positive[0]["feature"] == "discount_rate"
    assert positive[0]["sentence"].endswith("units: discount 30%")


def test_a_baseline_gives_its_column_as_the_reason() -> None:
    naive = trained().filter(pc.equal(trained()["algorithm"], "moving_average"))
    own = reasons.explain(today().filter(pc.equal(today()["product_id"], "P000")), naive).to_pylist()
    assert [row["feature"] for row in own] == ["moving_average_units"]


def test_nothing_scored_is_nothing_explained() -> None:
    assert reasons.largest_products(SCORES_SCHEMA.empty_table(), 5) == []
    assert reasons.explain(today().slice(0, 0), NO_FITS).schema == reasons.REASONS_SCHEMA

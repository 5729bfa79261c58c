"""Training, scoring and reasons of demand, from feature rows to tables."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from planted_demand import AS_OF, planted_demand, planted_weeks

from trendhouse.artifacts import FITS_SCHEMA, DamagedArtifactError, from_table
from trendhouse.demand import backtest, fits, reasons
from trendhouse.demand.backtest import BACKTEST_SCHEMA, LEVELS, quantile_column
from trendhouse.demand.ensembles import ensembles
from trendhouse.demand.history import History, from_weeks
from trendhouse.demand.scores import SCORES_SCHEMA, Scorer
from trendhouse.demand.serving import forecaster_of
from trendhouse.training import NotTrainedError

NO_FITS = FITS_SCHEMA.empty_table()


@cache
def labelled() -> pa.Table:
    table = planted_demand()
    return table.filter(pc.and_(pc.is_valid(table["units"]), pc.invert(pc.fill_null(table["is_censored"], False))))


@cache
def trained() -> pa.Table:
    return fits.train(labelled(), AS_OF, NO_FITS, 2)


@cache
def history() -> History:
    return from_weeks(planted_weeks())


@cache
def back_tested() -> pa.Table:
    table = planted_demand()
    return backtest.run(table.filter(pc.is_valid(table["units"])), history(), from_table(trained()), AS_OF, 3, 2)


@cache
def training() -> pa.Table:
    """Candidates and ensembles."""
    described = trained().drop_columns(["artifact"]).to_pylist()
    return pa.concat_tables([trained(), fits.train_ensembles(described, back_tested(), list(ensembles()))])


def fit_of(algorithm: str) -> str:
    (identifier,) = training().filter(pc.equal(training()["algorithm"], algorithm))["fit_id"].to_pylist()
    return identifier


def errors_of(algorithm: str) -> pa.Table:
    return back_tested().filter(pc.equal(back_tested()["fit_id"], fit_of(algorithm)))


def scorer(algorithm: str = "lightgbm", known: pa.Table | None = None, errors: pa.Table | None = None) -> Scorer:
    return Scorer.of_champion(
        fit_of(algorithm),
        training() if known is None else known,
        errors_of(algorithm) if errors is None else errors,
        history(),
    )


@cache
def today() -> pa.Table:
    table = planted_demand()
    return table.filter(pc.equal(table["as_of_date"], pa.scalar(AS_OF)))


@cache
def scored() -> pa.Table:
    return scorer().score(today())


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
    assert other.num_rows == trained().num_rows
    assert not set(other["fit_id"].to_pylist()) & set(trained()["fit_id"].to_pylist())


def test_without_rows_only_what_learns_nothing_from_rows_fits() -> None:
    nothing = fits.train(labelled().slice(0, 0), AS_OF, NO_FITS, 1)
    assert nothing.schema == FITS_SCHEMA
    baselines, local = (
        {"base_level", "moving_average", "seasonal_naive"},
        {"croston", "exponential_smoothing", "theta", "tsb"},
    )
    assert set(nothing["algorithm"].to_pylist()) == baselines | local


def test_every_feature_row_is_scored() -> None:
    keys = ["product_id", "as_of_date", "target_date", "horizon_days"]
    assert scored().schema == SCORES_SCHEMA
    assert scored().select(keys).equals(today().select(keys))
    assert set(scored()["fit_id"].to_pylist()) == {fit_of("lightgbm")}
    quantiles = np.column_stack([scored()[quantile_column(level)].to_numpy() for level in LEVELS])
    assert (quantiles >= 0).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_scores_are_the_same_but_for_their_time() -> None:
    again = scorer().score(today())
    assert without(again, "scored_at").equals(without(scored(), "scored_at"))


def test_no_rows_are_scored_as_typed_rows() -> None:
    for algorithm in ("lightgbm", "stacking"):
        assert scorer(algorithm).score(today().slice(0, 0)).schema == SCORES_SCHEMA


def test_without_a_back_test_there_are_quantiles_all_the_same() -> None:
    table = scorer(errors=BACKTEST_SCHEMA.empty_table()).score(today())
    assert pc.all(pc.less_equal(table["p10_units"], table["p90_units"])).as_py()
    assert table["mean_units"].equals(scored()["mean_units"])


def test_without_a_model_a_sentence_says_how_to_get_one() -> None:
    with pytest.raises(NotTrainedError, match=r"dbt build --vars '\{trendhouse_train: auto\}'"):
        Scorer.of_champion(None, NO_FITS, BACKTEST_SCHEMA.empty_table(), history())


def damaged(algorithm: str) -> pa.Table:
    index = FITS_SCHEMA.get_field_index("artifact")
    artifacts = [
        '{"model": "tree"}' if row["algorithm"] == algorithm else row["artifact"] for row in training().to_pylist()
    ]
    return training().set_column(index, FITS_SCHEMA.field("artifact"), pa.array(artifacts))


@pytest.mark.parametrize(
    ("algorithm", "spoiled"), [("lightgbm", "lightgbm"), ("stacking", "stacking"), ("stacking", "lightgbm")]
)
def test_a_damaged_model_does_not_score(algorithm: str, spoiled: str) -> None:
    """An ensemble refuses when one of its members is damaged, too."""
    with pytest.raises(DamagedArtifactError):
        scorer(algorithm, known=damaged(spoiled))


def test_an_ensemble_without_its_members_says_which_is_missing() -> None:
    _, forecaster = forecaster_of(fit_of("blending"), training())
    member = forecaster.combination.members[0]
    lacking = training().filter(pc.not_equal(training()["algorithm"], member))
    with pytest.raises(NotTrainedError, match=f"blending weighs forecasts of {member}"):
        scorer("blending", known=lacking)


@pytest.mark.parametrize("algorithm", sorted(ensembles()))
def test_an_ensemble_champion_forecasts_its_members_forecasts_weighed(algorithm: str) -> None:
    fit, forecaster = forecaster_of(fit_of(algorithm), training())
    assert fit.algorithm == algorithm
    members = [forecaster_of(fit_of(name), training())[1] for name in forecaster.combination.members]
    forecasts = np.column_stack([member.predict(today(), history()) for member in members])
    mean = scorer(algorithm).score(today())["mean_units"].to_numpy()
    assert (mean >= forecasts.min(axis=1) - 1e-9).all()
    assert (mean <= forecasts.max(axis=1) + 1e-9).all()
    features, units = forecaster.contributions(today(), history())
    summed = sum(
        forecaster._weights(today(), history())[:, index] * member.contributions(today(), history())[1].sum(axis=1)
        for index, member in enumerate(members)
    )
    assert len(set(features)) == len(features)
    np.testing.assert_allclose(units.sum(axis=1), summed, atol=1e-9)


def test_a_history_without_rows_does_not_stop_an_ensemble() -> None:
    nothing = from_weeks(planted_weeks().slice(0, 0))
    table = Scorer.of_champion(fit_of("stacking"), training(), errors_of("stacking"), nothing).score(today())
    assert table.num_rows == today().num_rows
    assert np.isfinite(table["mean_units"].to_numpy()).all()


def test_an_ensemble_champion_is_explained() -> None:
    largest = reasons.largest_products(scorer("stacking").score(today()), 3)
    rows = today().filter(pc.is_in(today()["product_id"], pa.array(largest)))
    explained = reasons.explain(rows, fit_of("stacking"), training(), history(), 2)
    assert set(explained["product_id"].to_pylist()) == set(largest)
    assert set(explained["fit_id"].to_pylist()) == {fit_of("stacking")}


def test_ensembles_are_trained_once_and_need_a_back_test() -> None:
    described = trained().drop_columns(["artifact"]).to_pylist()
    assert fits.missing_ensembles(described, NO_FITS) == sorted(ensembles())
    assert fits.missing_ensembles(described, training()) == []
    assert fits.missing_ensembles([], NO_FITS) == []
    assert fits.train_ensembles(described, BACKTEST_SCHEMA.empty_table(), list(ensembles())).num_rows == 0


def test_reasons_go_to_the_largest_products_largest_reason_first() -> None:
    largest = reasons.largest_products(scored(), 5)
    totals = scored().group_by("product_id").aggregate([("mean_units", "sum")]).to_pylist()
    totals.sort(key=lambda row: -row["mean_units_sum"])
    assert largest == [row["product_id"] for row in totals[:5]]
    rows = today().filter(pc.is_in(today()["product_id"], pa.array(largest)))
    explained = reasons.explain(rows, fit_of("lightgbm"), training(), history(), 2).to_pylist()
    assert {row["product_id"] for row in explained} == set(largest)
    for product in largest:
        own = [row for row in explained if row["product_id"] == product]
        assert [row["rank"] for row in own] == list(range(1, len(own) + 1))
        sizes = [abs(row["contribution_units"]) for row in own if row["feature"] != "rest"]
        assert sizes == sorted(sizes, reverse=True)
        assert all(row["sentence"].startswith(f"{row['contribution_units']:+.1f} units: ") for row in own)


def test_a_planted_cause_is_the_reason_given() -> None:
    """A toy discounted on every day owes most of its forecast above level to the discount."""
    toy = today().filter(pc.equal(today()["product_id"], "P002"))
    index = toy.schema.get_field_index("discount_rate")
    toy = toy.set_column(index, "discount_rate", pa.array([0.3] * toy.num_rows))
    positive = [
        row
        for row in reasons.explain(toy, fit_of("lightgbm"), training(), history(), 2).to_pylist()
        if row["contribution_units"] > 0
    ]
    assert positive[0]["feature"] == "promotion"
    assert positive[0]["sentence"].endswith("units: discount 30%")


def test_the_reasons_of_a_product_add_up() -> None:
    """To the forecast less what the model expects of the recent level alone, but for a rest too small to show."""
    _, forecaster = forecaster_of(fit_of("lightgbm"), training())
    for product in ("P000", "P001", "P002"):
        rows = today().filter(pc.equal(today()["product_id"], product))
        own = reasons.explain(rows, fit_of("lightgbm"), training(), history(), 2).to_pylist()
        _, units = forecaster.contributions(rows, history())
        assert sum(row["contribution_units"] for row in own) == pytest.approx(units.sum(), abs=reasons.LEAST_UNITS)
        assert len(own) <= reasons.REASONS_PER_PRODUCT + 1
        assert len({row["feature"] for row in own}) == len(own)


def test_a_baseline_gives_its_column_as_the_reason() -> None:
    rows = today().filter(pc.equal(today()["product_id"], "P000"))
    own = reasons.explain(rows, fit_of("moving_average"), training(), history(), 2).to_pylist()
    assert [row["feature"] for row in own] == ["level"]
    assert "units a day, last 28 days" in own[0]["sentence"]


def test_nothing_scored_is_nothing_explained() -> None:
    assert reasons.largest_products(SCORES_SCHEMA.empty_table(), 5) == []
    assert reasons.explain(today().slice(0, 0), None, NO_FITS, history(), 2).schema == reasons.REASONS_SCHEMA

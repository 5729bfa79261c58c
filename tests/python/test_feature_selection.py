"""Selection finds the planted signals, drops what says nothing, and knows nothing of the days the back-test judges on."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from planted_demand import AS_OF, planted_demand

from trendhouse import training
from trendhouse.demand import feature_selection
from trendhouse.demand.feature_selection import SELECTION_SCHEMA, STARTING_POINTS, kept, select

NOTHING = SELECTION_SCHEMA.empty_table()


@cache
def rows() -> pa.Table:
    """The planted shop with a column that never varies, one never known, one that began lately, and noise."""
    table = planted_demand()
    table = table.filter(pc.and_(pc.is_valid(table["units"]), pc.invert(pc.fill_null(table["is_censored"], False))))
    late = pc.greater_equal(table["target_date"], pa.scalar(AS_OF - timedelta(days=20)))
    table = table.append_column("always_seven", pa.array(np.full(table.num_rows, 7.0)))
    table = table.append_column("never_known", pa.nulls(table.num_rows, pa.float64()))
    table = table.append_column("began_lately", pc.cast(late, pa.float64()))
    noise = np.random.default_rng(5).integers(0, 2, table.num_rows).astype(float)
    return table.append_column("coin", pa.array(noise))


@cache
def selected() -> pa.Table:
    return select(rows(), AS_OF, 1, NOTHING, 2)


def value(feature: str, column: str, table: pa.Table | None = None) -> object:
    table = selected() if table is None else table
    return table.filter(pc.equal(table["feature"], feature))[column][0].as_py()


def test_every_feature_has_a_row_and_a_reason() -> None:
    assert selected().schema == SELECTION_SCHEMA
    assert selected()["feature"].to_pylist() == sorted(
        set(rows().column_names) - {"product_id", "as_of_date", "target_date", "units", "is_censored"}
    )
    assert all(selected()["reason"].to_pylist())


@pytest.mark.parametrize("method", ["mutual_information", "random_forest_importance", "lightgbm_gain_share"])
def test_each_method_sees_the_planted_signal_and_not_the_coin(method: str) -> None:
    assert value("discount_rate", method) > 2 * value("coin", method)  # type: ignore[operator]


def test_planted_signals_are_above_chance_on_later_days() -> None:
    for feature in ("discount_rate", "day_of_week"):
        assert value(feature, "permutation_importance") > 2 * value(feature, "permutation_error")  # type: ignore[operator]
    assert value("discount_rate", "mutual_information") > value("discount_rate", "mutual_information_probe")  # type: ignore[operator]


def test_a_rare_flag_has_information() -> None:
    """Nine days of ten are without a discount: every decile but the last is 0."""
    assert value("discount_rate", "mutual_information") > 3 * value("discount_rate", "mutual_information_probe")  # type: ignore[operator]


def test_what_never_varies_is_dropped_and_what_is_new_is_not() -> None:
    assert not value("always_seven", "is_kept")
    assert not value("never_known", "is_kept")
    assert value("began_lately", "is_kept")
    assert "too new" in str(value("began_lately", "reason"))


def test_what_is_the_same_for_all_products_of_a_day_is_not_judged() -> None:
    assert "too few days" in str(value("is_weekend", "reason"))
    assert "too few days" not in str(value("discount_rate", "reason"))


def test_a_feature_is_dropped_only_when_no_method_is_above_chance() -> None:
    bounds = {
        "mutual_information": "mutual_information_probe",
        "random_forest_importance": "random_forest_probe",
        "lightgbm_gain_share": "lightgbm_gain_probe",
        "permutation_importance": "permutation_error",
    }
    for row in selected().to_pylist():
        if not row["is_kept"]:
            assert all(row[name] is None or row[name] <= row[bound] for name, bound in bounds.items()), row["feature"]
    for feature in [*STARTING_POINTS, "discount_rate", "category"]:
        assert value(feature, "is_kept")


def test_components_are_unit_vectors_that_explain_a_falling_share() -> None:
    numeric = selected().filter(pc.is_valid(selected()["pca_1_loading"]))
    assert "category" not in numeric["feature"].to_pylist()
    shares = [numeric[f"pca_{component}_variance_share"][0].as_py() for component in range(1, 6)]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1
    for component in range(1, 6):
        assert np.sum(numeric[f"pca_{component}_loading"].to_numpy() ** 2) == pytest.approx(1, abs=1e-3)


def test_labels_of_the_days_that_are_judged_make_no_difference() -> None:
    table = rows()
    before = AS_OF - timedelta(days=56)
    assert value("coin", "judged_before_date") == before
    judged = pc.greater_equal(table["target_date"], pa.scalar(before))
    units = pc.if_else(judged, 1000, table["units"])
    changed = table.set_column(table.schema.get_field_index("units"), "units", units)
    other = select(changed, AS_OF, 1, NOTHING, 2)
    assert other.drop(["trained_at"]).equals(selected().drop(["trained_at"]))


def test_with_too_little_history_everything_that_varies_is_kept() -> None:
    table = select(rows(), AS_OF, 5, NOTHING, 2)
    dropped = table.filter(pc.invert(table["is_kept"]))
    assert dropped["feature"].to_pylist() == ["always_seven", "never_known"]
    assert "too little history" in str(value("discount_rate", "reason", table))


@pytest.mark.parametrize("count", [0, 1, 100])
def test_a_shop_that_has_just_begun_keeps_everything(count: int) -> None:
    table = select(rows().slice(0, count), AS_OF, 1, NOTHING, 2)
    assert table.schema == SELECTION_SCHEMA
    assert all(table["is_kept"].to_pylist())


def test_the_same_selection_is_made_once() -> None:
    assert select(rows(), AS_OF, 1, selected(), 2).num_rows == 0
    decide = training.decide(
        "auto",
        7,
        AS_OF,
        feature_selection.history(selected()),
        feature_selection.settings(rows().column_names, 1),
    )
    assert not decide.trains
    changed = feature_selection.settings([*rows().column_names, "new"], 1)
    assert training.decide("auto", 7, AS_OF, feature_selection.history(selected()), changed).trains


def test_trainings_get_what_the_latest_selection_before_the_date_kept() -> None:
    columns = [*rows().column_names, "unheard_of"]
    assert set(columns) - set(kept(selected(), columns, AS_OF)) >= {"always_seven", "never_known"}
    assert "unheard_of" in kept(selected(), columns, AS_OF)
    # On the day before, that selection was still to come.
    assert kept(selected(), columns, AS_OF - timedelta(days=1)) == columns
    assert kept(NOTHING, columns, AS_OF) == columns

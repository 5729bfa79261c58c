"""The policy says when to train; the fingerprint says whether the data is the same."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trendhouse.artifacts import Fit, to_table
from trendhouse.training import Settings, decide, fingerprint, fit_id, fit_key, latest_training

TODAY = date(2025, 3, 1)
SETTINGS = Settings(parameters={"lightgbm": {"version": 1}, "naive": {"version": 1}}, features=["a", "b"])
OTHER_PARAMETERS = Settings(parameters={**SETTINGS.parameters, "lightgbm": {"version": 2}}, features=["a", "b"])
ONE_ALGORITHM_MORE = Settings(parameters={**SETTINGS.parameters, "new": {"version": 1}}, features=["a", "b"])
ONE_FEATURE_MORE = Settings(parameters=SETTINGS.parameters, features=["a", "b", "c"])


def training(as_of_date: date, key: str = "k", settings: Settings = SETTINGS) -> list[Fit]:
    """The fits of one training, made as of a date."""
    return [
        Fit(
            fit_id=fit_id(key, algorithm),
            topic="demand",
            algorithm=algorithm,
            is_baseline=algorithm == "naive",
            trained_at=datetime(2025, 6, 1),
            data_from=date(2024, 1, 1),
            data_to=as_of_date - timedelta(days=1),
            fit_key=key,
            parameters=parameters,
            features=settings.features,
            metrics={},
            library_versions={},
            artifact="{}",
        )
        for algorithm, parameters in settings.parameters.items()
    ]


NO_FITS: list[Fit] = []


@pytest.mark.parametrize(
    ("policy", "fits", "settings", "trains", "reason"),
    [
        ("auto", NO_FITS, SETTINGS, True, "no fit yet"),
        ("auto", training(TODAY), SETTINGS, False, "0 days old"),
        ("auto", training(TODAY - timedelta(days=6)), SETTINGS, False, "6 days old"),
        ("auto", training(TODAY - timedelta(days=7)), SETTINGS, True, "7 days old"),
        ("auto", training(TODAY), OTHER_PARAMETERS, True, "settings changed"),
        ("auto", training(TODAY), ONE_ALGORITHM_MORE, True, "settings changed"),
        ("auto", training(TODAY), ONE_FEATURE_MORE, True, "settings changed"),
        ("auto", training(TODAY), Settings(SETTINGS.parameters, ["b", "a"]), False, "0 days old"),
        # A fit of tomorrow knows what today has yet to predict.
        ("auto", training(TODAY + timedelta(days=1)), SETTINGS, True, "no fit yet"),
        ("auto", training(TODAY + timedelta(days=1), "later") + training(TODAY), SETTINGS, False, "0 days old"),
        ("always", training(TODAY), SETTINGS, True, "always"),
        ("always", NO_FITS, SETTINGS, True, "always"),
        ("never", NO_FITS, SETTINGS, False, "never"),
        ("never", training(TODAY - timedelta(days=99)), OTHER_PARAMETERS, False, "never"),
    ],
)
def test_policy(policy: str, fits: list[Fit], settings: Settings, trains: bool, reason: str) -> None:
    decision = decide(policy, 7, TODAY, to_table(fits), settings)
    assert decision.trains is trains
    assert reason in decision.reason


def test_without_feature_rows_nothing_is_trained() -> None:
    assert not decide("always", 7, None, to_table([]), SETTINGS).trains


def test_an_unknown_policy_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="trendhouse_train is 'sometimes'; choose one of auto, always, never"):
        decide("sometimes", 7, TODAY, to_table([]), SETTINGS)


def test_latest_training_is_whole_and_by_data_not_by_clock() -> None:
    fits = to_table(training(TODAY - timedelta(days=30), "older") + training(TODAY, "newer"))
    assert {row["fit_key"] for row in latest_training(fits, TODAY)} == {"newer"}
    assert [row["algorithm"] for row in latest_training(fits, TODAY)] == ["lightgbm", "naive"]
    assert {row["fit_key"] for row in latest_training(fits, TODAY - timedelta(days=1))} == {"older"}


def rows(values: list[float | None], texts: list[str | None]) -> pa.Table:
    return pa.table(
        {
            "key": pa.array(range(len(values)), type=pa.int32()),
            "value": pa.array(values, type=pa.float64()),
            "text": pa.array(texts, type=pa.string()),
            "day": pa.array([date(2025, 1, 1)] * len(values)),
            "flag": pa.array([True] * len(values)),
        }
    )


ROWS = st.lists(
    st.tuples(st.none() | st.floats(allow_nan=False), st.none() | st.text(max_size=4)), min_size=2, max_size=12
).map(lambda pairs: rows([value for value, _ in pairs], [text for _, text in pairs]))


@given(ROWS, st.randoms())
def test_fingerprint_minds_content_alone(table: pa.Table, random: object) -> None:
    order = list(range(table.num_rows))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = table.take(order).select(list(reversed(table.column_names)))
    chunked = pa.concat_tables([shuffled.slice(0, 1), shuffled.slice(1)])
    assert fingerprint(chunked, ["key"]) == fingerprint(table, ["key"])


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1.0, 2.5], ["a", "b"]),
        ([1.0, None], ["a", "b"]),
        ([1.0, 2.0], ["ab", ""]),
        ([1.0, 2.0], ["a", None]),
        ([1.0], ["a"]),
        ([2.0, 1.0], ["a", "b"]),
    ],
)
def test_fingerprint_sees_every_change(values: list[float | None], texts: list[str | None]) -> None:
    assert fingerprint(rows(values, texts), ["key"]) != fingerprint(rows([1.0, 2.0], ["a", "b"]), ["key"])


def test_fingerprint_tells_a_null_from_a_zero_and_an_empty_text() -> None:
    assert fingerprint(rows([None], [None]), ["key"]) != fingerprint(rows([0.0], [None]), ["key"])
    assert fingerprint(rows([None], [None]), ["key"]) != fingerprint(rows([None], [""]), ["key"])


def test_keys_follow_data_settings_and_algorithm() -> None:
    key = fit_key("data", SETTINGS)
    assert key == fit_key("data", Settings(SETTINGS.parameters, ["b", "a"]))
    assert (
        len({key, fit_key("data2", SETTINGS), fit_key("data", OTHER_PARAMETERS), fit_key("data", ONE_FEATURE_MORE)})
        == 4
    )
    assert len({fit_id(key, "lightgbm"), fit_id(key, "naive")}) == 2
    assert np.unique([len(fit_id(key, "x"))]) == [32]

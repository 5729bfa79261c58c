"""The cleaning macros against scikit-learn, scipy, pandas and numpy on random, empty, constant and all-null columns."""

import datetime as dt
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from macro_harness import MacroHarness
from scipy import stats
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

QUICK = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False).map(
    lambda value: 0.0 if abs(value) < 1e-6 else value
) | st.integers(-5, 5).map(float)
COLUMNS = st.lists(st.none() | NUMBERS, max_size=60)
Column = list[float | None]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> MacroHarness:
    return MacroHarness(tmp_path_factory.mktemp("macros"))


def frame_of(column: Iterable[float | None]) -> pd.DataFrame:
    """A table with one nullable column x (NaN never stands for null)."""
    return pd.DataFrame({"x": pd.array(list(column), dtype="Float64")})


def known(column: Column) -> np.ndarray:
    return np.array([value for value in column if value is not None], dtype=float)


def fitted(harness: MacroHarness, column: Column) -> dict[str, Any]:
    sql = harness.render("fit_scaling", "training", ["x"])
    [row] = harness.query(sql, training=frame_of(column)).to_dict("records")
    return {name: None if pd.isna(value) else value for name, value in row.items()}


def literal(value: float | None) -> str:
    return "cast(null as double)" if value is None else f"cast('{value!r}' as double)"


def assert_close(result: list[Any], wanted: Iterable[Any], tolerance: float = 1e-9) -> None:
    expected = [None if pd.isna(value) else float(value) for value in wanted]
    assert [value is None for value in result] == [value is None for value in expected]
    numbers = [value for value in result if value is not None]
    np.testing.assert_allclose(numbers, [v for v in expected if v is not None], rtol=tolerance, atol=tolerance)


# ---- parameters -----------------------------------------------------------------------------------------------------


@QUICK
@given(COLUMNS)
@example([])
@example([None, None])
@example([0.1] * 7)
@example([3.0, None, 3.0])
def test_fit_scaling_gives_numpys_parameters(harness: MacroHarness, column: Column) -> None:
    row = fitted(harness, column)
    values = known(column)
    assert row["column_name"] == "x"
    assert row["row_count"] == len(column)
    assert row["null_count"] == len(column) - len(values)
    parameters = [
        "min_value",
        "max_value",
        "mean_value",
        "standard_deviation",
        "first_quartile",
        "median_value",
        "third_quartile",
        "median_absolute_deviation",
        "mode_value",
    ]
    if not len(values):
        assert [row[name] for name in parameters] == [None] * len(parameters)
        return
    first, median, third = np.percentile(values, [25, 50, 75])
    deviation = StandardScaler().fit(values[:, None])
    wanted = [
        values.min(),
        values.max(),
        values.mean(),
        0.0 if deviation.var_[0] == 0 or (deviation.scale_[0] == 1 and np.ptp(values) == 0) else values.std(),
        first,
        median,
        third,
        stats.median_abs_deviation(values),
        stats.mode(values).mode,
    ]
    scale = max(1.0, np.abs(values).max())
    np.testing.assert_allclose([row[name] for name in parameters], wanted, rtol=1e-9, atol=1e-9 * scale)


def test_fit_scaling_takes_several_columns_and_a_window(harness: MacroHarness) -> None:
    training = pd.DataFrame({"x": [1.0, 2.0, 30.0], "flag": [True, False, True], "day": [1, 2, 3]})
    sql = harness.render("fit_scaling", "training", ["x", "flag"], "day < 3")
    rows = harness.query(f"select * from ({sql}) as fits order by column_name", training=training)
    assert list(rows["column_name"]) == ["flag", "x"]
    assert list(rows["row_count"]) == [2, 2]
    assert list(rows["max_value"]) == [1.0, 2.0]
    assert list(rows["mean_value"]) == [0.5, 1.5]


@pytest.mark.parametrize("columns", ["x", []])
def test_fit_scaling_needs_a_list(harness: MacroHarness, columns: Any) -> None:
    with pytest.raises(Exception, match="fit_scaling needs a list of at least one column"):
        harness.render("fit_scaling", "training", columns)


# ---- scaling --------------------------------------------------------------------------------------------------------


@QUICK
@given(COLUMNS, COLUMNS)
@example([5.0, 5.0], [5.0, 7.0, None])
@example([None], [1.0])
@example([], [1.0, None])
@example([0.1] * 7, [0.1, 0.3])
def test_min_max_scale_is_scikit_learns(harness: MacroHarness, training: Column, later: Column) -> None:
    row = fitted(harness, training)
    sql = harness.render("min_max_scale", "x", literal(row["min_value"]), literal(row["max_value"]))
    result = harness.values(sql, frame_of(training + later))
    if not len(known(training)):
        assert result == [None] * len(training + later)
        return
    scaler = MinMaxScaler().fit(known(training)[:, None])
    wanted = scaler.transform(np.array(training + later, dtype=float)[:, None])[:, 0]
    # Errors grow with the shift over the range, which scikit-learn's own order of operations shares.
    noise = np.abs(scaler.data_min_[0]) * scaler.scale_[0] * 1e-15
    assert_close(result, wanted, max(1e-9, noise))


@QUICK
@given(COLUMNS, COLUMNS)
@example([5.0, 5.0], [5.0, 7.0, None])
@example([None], [1.0])
@example([], [1.0, None])
@example([0.1] * 7, [0.1, 0.3])
def test_standardize_is_scikit_learns(harness: MacroHarness, training: Column, later: Column) -> None:
    row = fitted(harness, training)
    sql = harness.render("standardize", "x", literal(row["mean_value"]), literal(row["standard_deviation"]))
    result = harness.values(sql, frame_of(training + later))
    if not len(known(training)):
        assert result == [None] * len(training + later)
        return
    scaler = StandardScaler().fit(known(training)[:, None])
    wanted = scaler.transform(np.array(training + later, dtype=float)[:, None])[:, 0]
    noise = np.abs(known(training)).max() / scaler.scale_[0] * 1e-14
    assert_close(result, wanted, max(1e-9, noise))


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.25, 1e9 / 3])
def test_constant_columns_scale_to_zero(harness: MacroHarness, constant: float) -> None:
    row = fitted(harness, [constant] * 1000)
    assert row["standard_deviation"] == 0
    frame = frame_of([constant, None])
    for macro, parameters in [
        ("min_max_scale", ["min_value", "max_value"]),
        ("standardize", ["mean_value", "standard_deviation"]),
    ]:
        result = harness.values(harness.render(macro, "x", *(literal(row[name]) for name in parameters)), frame)
        assert result[0] == pytest.approx(0, abs=1e-6 if constant > 1e6 else 1e-12)
        assert result[1] is None


# ---- imputation -----------------------------------------------------------------------------------------------------


@QUICK
@given(
    COLUMNS,
    COLUMNS,
    st.sampled_from(
        [("mean", "mean", "mean_value"), ("median", "median", "median_value"), ("mode", "most_frequent", "mode_value")]
    ),
)
@example([None, 4.0, 4.0], [None], ("mean", "mean", "mean_value"))
def test_impute_by_a_stored_value_is_simple_imputer(
    harness: MacroHarness, training: Column, later: Column, method: tuple[str, str, str]
) -> None:
    ours, theirs, parameter = method
    fill = fitted(harness, training)[parameter]
    result = harness.values(harness.render("impute", "x", ours, literal(fill)), frame_of(later))
    if not len(known(training)):
        assert_close(result, later)
        return
    if not later:
        assert result == []
        return
    imputer = SimpleImputer(strategy=theirs).fit(np.array(training, dtype=float)[:, None])
    wanted = imputer.transform(np.array(later, dtype=float)[:, None])[:, 0]
    assert_close(result, wanted, 1e-9 * max(1.0, np.abs(known(training)).max()))


def test_impute_by_a_constant(harness: MacroHarness) -> None:
    assert harness.values(harness.render("impute", "x", "constant", "-1"), frame_of([None, 2.0])) == [-1.0, 2.0]
    missing = harness.values(
        harness.render("impute", "x", "constant", "'unknown'"), pd.DataFrame({"x": pd.array(["a", None], "string")})
    )
    assert missing == ["a", "unknown"]


SERIES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 300), st.none() | NUMBERS),
    max_size=40,
    unique_by=lambda row: row[:2],
)


@QUICK
@given(SERIES)
@example([])
@example([("a", 1, None), ("a", 2, None)])
def test_impute_by_last_value_is_pandas_ffill(harness: MacroHarness, rows: list[tuple[str, int, float | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["k", "t", "x"]).astype({"k": "string", "t": "int64", "x": "Float64"})
    sql = harness.render("impute", "x", "last_value", order_by="t", partition_by=["k"])
    wanted = frame.sort_values("t").groupby("k")["x"].ffill().reindex(frame.index)
    assert_close(harness.values(sql, frame), wanted)


@pytest.mark.parametrize("time_type", ["number", "date", "timestamp"])
@QUICK
@given(SERIES)
@example([])
@example([("a", 1, None), ("a", 2, None)])
@example([("a", 1, 1.0), ("a", 2, None), ("b", 3, 9.0)])
def test_impute_by_linear_is_numpy_interp(
    harness: MacroHarness, time_type: str, rows: list[tuple[str, int, float | None]]
) -> None:
    frame = pd.DataFrame(rows, columns=["k", "n", "x"]).astype({"k": "string", "n": "int64", "x": "Float64"})
    start = dt.datetime(2024, 1, 1)
    if time_type == "number":
        frame["t"] = frame["n"]
    else:
        unit = "D" if time_type == "date" else "h"
        frame["t"] = pd.Timestamp(start) + pd.to_timedelta(frame["n"], unit=unit)
    sql = harness.render("impute", "x", "linear", order_by="t", partition_by="k", time_type=time_type)
    wanted = pd.Series(np.nan, index=frame.index)
    for _, series in frame.groupby("k"):
        points = series.dropna(subset=["x"]).sort_values("n")
        if len(points):
            at, values = points["n"].to_numpy(float), points["x"].to_numpy(float)
            wanted[series.index] = np.interp(series["n"].to_numpy(float), at, values, left=np.nan, right=np.nan)
    assert_close(harness.values(sql, frame), wanted, 1e-8)


def test_impute_by_linear_leaves_rows_without_a_time(harness: MacroHarness) -> None:
    frame = pd.DataFrame({"t": pd.array([1, None, 3, None], "Int64"), "x": pd.array([1.0, None, None, 8.0], "Float64")})
    sql = harness.render("impute", "x", "linear", order_by="t", time_type="number")
    assert harness.values(sql, frame) == [1.0, None, None, 8.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "average"}, "use one of: mean, median, mode, constant, last_value, linear"),
        ({"method": "mean"}, "needs fill_value"),
        ({"method": "last_value"}, "needs order_by"),
        ({"method": "linear", "order_by": ["a", "b"]}, "needs order_by, one expression"),
        ({"method": "linear", "order_by": "a", "time_type": "week"}, "use one of: date, timestamp, number"),
    ],
)
def test_impute_says_what_is_wrong(harness: MacroHarness, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        harness.render("impute", "x", **arguments)


# ---- outliers -------------------------------------------------------------------------------------------------------


def outlier_flags(
    harness: MacroHarness, method: str, row: dict[str, Any], column: Column, **options: Any
) -> list[bool]:
    parameters = {
        "iqr": {"first_quartile": "first_quartile", "third_quartile": "third_quartile"},
        "z_score": {"mean_x": "mean_value", "sd_x": "standard_deviation"},
        "mad": {"median_x": "median_value", "mad_x": "median_absolute_deviation"},
    }[method]
    given_values = {name: literal(row[key]) for name, key in parameters.items()}
    return harness.values(harness.render("flag_outliers", "x", method, **given_values, **options), frame_of(column))


def reference_distances(method: str, values: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, float]:
    """How far each value is in the method's unit, and the limit, by numpy and scipy."""
    if method == "iqr":
        first, third = np.percentile(values, [25, 75])
        return np.maximum(first - column, column - third) / stats.iqr(values), 1.5
    if method == "z_score":
        return np.abs(stats.zmap(column, values)), 3.0
    return 0.6745 * np.abs(column - np.median(values)) / stats.median_abs_deviation(values), 3.5


@pytest.mark.parametrize("method", ["iqr", "z_score", "mad"])
@QUICK
@given(st.lists(st.none() | NUMBERS, min_size=3, max_size=60), st.lists(NUMBERS, max_size=20))
def test_flag_outliers_agrees_with_scipy(harness: MacroHarness, method: str, training: Column, later: Column) -> None:
    values = known(training)
    assume(len(values) > 2)
    spread = {"iqr": stats.iqr, "z_score": np.std, "mad": stats.median_abs_deviation}[method](values)
    assume(spread > 1e-6 * max(1.0, np.abs(values).max()))
    column = training + later
    distances, limit = reference_distances(method, values, np.array(column, dtype=float))
    flags = outlier_flags(harness, method, fitted(harness, training), column)
    for value, distance, flag in zip(column, distances, flags, strict=True):
        if value is None:
            assert flag is False
        elif abs(distance - limit) > 1e-6:
            assert flag is bool(distance > limit)


@pytest.mark.parametrize(
    ("method", "limit"), [("iqr", 10 + 1.5 * 4), ("z_score", 3 * 2), ("mad", 3.5 * 2 / 0.6745)], ids=str
)
def test_the_limits_are_the_published_ones(harness: MacroHarness, method: str, limit: float) -> None:
    centre = {"mean_value": 0.0, "median_value": 0.0, "first_quartile": 6.0, "third_quartile": 10.0}
    row = {**centre, "standard_deviation": 2.0, "median_absolute_deviation": 2.0}
    assert outlier_flags(harness, method, row, [limit * 0.999, limit * 1.001]) == [False, True]


def test_flag_outliers_finds_planted_ones(harness: MacroHarness) -> None:
    rng = np.random.default_rng(3)
    training = list(rng.normal(100, 5, 2000))
    for method in ("iqr", "z_score", "mad"):
        row = fitted(harness, training)
        assert outlier_flags(harness, method, row, [100.0, 160.0, 40.0, None]) == [False, True, True, False]


@pytest.mark.parametrize("method", ["iqr", "z_score", "mad"])
@pytest.mark.parametrize("training", [[], [None, None], [4.0] * 9], ids=["empty", "all null", "constant"])
def test_without_a_spread_nothing_is_an_outlier(harness: MacroHarness, method: str, training: Column) -> None:
    assert outlier_flags(harness, method, fitted(harness, training), [4.0, 400.0, None]) == [False] * 3


@pytest.mark.parametrize("method", ["iqr", "z_score", "mad"])
def test_min_spread_gives_a_constant_column_a_scale(harness: MacroHarness, method: str) -> None:
    row = fitted(harness, [4.0] * 9)
    assert outlier_flags(harness, method, row, [4.0, 4.5, 400.0, None], min_spread="1") == [False, False, True, False]
    nothing = fitted(harness, [None])
    assert outlier_flags(harness, method, nothing, [4.0, 400.0, None], min_spread="1") == [False] * 3


def test_the_threshold_can_be_set(harness: MacroHarness) -> None:
    row = {"mean_value": 0.0, "standard_deviation": 1.0}
    assert outlier_flags(harness, "z_score", row, [1.5, 2.5, 3.5], threshold=2) == [False, True, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "sigma"}, "use one of: iqr, z_score, mad"),
        ({"method": "iqr", "first_quartile": "1"}, "needs first_quartile and third_quartile"),
        ({"method": "mad"}, "needs median_x and mad_x"),
    ],
)
def test_flag_outliers_says_what_is_wrong(harness: MacroHarness, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        harness.render("flag_outliers", "x", **arguments)


# ---- duplicates -----------------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(st.none() | st.integers(0, 3), st.none() | st.integers(0, 3), st.none() | st.integers(0, 3)), max_size=30
)


@QUICK
@given(ROWS, st.randoms(use_true_random=False))
def test_deduplicate_keeps_the_first_row_of_each_key(
    harness: MacroHarness, rows: list[tuple[Any, Any, Any]], random: Any
) -> None:
    sql = harness.render("deduplicate", "raw", ["k", "loaded_at", "v"], ["k"], ["loaded_at desc nulls last"])
    results = []
    for _ in range(2):
        random.shuffle(rows)
        raw = pd.DataFrame(rows, columns=["k", "loaded_at", "v"]).astype("Int64")
        results.append(
            {
                tuple(None if pd.isna(v) else int(v) for v in row)
                for row in harness.query(sql, raw=raw).itertuples(index=False)
            }
        )
        assert list(harness.query(sql, raw=raw).columns) == ["k", "loaded_at", "v"]
    last = float("inf")
    best: dict[Any, tuple[Any, Any, Any]] = {}
    for row in sorted(rows, key=lambda r: (last if r[1] is None else -r[1], last if r[2] is None else r[2])):
        best.setdefault(row[0], row)
    assert results == [set(best.values())] * 2


@pytest.mark.parametrize(
    ("order_by", "message"),
    [
        (["loaded_at desc"], "nulls first"),
        ("loaded_at nulls last", "list of at least one"),
        ([], "list of at least one"),
    ],
)
def test_deduplicate_says_what_is_wrong(harness: MacroHarness, order_by: Any, message: str) -> None:
    with pytest.raises(Exception, match=message):
        harness.render("deduplicate", "raw", ["k"], ["k"], order_by)


# ---- division, decay, moments ---------------------------------------------------------------------------------------


@QUICK
@given(st.none() | NUMBERS, st.none() | NUMBERS)
@example(1.0, 0.0)
@example(0.0, 0.0)
@example(None, 2.0)
def test_safe_divide(harness: MacroHarness, numerator: float | None, denominator: float | None) -> None:
    result = harness.value(harness.render("safe_divide", literal(numerator), literal(denominator)))
    if numerator is None or not denominator:
        assert result is None
    else:
        assert result == pytest.approx(numerator / denominator, rel=1e-12)


def test_safe_divide_does_not_cut_off_integers(harness: MacroHarness) -> None:
    assert harness.value(harness.render("safe_divide", "1 + 2", "2 + 2")) == 0.75


@QUICK
@given(st.floats(0, 20000, allow_subnormal=False), st.floats(0.5, 400))
def test_time_decay(harness: MacroHarness, age: float, half_life: float) -> None:
    wanted = 0.5 ** (age / half_life)
    for half_life_given in (half_life, literal(half_life)):
        result = harness.value(harness.render("time_decay", literal(age), half_life_given))
        assert result == pytest.approx(wanted, rel=1e-9, abs=1e-300)


def test_time_decay_at_its_edges(harness: MacroHarness) -> None:
    assert harness.values(harness.render("time_decay", "x", 30), frame_of([0, 30, 60, -1, None])) == [
        1,
        0.5,
        0.25,
        0,
        None,
    ]
    assert harness.values(harness.render("time_decay", "1", "x"), frame_of([0, -1, None])) == [None] * 3
    with pytest.raises(Exception, match="needs half_life_days above 0"):
        harness.render("time_decay", "x", 0)


@pytest.mark.parametrize(("macro", "reference"), [("skewness_of", stats.skew), ("kurtosis_of", stats.kurtosis)])
@pytest.mark.parametrize("seed", range(5))
def test_moments_are_scipys(harness: MacroHarness, macro: str, reference: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "gamma": rng.gamma(2, 3, 500),
            "normal": rng.normal(0, 10, 500),
            "counts": rng.poisson(0.3, 500).astype(float),
            "far": 1e6 + rng.normal(0, 1, 500),
        }
    )
    frame["holes"] = pd.array(np.where(rng.random(500) < 0.2, None, frame["gamma"]), dtype="Float64")
    for name in frame:
        center = f"(select avg({name}) from t)" if name == "far" else "0"
        result = harness.query(
            f"select {harness.render(macro, name, 'c')} as r from (select *, {center} as c from t) as s", t=frame
        )["r"][0]
        wanted = reference(frame[name].dropna().to_numpy(float))
        assert result == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        if name != "far":
            assert harness.query(f"select {harness.render(macro, name)} as r from t", t=frame)["r"][0] == pytest.approx(
                wanted, rel=1e-9, abs=1e-9
            )


@pytest.mark.parametrize("macro", ["skewness_of", "kurtosis_of"])
@pytest.mark.parametrize(
    "column", [[], [None, None], [0.1] * 20, [7.0]], ids=["empty", "all null", "constant", "one value"]
)
def test_moments_without_a_spread_are_null(harness: MacroHarness, macro: str, column: Column) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert harness.query(f"select {harness.render(macro, 'x')} as r from t", t=frame_of(column))["r"].isna().all()


# ---- the generic dbt tests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "arguments", "good", "bad"),
    [
        ("unique_combination", {"columns": ["x", "y"]}, {"x": [1, 1, 2], "y": [1, 2, 1]}, {"x": [1, 1], "y": [2, 2]}),
        (
            "unique_combination",
            {"columns": ["x"]},
            {"x": pd.array([1, None], "Int64")},
            {"x": pd.array([None, None], "Int64")},
        ),
        (
            "in_range",
            {"columns": ["x"], "min_value": 0, "max_value": 1},
            {"x": pd.array([0, 1, None], "Float64")},
            {"x": [1.1]},
        ),
        ("in_range", {"columns": ["x"], "min_value": 0}, {"x": [9.0]}, {"x": [-0.1]}),
        ("in_range", {"columns": ["x"], "max_value": 1}, {"x": [-9.0]}, {"x": [1.1]}),
        ("in_range", {"columns": ["x", "y"], "max_value": 1}, {"x": [1], "y": [0]}, {"x": [1, 1], "y": [2, 3]}),
        ("not_negative", {"columns": ["x"]}, {"x": pd.array([0, 3, None], "Float64")}, {"x": [-1]}),
        ("not_negative", {"columns": ["x", "y"]}, {"x": [0], "y": [0]}, {"x": [0, 0], "y": [0, -1]}),
        ("not_null_columns", {"columns": ["x"]}, {"x": ["", "a"]}, {"x": ["a", None]}),
        ("not_null_columns", {"columns": ["x", "y"]}, {"x": [0], "y": [0]}, {"x": [0, 0], "y": [None, 1]}),
        ("not_null_columns", {"columns": ["x"]}, {"x": []}, {"x": pd.array([None], "Int64")}),
        ("row_count_at_least", {}, {"x": [1]}, {"x": []}),
        ("row_count_at_least", {"at_least": 3}, {"x": [1, 2, 3]}, {"x": [1, 2]}),
        (
            "ordered_columns",
            {"columns": ["x", "y", "z"]},
            {"x": [1, 1], "y": [1, 2], "z": [1, 3]},
            {"x": [1], "y": [3], "z": [2]},
        ),
    ],
)
def test_generic_tests_pass_good_rows_and_return_bad_ones(
    harness: MacroHarness, test: str, arguments: dict[str, Any], good: dict[str, Any], bad: dict[str, Any]
) -> None:
    sql = harness.render(f"test_{test}", "model", **arguments)
    assert harness.query(sql.replace("from model", "from t"), t=pd.DataFrame(good)).empty
    assert len(harness.query(sql.replace("from model", "from t"), t=pd.DataFrame(bad))) == 1


@pytest.mark.parametrize("arguments", [{"min_value": 0}, {"max_value": 1}, {"min_value": 0, "max_value": 1}, None])
def test_range_tests_return_nan(harness: MacroHarness, arguments: dict[str, Any] | None) -> None:
    name = "test_not_negative" if arguments is None else "test_in_range"
    sql = harness.render(name, "t", columns=["x"], **(arguments or {}))
    harness.connection.execute(
        "create or replace temp table t as select cast(v as double) as x from (values ('nan'), ('0.5')) as given(v)"
    )
    try:
        assert len(harness.query(sql)) == 1
    finally:
        harness.connection.execute("drop table t")


def test_tests_of_several_columns_say_which_and_how_often(harness: MacroHarness) -> None:
    rows = pd.DataFrame({"x": [None, 1.0, None], "y": [1.0, 2.0, 3.0], "z": [1.0, None, 2.0]})
    found = harness.query(harness.render("test_not_null_columns", "t", columns=["x", "y", "z"]), t=rows)
    assert dict(zip(found["column_name"], found["bad_rows"], strict=True)) == {"x": 2, "z": 1}


@pytest.mark.parametrize(
    ("test", "arguments"),
    [
        ("unique_combination", {"columns": "x"}),
        ("ordered_columns", {"columns": ["x"]}),
        ("in_range", {"columns": ["x"]}),
        ("in_range", {"columns": [], "min_value": 0}),
        ("not_negative", {"columns": []}),
        ("not_null_columns", {"columns": "x"}),
    ],
)
def test_generic_tests_refuse_empty_settings(harness: MacroHarness, test: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=f"{test} needs"):
        harness.render(f"test_{test}", "t", **arguments)

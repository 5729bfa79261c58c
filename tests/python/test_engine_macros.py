"""The engine macros: each against Python's own calendar, hashes, patterns and JSON; the Spark spelling must parse."""

import datetime as dt
import hashlib
import json
import re
import statistics
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from macro_harness import GENERIC_TESTS, MACRO_FOLDERS, MacroHarness
from sqlfluff.core import Linter

DATES = st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> MacroHarness:
    return MacroHarness(tmp_path_factory.mktemp("macros"))


def text_column(values: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.array(values, dtype="string")})


def date_literal(day: dt.date | None) -> str:
    return "cast(null as date)" if day is None else f"date '{day.isoformat()}'"


# ---- dates ----------------------------------------------------------------------------------------------------------


@QUICK
@given(DATES, DATES)
def test_days_between_and_add_days_undo_each_other(harness: MacroHarness, first: dt.date, second: dt.date) -> None:
    days = harness.value(harness.render("days_between", date_literal(first), date_literal(second)))
    assert days == (second - first).days
    assert harness.value(harness.render("add_days", date_literal(first), str(days))) == second


def test_days_between_counts_midnights(harness: MacroHarness) -> None:
    sql = harness.render("days_between", "timestamp '2024-02-28 23:59:59'", "timestamp '2024-03-01 00:00:01'")
    assert harness.value(sql) == 2


def test_date_arithmetic_keeps_nulls_and_types(harness: MacroHarness) -> None:
    for sql, type_name in [
        (harness.render("days_between", "cast(null as date)", "date '2024-01-01'"), "INTEGER"),
        (harness.render("add_days", "timestamp '2024-01-01 10:00:00'", "cast(null as integer)"), "DATE"),
        (harness.render("day_of_week", "cast(null as date)"), "INTEGER"),
        (harness.render("week_start", "cast(null as timestamp)"), "DATE"),
        (harness.render("seconds_between", "cast(null as timestamp)", "timestamp '2024-01-01'"), "DOUBLE"),
    ]:
        assert harness.value(sql) is None
        assert harness.value(f"typeof({sql})") == type_name


@QUICK
@given(DATES)
def test_weeks_start_on_monday(harness: MacroHarness, day: dt.date) -> None:
    assert harness.value(harness.render("day_of_week", date_literal(day))) == day.isoweekday()
    monday = day - dt.timedelta(days=day.weekday())
    assert harness.value(harness.render("week_start", date_literal(day))) == monday
    late = f"timestamp '{day.isoformat()} 23:59:59'"
    assert harness.value(harness.render("week_start", late)) == monday


@QUICK
@given(*[st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2199, 1, 1))] * 2)
def test_seconds_between(harness: MacroHarness, first: dt.datetime, second: dt.datetime) -> None:
    sql = harness.render("seconds_between", f"timestamp '{first}'", f"timestamp '{second}'")
    assert harness.value(sql) == pytest.approx((second - first).total_seconds(), rel=1e-12)


@QUICK
@given(DATES, st.integers(-3, 400))
def test_date_spine_has_every_day_once(harness: MacroHarness, start: dt.date, length: int) -> None:
    end = start + dt.timedelta(days=length)
    spine = harness.render("date_spine_between", date_literal(start), date_literal(end))
    rows = harness.connection.execute(f"select date_day from {spine} as spine order by date_day").fetchall()
    assert [row[0] for row in rows] == [start + dt.timedelta(days=n) for n in range(length + 1)]


def test_date_spine_takes_scalar_subqueries_and_nulls(harness: MacroHarness) -> None:
    bounds = pd.DataFrame({"seen_at": pd.to_datetime(["2024-02-28 13:00", "2024-03-01 01:00"])})
    spine = harness.render(
        "date_spine_between", "(select min(seen_at) from bounds)", "(select max(seen_at) from bounds)"
    )
    rows = harness.query(f"select date_day from {spine} as spine order by date_day", bounds=bounds)
    assert list(rows["date_day"].dt.date) == [dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2024, 3, 1)]
    nothing = harness.render("date_spine_between", "cast(null as date)", "date '2024-01-01'")
    assert harness.query(f"select * from {nothing} as spine").empty


# ---- hashes ---------------------------------------------------------------------------------------------------------


@QUICK
@given(key=TEXTS | st.just("it's \\ a ''key'"), value=TEXTS)
def test_keyed_hash_is_sha256_of_key_and_value(harness: MacroHarness, key: str, value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRENDHOUSE_HASH_KEY", key or "demo")
        sql = harness.render("keyed_hash", "x")
    wanted = hashlib.sha256(f"{key or 'demo'}:{value}".encode()).hexdigest()
    assert harness.values(sql, text_column([value, None])) == [wanted, None]


def test_keyed_hash_without_a_key_uses_the_demo_key(harness: MacroHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRENDHOUSE_HASH_KEY", raising=False)
    assert harness.value(harness.render("keyed_hash", "7")) == hashlib.sha256(b"demo:7").hexdigest()


def test_documentation_never_holds_the_key(harness: MacroHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDHOUSE_HASH_KEY", "very secret")
    assert "very secret" in harness.render("keyed_hash", "x")
    for command in ("generate", "compile"):
        assert "very secret" not in harness.render("keyed_hash", "x", command=command)


OPTIONAL_TEXTS = st.none() | st.text("ab:-1", max_size=4)


@QUICK
@given(st.lists(st.tuples(OPTIONAL_TEXTS, OPTIONAL_TEXTS), min_size=2, max_size=30))
def test_row_hash_differs_exactly_where_rows_differ(
    harness: MacroHarness, rows: list[tuple[str | None, str | None]]
) -> None:
    frame = pd.DataFrame(
        {name: pd.array(column, dtype="string") for name, column in zip("xy", zip(*rows, strict=True), strict=True)}
    )
    hashes = harness.values(harness.render("row_hash", ["x", "y"]), frame)
    assert all(len(value) == 32 for value in hashes)
    assert len(set(hashes)) == len(set(rows))


def test_row_hash_text(harness: MacroHarness) -> None:
    sql = harness.render("row_hash", ["'ab'", "cast(null as integer)", "12"])
    assert harness.value(sql) == hashlib.md5(b"2:ab-2:12").hexdigest()


def test_stable_fraction_is_a_uniform_number_of_the_key(harness: MacroHarness) -> None:
    keys = [f"P{n:05d}" for n in range(20_000)]
    fractions = harness.values(harness.render("stable_fraction", "x"), text_column([*keys, None]))
    assert fractions.pop() is None
    assert fractions[:50] == [int(hashlib.md5(key.encode()).hexdigest()[:13], 16) / 16**13 for key in keys[:50]]
    assert min(fractions) >= 0
    assert max(fractions) < 1
    for bound in (0.1, 0.5, 0.9):
        assert sum(value < bound for value in fractions) / len(fractions) == pytest.approx(bound, abs=0.01)


# ---- text -----------------------------------------------------------------------------------------------------------


@QUICK
@given(TEXTS | st.sampled_from(["it's", "''", "\\", "\\'", "%{{ x }}"]))
def test_text_literal_gives_the_text(harness: MacroHarness, text: str) -> None:
    assert harness.connection.execute(f"select {harness.render('text_literal', text)}").fetchone() == (text,)


@pytest.mark.parametrize("pattern", ["[0-9]+", "^a.*z$", "it's", r"\s*>\s*", "(ab|cd){2}", "[^a-z]"])
def test_regex_matches_and_replaces_like_python(harness: MacroHarness, pattern: str) -> None:
    texts = ["a1b22", "a to z", "it's", "a >b> c", "abcdab", "", "ABC"]
    assert harness.values(harness.render("regex_matches", "x", pattern), text_column([*texts, None])) == [
        *[re.search(pattern, text) is not None for text in texts],
        None,
    ]
    for replacement in ("_", "", "it's", r"\1 $1"):
        sql = harness.render("regex_replace", "x", pattern, replacement)
        assert harness.values(sql, text_column([*texts, None])) == [
            *[re.sub(pattern, lambda _, plain=replacement: plain, text) for text in texts],
            None,
        ]


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        ("home > kitchen > pans", ["home", "kitchen", "pans", None]),
        ("home>  kitchen", ["home", "kitchen", None, None]),
        ("home > > pans", ["home", None, "pans", None]),
        ("", [None, None, None, None]),
        (None, [None, None, None, None]),
    ],
)
def test_split_path(harness: MacroHarness, path: str | None, levels: list[str | None]) -> None:
    for n, level in enumerate(levels, start=1):
        assert harness.values(harness.render("split_path", "x", ">", n), text_column([path])) == [level]


@QUICK
@given(st.lists(st.none() | TEXTS, min_size=1, max_size=4), st.sampled_from(["; ", "", "'"]))
def test_concat_nonnull(harness: MacroHarness, parts: list[str | None], sep: str) -> None:
    frame = pd.DataFrame({f"c{n}": pd.array([part], dtype="string") for n, part in enumerate(parts)})
    known = [part for part in parts if part is not None]
    result = harness.values(harness.render("concat_nonnull", list(frame.columns), sep), frame)
    assert result == [sep.join(known) if known else None]


@QUICK
@given(st.dictionaries(st.text("abc'_ \"", min_size=1, max_size=5), st.none() | TEXTS, max_size=4))
def test_json_object_of_reads_back(harness: MacroHarness, pairs: dict[str, str | None]) -> None:
    frame = pd.DataFrame(
        {f"c{n}": pd.array([value], dtype="string") for n, value in enumerate(pairs.values())} or {"x": [1]}
    )
    sql = harness.render("json_object_of", {name: f"c{n}" for n, name in enumerate(pairs)})
    [text] = harness.values(sql, frame)
    assert json.loads(text) == pairs
    assert list(json.loads(text)) == list(pairs)


def test_json_object_of_keeps_types(harness: MacroHarness) -> None:
    sql = harness.render(
        "json_object_of", {"n": "1", "f": "1.5e0", "b": "true", "d": "date '2024-01-02'", "none": "null"}
    )
    assert json.loads(harness.value(sql)) == {"n": 1, "f": 1.5, "b": True, "d": "2024-01-02", "none": None}


# ---- windows --------------------------------------------------------------------------------------------------------


@QUICK
@given(st.lists(st.tuples(st.sampled_from("ab"), st.none() | st.integers(0, 9)), max_size=30))
def test_last_and_next_known_are_pandas_fills(harness: MacroHarness, rows: list[tuple[str, int | None]]) -> None:
    frame = pd.DataFrame(
        {
            "k": pd.array([row[0] for row in rows], dtype="string"),
            "x": pd.array([row[1] for row in rows], dtype="Int64"),
            "t": range(len(rows)),
        }
    )
    for macro, filled in [
        ("last_known", frame.groupby("k")["x"].ffill()),
        ("next_known", frame.groupby("k")["x"].bfill()),
    ]:
        result = harness.values(harness.render(macro, "x", "t", "k"), frame)
        assert result == [None if pd.isna(value) else value for value in filled]


@QUICK
@given(st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=1, max_size=9))
def test_median_over_is_the_median_of_what_the_frame_knows(harness: MacroHarness, values: list[int | None]) -> None:
    frame = pd.DataFrame({"x": pd.array(values, dtype="Int64"), "t": range(len(values))})
    window = "(order by t nulls last rows between 2 preceding and current row)"
    result = harness.values(harness.render("median_over", "x", window), frame)
    for place, median in enumerate(result):
        known = [value for value in values[max(place - 2, 0) : place + 1] if value is not None]
        assert median == (statistics.median(known) if known else None)


def test_rows_without_an_order_come_first(harness: MacroHarness) -> None:
    frame = pd.DataFrame({"x": pd.array([5, None, None], "Int64"), "t": pd.array([None, 1, 2], "Int64")})
    assert harness.values(harness.render("last_known", "x", "t"), frame) == [5, 5, 5]
    assert harness.values(harness.render("next_known", "x", ["t", "x"]), frame) == [5, None, None]


# ---- wrong calls, documentation, the other engine -------------------------------------------------------------------


@pytest.mark.parametrize(("macro", "arguments"), [("row_hash", [[]]), ("concat_nonnull", [[], ","])])
def test_an_empty_list_stops_the_compilation(harness: MacroHarness, macro: str, arguments: list[Any]) -> None:
    with pytest.raises(Exception, match="needs at least one expression"):
        harness.render(macro, *arguments)


def test_every_macro_is_documented_with_its_arguments(harness: MacroHarness) -> None:
    documented: dict[str, dict[str, Any]] = {}
    for path in (file for folder in MACRO_FOLDERS for file in folder.glob("_*__macros.yml")):
        documented.update({macro["name"]: macro for macro in yaml.safe_load(path.read_text())["macros"]})
    written = {
        node.name
        for node in harness.manifest.macros.values()
        if node.package_name == "trendhouse" and "__" not in node.name and not node.name.startswith("test_")
    }
    assert written == set(documented)
    for name, macro in documented.items():
        assert [argument["name"] for argument in macro["arguments"]] == harness.argument_names(name), name
        assert macro["description"]
        assert all(argument["description"] for argument in macro["arguments"]), name


def test_generic_tests_say_what_a_returned_row_means() -> None:
    for path in GENERIC_TESTS.glob("*.sql"):
        assert re.search(r"\{#.*returned row", path.read_text(), re.DOTALL), path.name


SPARK_CALLS: dict[str, Callable[[MacroHarness], str]] = {
    "days_between": lambda h: h.render("days_between", "a", "b", engine="spark"),
    "seconds_between": lambda h: h.render("seconds_between", "a", "b", engine="spark"),
    "add_days": lambda h: h.render("add_days", "a", "n", engine="spark"),
    "day_of_week": lambda h: h.render("day_of_week", "a", engine="spark"),
    "week_start": lambda h: h.render("week_start", "a", engine="spark"),
    "date_spine_between": lambda h: f"(select 1 from {h.render('date_spine_between', 'a', 'b', engine='spark')} as s)",
    "keyed_hash": lambda h: h.render("keyed_hash", "a", engine="spark"),
    "row_hash": lambda h: h.render("row_hash", ["a", "b"], engine="spark"),
    "stable_fraction": lambda h: h.render("stable_fraction", "a", engine="spark"),
    "text_literal": lambda h: h.render("text_literal", "it's \\ here", engine="spark"),
    "regex_matches": lambda h: h.render("regex_matches", "a", r"\s+'", engine="spark"),
    "regex_replace": lambda h: h.render("regex_replace", "a", r"\s+", "$1", engine="spark"),
    "split_path": lambda h: h.render("split_path", "a", ">", 2, engine="spark"),
    "concat_nonnull": lambda h: h.render("concat_nonnull", ["a", "b"], "; ", engine="spark"),
    "json_object_of": lambda h: h.render("json_object_of", {"a": "b"}, engine="spark"),
    "last_known": lambda h: h.render("last_known", "a", "b", "c", engine="spark"),
    "next_known": lambda h: h.render("next_known", "a", ["b", "c"], engine="spark"),
    "median_over": lambda h: h.render("median_over", "a", "(partition by b order by c nulls last)", engine="spark"),
    "safe_divide": lambda h: h.render("safe_divide", "a", "b", engine="spark"),
    "min_max_scale": lambda h: h.render("min_max_scale", "a", "b", "c", engine="spark"),
    "standardize": lambda h: h.render("standardize", "a", "b", "c", engine="spark"),
    "fit_scaling": lambda h: f"(select 1 from ({h.render('fit_scaling', 't', ['a', 'b'], 'c', engine='spark')}) as s)",
    "impute": lambda h: h.render("impute", "a", "linear", order_by="b", partition_by="c", engine="spark"),
    "flag_outliers": lambda h: h.render("flag_outliers", "a", "mad", median_x="b", mad_x="c", engine="spark"),
    "deduplicate": lambda h: (
        f"(select 1 from ({h.render('deduplicate', 't', ['a', 'b'], ['a'], ['b nulls last'], engine='spark')}) as s)"
    ),
    "time_decay": lambda h: h.render("time_decay", "a", 30, engine="spark"),
    "skewness_of": lambda h: h.render("skewness_of", "a", "b", engine="spark"),
    "kurtosis_of": lambda h: h.render("kurtosis_of", "a", "b", engine="spark"),
    "similarity_of": lambda h: (
        f"(select 1 from {h.render('similarity_of', 't', 'a', 'u', 'b', 'cosine', 'dimension', 'value', engine='spark')} as s)"
    ),
    "top_n": lambda h: f"(select 1 from {h.render('top_n', 't', 3, 'a', 'b', 'c', engine='spark')} as s)",
}


def parse_problems(sql: str) -> list[str]:
    # Spark (3.3 and later) reads this; the linter's Spark dialect does not yet.
    sql = re.sub(r"percentile_cont\(([0-9.]+)\) within group \(order by (\w+)\)", r"percentile(\2, \1)", sql)
    linter = Linter(dialect="sparksql")
    return [violation.desc() for violation in linter.parse_string(f"{sql}\n").violations]


def test_every_dispatched_macro_parses_on_spark(harness: MacroHarness) -> None:
    dispatched = {
        node.name
        for node in harness.manifest.macros.values()
        if node.package_name == "trendhouse" and "adapter.dispatch" in node.macro_sql
    }
    assert dispatched == set(SPARK_CALLS)
    sql = (
        "select\n    " + ",\n    ".join(f"{call(harness)} as {name}" for name, call in SPARK_CALLS.items()) + "\nfrom t"
    )
    assert parse_problems(sql) == []


def test_the_spark_parser_can_say_no() -> None:
    assert parse_problems("select last_value(a ignore nulls over from t")

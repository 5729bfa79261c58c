"""The command line: what people read, what scripts get as exit code, and what each command leaves untouched."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from trendhouse.check import MARKER, CheckError, parse_report, render_report, suspicious_values
from trendhouse.cli import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def sentence_of(result: Result) -> str:
    """The one sentence that a failed command prints; never a traceback."""
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    lines = result.output.strip().splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith("Error: ")
    return lines[0]


def column(name: str, **values: Any) -> dict[str, Any]:
    standard = {
        "column": name,
        "raw_column": name,
        "is_required": False,
        "is_found": True,
        "data_type": "varchar",
        "null_count": 0,
        "unreadable_count": 0,
        "feeds": ["demand"],
    }
    return standard | values


def shop() -> dict[str, Any]:
    """A shop that can be built: one required table with dirt in it, one optional table missing."""
    return {
        "tables": [
            {
                "table": "orders",
                "is_required": True,
                "is_found": True,
                "relation": '"w"."raw"."orders"',
                "row_count": 200,
                "columns": [
                    column("order_id", is_required=True, null_count=4),
                    column(
                        "ordered_at",
                        raw_column="created_ts",
                        is_required=True,
                        data_type="timestamp",
                        unreadable_count=3,
                    ),
                    column("channel", null_count=200),
                    column("region", null_count=50),
                    column("device_id", is_found=False, null_count=None, unreadable_count=None, feeds=["fraud"]),
                ],
                "suspicious": [
                    {"check": "ordered_at lies in the future", "row_count": 12},
                    {"check": "order_id occurs more than once", "row_count": 0},
                ],
                "feeds": ["demand", "fraud"],
            },
            {
                "table": "weather_daily",
                "is_required": False,
                "is_found": False,
                "relation": None,
                "row_count": None,
                "columns": [column("region", is_found=False)],
                "suspicious": [],
                "feeds": ["demand"],
            },
        ],
        "problems": [],
    }


def rendered(content: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=140)
    render_report(parse_report(json.dumps(content)), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# ---- check -----------------------------------------------------------------------------------------------------------


def test_suspicious_values_say_what_becomes_of_the_rows() -> None:
    orders = parse_report(json.dumps(shop())).tables[0]
    assert suspicious_values(orders) == [
        ("order_id is null, but required: the rows are rejected", 4),
        ("ordered_at (raw column created_ts) is not readable as timestamp: the rows are rejected", 3),
        ("channel is null in every row, as if it were missing", 200),
        ("ordered_at lies in the future", 12),
    ]


def test_report_names_what_is_there_and_what_is_missing() -> None:
    text = rendered(shop())
    lines = {line.split("│")[1].strip(): line for line in text.splitlines() if line.startswith("│")}
    assert "4 of 5" in text
    assert "missing, optional" in text
    assert "fraud" in lines["orders.device_id"]
    assert "demand" in lines["weather_daily"]
    assert "6.0%" in text
    assert "Ready to build: 1 of 2 tables found" in text
    assert "order_id occurs more than once" not in text


def test_missing_required_column_is_not_ready() -> None:
    content = shop()
    content["tables"][0]["columns"][0]["is_found"] = False
    assert not parse_report(json.dumps(content)).is_ready
    text = rendered(content)
    assert "required column missing: order_id" in text
    assert "'orders.order_id' is required and missing." in text
    assert "Not ready: 1 thing to put right." in text


def test_missing_required_table_and_problems_are_not_ready() -> None:
    content = shop()
    content["tables"][0]["is_found"] = False
    assert parse_report(json.dumps(content)).missing_required == ["orders"]
    content = shop()
    content["problems"] = ["The var 'trendhouse_foo' is unknown [remove it]."]
    assert not parse_report(json.dumps(content)).is_ready
    assert "The var 'trendhouse_foo' is unknown [remove it]." in rendered(content)


@given(st.text(), st.text(), st.integers(min_value=1), st.sampled_from([0, 1, 1_000_000]))
def test_any_names_and_counts_can_be_laid_out(name: str, check: str, count: int, row_count: int) -> None:
    content = shop()
    content["tables"][0] |= {"table": name, "row_count": row_count, "relation": name}
    content["tables"][0]["suspicious"] = [{"check": check, "row_count": count}]
    content["tables"][0]["columns"].append(column(name, raw_column=check, unreadable_count=count))
    assert "Ready to build" in rendered(content)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"tables": [{"table": "orders"}]}', '{"tables": 1}'])
def test_unreadable_report_is_one_sentence(text: str) -> None:
    with pytest.raises(CheckError, match="shop_report"):
        parse_report(text)


PROJECT = """
name: tiny_shop
version: "1.0.0"
profile: tiny_shop
vars: {is_broken: false}
"""
PROFILE = """
tiny_shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: ':memory:'}
"""
MACRO = """
{% macro shop_report() %}
    {%- if execute and var('is_broken') -%}{{ exceptions.raise_compiler_error('No such shop.') }}{%- endif -%}
    {%- do print('<marker>' ~ tojson(<report>)) -%}
{% endmacro %}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project whose macro `shop_report` prints a fixed report, with the artifacts of a build in its target folder."""
    (tmp_path / "macros").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "profiles.yml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "target" / "run_results.json").write_text("results of the last build", encoding="utf-8")
    macro = MACRO.replace("<marker>", MARKER).replace("<report>", repr(shop()))
    (tmp_path / "macros" / "shop_report.sql").write_text(macro, encoding="utf-8")
    return tmp_path


def check(project: Path, *arguments: str) -> Result:
    return run("check", "--project-dir", str(project), "--profiles-dir", str(project), *arguments)


def test_check_asks_dbt_and_leaves_the_last_build_alone(project: Path) -> None:
    result = check(project)
    assert result.exit_code == 0, result.output
    assert "Ready to build" in result.output
    assert MARKER.strip() not in result.output
    assert (project / "target" / "run_results.json").read_text(encoding="utf-8") == "results of the last build"


def test_check_exits_with_one_when_a_build_could_not_start(project: Path) -> None:
    macro = project / "macros" / "shop_report.sql"
    macro.write_text(macro.read_text(encoding="utf-8").replace("'problems': []", "'problems': ['A var is unknown.']"))
    result = check(project)
    assert result.exit_code == 1
    assert "A var is unknown." in result.output


def test_check_tells_what_dbt_says(project: Path) -> None:
    assert "No such shop." in sentence_of(check(project, "--vars", "is_broken: true"))
    assert "--vars" in sentence_of(check(project, "--vars", "{is_broken"))
    assert "--vars" in sentence_of(check(project, "--vars", "[1]"))
    (project / "macros" / "shop_report.sql").unlink()
    assert "shop_report" in sentence_of(check(project))
    assert "dbt_project.yml" in sentence_of(run("check", "--project-dir", str(project / "models")))


# ---- simulate --------------------------------------------------------------------------------------------------------


def test_simulate_spares_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("keep me", encoding="utf-8")
    assert "is not empty" in sentence_of(run("simulate", "--out", str(tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == ["own.txt"]


def test_simulate_writes_raw_tables_and_truth(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    result = run("simulate", "--scale", "0.05", "--out", str(out), "--format", "csv", "--table-prefix", "demo_")
    assert result.exit_code == 0, result.output
    names = {path.name for path in out.iterdir()}
    assert {"demo_products.csv", "demo_orders.csv", "demo_order_items.csv"} <= names
    assert any(name.startswith("truth_") for name in names)
    assert result.output.startswith("Wrote ")


@pytest.mark.parametrize("arguments", [["--scale", "0"], ["--scale", "many"], ["--format", "xml"], ["--seed", "-1"]])
def test_simulate_refuses_nonsense(tmp_path: Path, arguments: list[str]) -> None:
    result = run("simulate", "--out", str(tmp_path / "shop"), *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output
    assert not (tmp_path / "shop").exists()


# ---- publish ---------------------------------------------------------------------------------------------------------


def test_publish_without_a_build_is_one_sentence_and_makes_nothing(tmp_path: Path) -> None:
    assert "run `dbt build` first" in sentence_of(run("publish", "--project-dir", str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_every_command_is_explained() -> None:
    text = run("--help").output
    for name in ("simulate", "check", "publish"):
        assert name in text
        assert run(name, "--help").exit_code == 0

"""Publishing: only whole and green builds go out, whole or not at all, under the eyes of readers that never stop reading."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from trendhouse.publish import (
    Publication,
    PublishError,
    current_version,
    find_warehouse,
    publication_problems,
    publish,
    read_publication,
)

ENVIRONMENT = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
EMAIL = "someone@mail.example"

# A house in miniature: the same layers and access rules, four public tables, personal data in the private ones.
TINY_HOUSE = {
    "dbt_project.yml": """
name: tiny_house
version: "1.0.0"
profile: tiny_house
on-run-start: ["{{ stop_if(var('is_stopped')) }}"]
vars: {is_red: false, is_stopped: false, work: 1, build_number: 0}
models:
  tiny_house:
    +persist_docs: {relation: true, columns: true}
    +materialized: table
    staging: {+schema: staging, +access: protected}
    core: {+schema: core, +access: public}
    ml: {+schema: ml, +group: science, +access: private}
    predictions: {+schema: predictions, +access: public}
    monitoring: {+schema: monitoring, +access: public}
""",
    "profiles.yml": """
tiny_house:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('TINY_HOUSE_DUCKDB', 'tiny_house.duckdb') }}", threads: 2}
""",
    "macros/stop_if.sql": """
{% macro stop_if(is_stopped) %}
    {%- if execute and is_stopped -%}{{ exceptions.raise_compiler_error('A setting is wrong.') }}{%- endif -%}
{% endmacro %}
""",
    "models/_groups.yml": "groups: [{name: science, owner: {name: Data science}}]",
    "models/staging/stg_orders.sql": f"""
select i as order_id, '{EMAIL}' as email, i * 1.5 as amount from range(1000) as r(i)
""",
    "models/core/dim_as_of.sql": "select date '2026-09-30' as as_of_date",
    "models/core/fct_orders.sql": """
select order_id, amount, {{ var('build_number') }} as build_number from {{ ref('stg_orders') }}
""",
    "models/core/fct_orders.yml": """
models:
  - name: fct_orders
    description: One row per order; it's "the" fact.
    columns:
      - name: order_id
        description: Key of the order; the shop's own.
        data_tests: [unique, not_null]
unit_tests:
  - name: orders_carry_the_number_of_the_build
    model: fct_orders
    given: [{input: ref('stg_orders'), rows: [{order_id: 1, amount: 2}]}]
    expect: {rows: [{order_id: 1, amount: 2}]}
""",
    "models/ml/ml_scores.sql": """
{{ config(group='science') }}
select order_id, email, amount / (select count(*) from range({{ var('work') }})) as score from {{ ref('stg_orders') }}
""",
    "models/predictions/pred_orders.sql": """
{{ config(group='science', alias='pred_orders_daily') }}
select order_id, score, {{ var('build_number') }} as build_number from {{ ref('ml_scores') }}
""",
    "models/monitoring/mon_counts.sql": """
{{ config(materialized='view') }}
select count(*) as row_count, {{ var('build_number') }} as build_number from {{ ref('stg_orders') }}
""",
    "models/monitoring/mon_counts.yml": """
models:
  - name: mon_counts
    description: One row; a view in the build, a table for readers.
    columns: [{name: row_count, description: Orders in all.}]
""",
    "tests/assert_green.sql": "select 1 as one from {{ ref('fct_orders') }} where {{ var('is_red') }} limit 1",
}

PUBLIC_TABLES = {"core.dim_as_of", "core.fct_orders", "monitoring.mon_counts", "predictions.pred_orders_daily"}


def write_tiny_house(folder: Path) -> Path:
    for name, content in TINY_HOUSE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.lstrip(), encoding="utf-8")
    return folder


def dbt(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("dbt")), *arguments]
    return subprocess.run(command, cwd=project, env=ENVIRONMENT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def green_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny house, built whole and green."""
    project = write_tiny_house(tmp_path_factory.mktemp("green") / "house")
    outcome = dbt(project, "build")
    assert outcome.returncode == 0, outcome.stdout
    return project


@pytest.fixture
def house(green_house: Path, tmp_path: Path) -> Path:
    """A copy of the green house that a test may spoil; file times are kept."""
    return Path(shutil.copytree(green_house, tmp_path / "house"))


def publish_house(project: Path) -> Publication:
    return publish(
        target_path=project / "target",
        to=project / "published",
        warehouse=project / "tiny_house.duckdb",
    )


def refusal(project: Path) -> str:
    """The sentence with which publishing refuses; the publication must stay what it was."""
    before = current_version(project / "published")
    with pytest.raises(PublishError) as caught:
        publish_house(project)
    assert current_version(project / "published") == before
    assert not list((project / "published").glob("versions/.unfinished-*"))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", ")."))
    return sentence


def edit(project: Path, artifact: str, change: Any) -> None:
    path = project / "target" / artifact
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()


# ---- what goes out ---------------------------------------------------------------------------------------------------


def test_public_tables_go_out_under_plain_names(house: Path) -> None:
    publication = publish_house(house)
    published = house / "published"
    in_database = rows(
        published / "trendhouse.duckdb", "select schema_name || '.' || table_name from duckdb_tables() order by 1"
    )
    assert {name for (name,) in in_database} == PUBLIC_TABLES
    in_parquet = {f"{path.parent.name}.{path.stem}" for path in (published / "parquet").glob("*/*.parquet")}
    assert in_parquet == PUBLIC_TABLES
    assert publication_problems(published) == []
    for table in PUBLIC_TABLES:
        parquet = published / "parquet" / f"{table.replace('.', '/')}.parquet"
        difference = f"(select * from {table} except all select * from '{parquet}')"
        assert rows(published / "trendhouse.duckdb", f"select count(*) from {difference}") == [(0,)]
    assert publication == read_publication(published)


def test_manifest_tells_which_build_it_is(house: Path) -> None:
    publish_house(house)
    manifest = json.loads((house / "published" / "published.json").read_text(encoding="utf-8"))
    results = json.loads((house / "target" / "run_results.json").read_text(encoding="utf-8"))
    assert manifest["as_of_date"] == "2026-09-30"
    assert manifest["build"]["invocation_id"] == results["metadata"]["invocation_id"]
    assert manifest["build"]["project"] == "tiny_house"
    counts = {f"{table['schema']}.{table['table']}": table["row_count"] for table in manifest["tables"]}
    assert counts == {
        "core.dim_as_of": 1,
        "core.fct_orders": 1000,
        "monitoring.mon_counts": 1,
        "predictions.pred_orders_daily": 1000,
    }


def test_private_tables_and_personal_data_stay_at_home(house: Path) -> None:
    assert rows(house / "tiny_house.duckdb", f"select count(*) from main_ml.ml_scores where email = '{EMAIL}'") == [
        (1000,)
    ]
    publish_house(house)
    published = house / "published"
    schemas = rows(
        published / "trendhouse.duckdb",
        "select schema_name from information_schema.schemata where catalog_name = 'trendhouse' order by 1",
    )
    assert not {"staging", "main_staging", "ml", "main_ml"} & {name for (name,) in schemas}
    assert rows(
        published / "trendhouse.duckdb", "select count(*) from duckdb_columns() where column_name = 'email'"
    ) == [(0,)]
    for path in published.rglob("*"):
        if path.is_file():
            assert EMAIL.encode() not in path.read_bytes(), path


def test_descriptions_go_with_the_tables(house: Path) -> None:
    publish_house(house)
    database = house / "published" / "trendhouse.duckdb"
    comments = dict(rows(database, "select table_name, comment from duckdb_tables()"))
    assert comments["fct_orders"] == 'One row per order; it\'s "the" fact.'
    assert comments["mon_counts"] == "One row; a view in the build, a table for readers."
    columns = dict(rows(database, "select table_name || '.' || column_name, comment from duckdb_columns()"))
    assert columns["fct_orders.order_id"] == "Key of the order; the shop's own."
    assert columns["mon_counts.row_count"] == "Orders in all."


def test_build_file_is_left_alone(house: Path) -> None:
    before = (house / "tiny_house.duckdb").read_bytes()
    publish_house(house)
    assert (house / "tiny_house.duckdb").read_bytes() == before
    assert not (house / "tiny_house.duckdb.wal").exists()


def test_warehouse_is_found_by_the_profile(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_warehouse(house, {"profiles_dir": str(house)}) == house / "tiny_house.duckdb"
    monkeypatch.setenv("TINY_HOUSE_DUCKDB", str(house / "elsewhere.duckdb"))
    assert find_warehouse(house, {"profiles_dir": str(house)}) == house / "elsewhere.duckdb"
    with pytest.raises(PublishError, match="--warehouse"):
        find_warehouse(house, {"profiles_dir": str(house), "target": "no_such_target"})


# ---- what does not ---------------------------------------------------------------------------------------------------


def test_red_build_is_refused(house: Path) -> None:
    publish_house(house)
    assert dbt(house, "build", "--vars", "is_red: true").returncode != 0
    assert "test assert_green ended with 'fail'" in refusal(house)


def test_partial_build_is_refused(house: Path) -> None:
    publish_house(house)
    assert dbt(house, "build", "--select", "core", "staging").returncode == 0
    sentence = refusal(house)
    assert "partial" in sentence
    assert "model ml_scores" in sentence


def test_build_without_unit_tests_is_published_and_one_without_data_tests_is_not(house: Path) -> None:
    assert dbt(house, "build", "--exclude-resource-type", "unit_test").returncode == 0
    publish_house(house)
    assert dbt(house, "build", "--exclude-resource-type", "test").returncode == 0
    assert "partial" in refusal(house)


def test_build_stopped_at_its_start_is_refused(house: Path) -> None:
    publish_house(house)
    assert dbt(house, "build", "--vars", "is_stopped: true").returncode != 0
    assert "left no results of a build" in refusal(house)


def test_killed_build_leaves_the_publication_and_the_next_one_mends_it(house: Path) -> None:
    publish_house(house)
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--vars", "{work: 500000000000, build_number: 1}"]
    build = subprocess.Popen(command, cwd=house, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert build.stdout is not None
    for line in build.stdout:
        if "START" in line and "ml_scores" in line:
            break
    with pytest.raises(PublishError, match=rf"in use by a running build \(process {build.pid}\)"):
        publish_house(house)
    build.kill()
    build.wait()
    assert "left no results of a build" in refusal(house)
    assert publication_problems(house / "published") == []
    assert dbt(house, "build", "--vars", "build_number: 2").returncode == 0
    publish_house(house)
    assert rows(house / "published" / "trendhouse.duckdb", "select distinct build_number from core.fct_orders") == [
        (2,)
    ]


def _set_command(command: str) -> Any:
    return lambda results: results["args"].update(which=command)


def _set_status(resource: str, status: str) -> Any:
    def change(results: Any) -> None:
        next(r for r in results["results"] if r["unique_id"].startswith(resource))["status"] = status

    return change


def _drop_result(resource: str) -> Any:
    def change(results: Any) -> None:
        results["results"] = [r for r in results["results"] if not r["unique_id"].startswith(resource)]

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_set_command("run"), "`dbt run`, not `dbt build`"),
        (_set_command("generate"), "`dbt docs generate`"),
        (_set_command("retry"), "`dbt retry`"),
        (_set_status("model.tiny_house.pred", "error"), "model pred_orders ended with 'error'"),
        (_set_status("model.tiny_house.pred", "skipped"), "model pred_orders ended with 'skipped'"),
        (_set_status("model.tiny_house.pred", "partial success"), "ended with 'partial success'"),
        (_drop_result("test."), "partial"),
        (lambda results: results["args"].update(empty=True), "--empty"),
        (lambda results: results["args"].update(sample="3 days"), "--sample"),
    ],
)
def test_other_results_are_refused(house: Path, change: Any, says: str) -> None:
    edit(house, "run_results.json", change)
    assert says in refusal(house)


def test_warnings_are_published_and_named(house: Path) -> None:
    edit(house, "run_results.json", _set_status("test.tiny_house.assert_green", "warn"))
    assert publish_house(house).build["warnings"] == ["test.tiny_house.assert_green"]


def test_missing_and_broken_artifacts_are_refused(house: Path) -> None:
    (house / "target" / "run_results.json").write_text("{", encoding="utf-8")
    assert "cannot be read" in refusal(house)
    shutil.rmtree(house / "target")
    assert "run `dbt build` first" in refusal(house)


def test_changed_or_wrong_build_file_is_refused(house: Path) -> None:
    warehouse = house / "tiny_house.duckdb"
    written = warehouse.stat().st_mtime
    os.utime(warehouse, (written + 3600, written + 3600))
    assert "after the green build ended" in refusal(house)
    warehouse.unlink()
    duckdb.connect(str(warehouse)).close()
    os.utime(warehouse, (written, written))
    assert "Say which one with --warehouse." in refusal(house)
    warehouse.unlink()
    assert "There is no build file" in refusal(house)


def test_two_models_of_one_published_name_are_refused(house: Path) -> None:
    def rename(manifest: Any) -> None:
        node = manifest["nodes"]["model.tiny_house.pred_orders"]
        node["config"]["schema"] = "core"
        node["alias"] = "fct_orders"

    edit(house, "manifest.json", rename)
    assert "would both be published as core.fct_orders" in refusal(house)


# ---- whole or not at all ---------------------------------------------------------------------------------------------

KILLED_PUBLISH = """
import os, signal, sys
from pathlib import Path
import trendhouse.publish as module

where, name, moment, project = sys.argv[1:]
owner = module if where == "module" else os
original = getattr(owner, name)

def killed(*arguments, **options):
    if moment == "after":
        original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, killed)
house = Path(project)
module.publish(house / "target", house / "published", warehouse=house / "tiny_house.duckdb")
"""


def pretend_build(project: Path, number: int) -> None:
    """What a further green build leaves behind, without waiting for dbt: new tables, new results."""
    warehouse = project / "tiny_house.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        for table in ("main_core.fct_orders", "main_predictions.pred_orders_daily"):
            connection.execute(f"update {table} set build_number = {number}")
        connection.execute(f"insert into main_core.fct_orders select -{number}, 0, {number}")
    finished = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC)
    for artifact in ("run_results.json", "manifest.json"):
        edit(
            project,
            artifact,
            lambda content: content["metadata"].update(
                generated_at=finished.isoformat(), invocation_id=f"build-{number}"
            ),
        )


def build_numbers(published: Path) -> set[int]:
    """The build that every part of the publication is from: database, Parquet, manifest."""
    numbers = rows(
        published / "trendhouse.duckdb",
        f"""
        select build_number from core.fct_orders
        union select build_number from predictions.pred_orders_daily
        union select build_number from '{published}/parquet/core/fct_orders.parquet'
        union select build_number from '{published}/parquet/predictions/pred_orders_daily.parquet'
        """,
    )
    invocation = read_publication(published).build["invocation_id"]
    return {number for (number,) in numbers} | {int(invocation.removeprefix("build-"))}


@pytest.mark.parametrize(
    ("where", "name", "moment", "expected"),
    [
        ("module", "_open_build", "after", 1),
        ("module", "_copy_comments", "after", 1),
        ("module", "_copy_tables", "after", 1),
        ("module", "_problems_of", "before", 1),
        ("module", "_flush_tree", "after", 1),
        ("os", "rename", "before", 1),
        ("os", "rename", "after", 1),
        ("os", "symlink", "after", 1),
        ("os", "replace", "before", 1),
        ("os", "replace", "after", 2),
        ("module", "_remove_old_versions", "before", 2),
    ],
)
def test_killed_publish_leaves_old_or_new(house: Path, where: str, name: str, moment: str, expected: int) -> None:
    published = house / "published"
    pretend_build(house, 1)
    publish_house(house)
    pretend_build(house, 2)
    command = [sys.executable, "-c", KILLED_PUBLISH, where, name, moment, str(house)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert build_numbers(published) == {expected}
    assert publication_problems(published) == []

    pretend_build(house, 3)
    publish_house(house)
    assert build_numbers(published) == {3}
    assert publication_problems(published) == []
    assert not list(published.glob("**/.unfinished-*"))
    assert len(list((published / "versions").iterdir())) <= 2


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_first_publish_is_mended_by_the_next(house: Path, moment: str) -> None:
    command = [sys.executable, "-c", KILLED_PUBLISH, "os", "replace", moment, str(house)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    publish_house(house)
    assert publication_problems(house / "published") == []
    assert (house / "published" / "trendhouse.duckdb").is_file()


def test_a_version_stays_for_those_who_still_read_it(house: Path) -> None:
    published = house / "published"
    publish_house(house)
    held = (published / "parquet").resolve()
    publish_house(house)
    assert (held / "core" / "fct_orders.parquet").is_file()
    publish_house(house)
    assert not held.exists()


def test_only_one_publish_at_a_time(house: Path) -> None:
    import fcntl

    publish_house(house)
    with (house / "published" / ".publish.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another `trendhouse publish`" in refusal(house)
    publish_house(house)


def test_what_others_made_is_not_replaced(house: Path) -> None:
    own = house / "published" / "parquet"
    own.mkdir(parents=True)
    (own / "own.txt").write_text("keep me", encoding="utf-8")
    assert "did not make" in refusal(house)
    assert (own / "own.txt").read_text(encoding="utf-8") == "keep me"


def read_on(published: Path, stop: Any, results: Any) -> None:
    """Read until told to stop; each read opens the file afresh and must see one build in all tables."""
    reads, seen, errors = 0, set(), []
    while not stop.is_set():
        try:
            with duckdb.connect(str(published / "trendhouse.duckdb"), read_only=True) as connection:
                numbers = connection.execute(
                    "select build_number, count(*) from core.fct_orders group by all "
                    "union all select build_number, count(*) from predictions.pred_orders_daily group by all"
                ).fetchall()
            parquet = (published / "parquet").resolve()
            counted = duckdb.sql(f"select count(*) from '{parquet}/core/fct_orders.parquet'").fetchall()
            if len(numbers) != 2 or numbers[0][0] != numbers[1][0] or counted[0][0] < 1000:
                errors.append(f"mixed: {numbers} {counted}")
            seen.add(numbers[0][0])
            reads += 1
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
    results.put((reads, seen, errors))


def test_readers_see_no_error_while_builds_are_published(house: Path) -> None:
    pretend_build(house, 1)
    publish_house(house)
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    readers = [context.Process(target=read_on, args=(house / "published", stop, results)) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        time.sleep(2)
        for number in range(2, 12):
            pretend_build(house, number)
            publish_house(house)
        time.sleep(0.5)
    finally:
        stop.set()
    outcomes = [results.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(timeout=60)
    assert [errors for _, _, errors in outcomes] == [[], [], []]
    assert all(reads > 20 for reads, _, _ in outcomes)
    assert len(set().union(*(seen for _, seen, _ in outcomes))) > 3

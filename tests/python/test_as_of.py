"""Features see nothing of the future: every feat_ model, built on the whole shop and on the shop cut at a day, is equal up to that day.

The models come from dbt's manifest and the shop's dates from the contract, so a new feature model is covered as it is. Sampling
is off here: how many rows are kept depends on how many there are, which is no part of what a row holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from conftest import BUILD_UNTESTED, ROOT, Warehouse
from feature_comparison import FeatureModel, compare, read_feature_models
from raw_shop_cut import RawTable, cut_shop, read_contract

CONTRACT = ROOT / "models/staging/_shop__sources.yml"
DEMO_SHOP = ROOT / "seeds/demo_shop"
# A multiple of 28 days before the last day lies on the weekly and on the monthly grid; some snapshots go back six months only.
MONTHS_BACK = range(2, 7)
SETTINGS = {
    "trendhouse_shop_schema": "raw_shop",
    "trendhouse_demand_training_rows": 10**12,
    "trendhouse_demand_history_weeks": 65,
}

# Each looks ahead in a way that is easily written by mistake.
LEAKS = {
    "feat_next_week": """
        select sales.product_id, as_of_dates.as_of_date, sum(sales.units) as units_next_7d
        from {{ ref('fct_sales_daily') }} as sales
        inner join {{ ref('dim_as_of_dates') }} as as_of_dates
            on sales.sales_date between as_of_dates.as_of_date and {{ add_days('as_of_dates.as_of_date', 6) }}
        group by sales.product_id, as_of_dates.as_of_date""",
    "feat_scaled_by_all_history": """
        select product_id, as_of_date, {{ standardize(
            'units_mean_28d', 'avg(units_mean_28d) over (partition by product_id)', 'stddev_pop(units_mean_28d) over (partition by product_id)'
        ) }} as units_scaled
        from {{ ref('feat_demand_products') }}""",
    "feat_redeemed_one_day": """
        select coupons.coupon_issue_id as product_id, as_of_dates.as_of_date, coupons.redeemed_at is not null as is_redeemed
        from {{ ref('fct_coupons') }} as coupons
        inner join {{ ref('dim_as_of_dates') }} as as_of_dates on coupons.issue_date < as_of_dates.as_of_date""",
    "feat_without_a_date": "select product_id, category from {{ ref('dim_products') }}",
}
LEAK_KEYS = """version: 2
models:
{models}"""


@dataclass(frozen=True)
class TwoBuilds:
    """The features of the whole shop, of the shop cut at `day`, and a connection with both attached."""

    whole: Warehouse
    cut: Warehouse
    day: date

    def connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute(f"attach '{self.whole.path}' as whole (read_only)")
        connection.execute(f"attach '{self.cut.path}' as cut (read_only)")
        return connection

    def run(self, *arguments: str, project: Path = ROOT) -> None:
        """Run one dbt command on both, side by side."""
        with ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(self.whole.dbt, *arguments, settings=SETTINGS, project=project),
                pool.submit(
                    self.cut.dbt,
                    *arguments,
                    settings={**SETTINGS, "trendhouse_as_of_date": str(self.day)},
                    project=project,
                ),
            ]
        for run in runs:
            run.result()


@pytest.fixture(scope="module")
def contract() -> dict[str, RawTable]:
    return read_contract(CONTRACT)


def choose_day(connection: duckdb.DuckDBPyConnection, contract: dict[str, RawTable]) -> date:
    """Return the last day of the grid on which most of the columns that become known later are cut somewhere."""
    # As the staging layer reads it: orders dated in the future do not count.
    last_day = connection.execute(
        "select cast(max(day) as date) from (select try_cast(trim(ordered_at) as timestamp) as day from raw_shop.orders)"
        " where day < now()::timestamp"
    ).fetchone()
    assert last_day is not None

    def columns_cut(day: date) -> int:
        return sum(
            connection.execute(
                f"select count(*) > 0 from raw_shop.{table.name} where try_cast({table.event_time} as timestamp) < '{day}'"
                f" and try_cast({column} as timestamp) >= '{day}'"
            ).fetchall()[0][0]
            for table in contract.values()
            for column in table.known_at
        )

    return max(
        (last_day[0] - timedelta(days=28 * months) for months in MONTHS_BACK), key=lambda day: (columns_cut(day), day)
    )


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory, contract: dict[str, RawTable]) -> TwoBuilds:
    whole, cut = (Warehouse(tmp_path_factory.mktemp(name)) for name in ("whole", "cut"))
    with duckdb.connect(str(whole.path)) as connection:
        connection.execute("create schema raw_shop")
        for table in contract:
            file = DEMO_SHOP / f"demo_shop_{table}.csv"
            if file.exists():
                connection.execute(
                    f"create table raw_shop.{table} as from read_csv('{file}', header = true, all_varchar = true)"
                )
        day = choose_day(connection, contract)
        connection.execute(f"attach '{cut.path}' as cut")
        cut_shop(connection, contract, "raw_shop", "cut.raw_shop", day)
    both = TwoBuilds(whole, cut, day)
    both.run(*BUILD_UNTESTED, "--select", "+path:models/features")
    return both


@pytest.fixture(scope="module")
def connection(builds: TwoBuilds) -> Iterator[duckdb.DuckDBPyConnection]:
    with builds.connect() as attached:
        yield attached


def feature_models(builds: TwoBuilds) -> list[FeatureModel]:
    return read_feature_models(builds.whole.target / "manifest.json")


def test_day_of_the_cut_is_on_both_grids(builds: TwoBuilds, connection: duckdb.DuckDBPyConnection) -> None:
    for database in ("whole", "cut"):
        found = connection.execute(
            f"select is_monthly from {database}.main_core.dim_as_of_dates where as_of_date = ?", [builds.day]
        ).fetchall()
        assert found == [(True,)]


def test_cut_leaves_nothing_of_the_future(
    builds: TwoBuilds, connection: duckdb.DuckDBPyConnection, contract: dict[str, RawTable]
) -> None:
    untouched = set()
    for table in contract.values():
        for column in filter(None, (table.event_time, *table.known_at)):
            later = (
                f"select count(*) from raw_shop.{table.name} where try_cast({column} as timestamp) >= '{builds.day}'"
            )
            on_whole, on_cut = (
                connection.execute(later.replace("raw_shop", f"{database}.raw_shop")).fetchall()[0][0]
                for database in ("whole", "cut")
            )
            assert on_cut == 0, f"{table.name}.{column} is not cut"
            if on_whole == 0:
                untouched.add(f"{table.name}.{column}")
    # Nothing the features read may be left out of the trial; all sellers of the demo shop joined long ago.
    assert untouched <= {"sellers.joined_at"}


def test_features_of_the_past_do_not_change(builds: TwoBuilds, connection: duckdb.DuckDBPyConnection) -> None:
    models = feature_models(builds)
    compared = [compare(connection, "whole", "cut", model, builds.day) for model in models]
    findings = [finding for comparison in compared for finding in comparison.findings]
    assert not findings, "Features see the future:\n" + "\n".join(findings)
    assert {comparison.model for comparison in compared if comparison.rows > 0} >= {
        "feat_demand_products",
        "feat_demand_horizons",
        "feat_marketing_customers",
        "feat_recommendation_products",
        "feat_recommendation_interactions",
        "feat_recommendation_sessions",
        "feat_recommendation_visits",
        "feat_recommendation_catalogue",
        "feat_recommendation_pairs",
        "feat_recommendation_sellers",
        "feat_recommendation_seller_pairs",
        "feat_recommendation_repeats",
        "feat_recommendation_repeat_products",
        "feat_pricing_cells",
    }


@pytest.fixture(scope="module")
def leaking_builds(builds: TwoBuilds, tmp_path_factory: pytest.TempPathFactory) -> TwoBuilds:
    """Both builds again, with feature models that look ahead planted in a copy of the project."""
    project = tmp_path_factory.mktemp("leaking_project")
    for name in ("models", "python_models", "macros", "seeds", "tests"):
        if (ROOT / name).exists():
            (project / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "profiles.yml", project)
    settings = (ROOT / "dbt_project.yml").read_text()
    assert "model-paths: [models, " in settings
    (project / "dbt_project.yml").write_text(
        settings.replace("model-paths: [models, ", "model-paths: [leaks, models, ")
    )
    leaks = project / "leaks" / "features"
    leaks.mkdir(parents=True)
    properties = []
    for name, sql in LEAKS.items():
        (leaks / f"{name}.sql").write_text(sql)
        key = "[product_id, as_of_date]" if "as_of_date" in sql else "[product_id]"
        properties.append(
            f"  - name: {name}\n    data_tests: [{{unique_combination: {{arguments: {{columns: {key}}}}}}}]\n"
        )
    (leaks / "leaks.yml").write_text(LEAK_KEYS.format(models="".join(properties)))

    whole, cut = (Warehouse(tmp_path_factory.mktemp(name)) for name in ("leaking_whole", "leaking_cut"))
    shutil.copy(builds.whole.path, whole.path)
    shutil.copy(builds.cut.path, cut.path)
    both = TwoBuilds(whole, cut, builds.day)
    both.run("run", "--select", *LEAKS, project=project)
    return both


def test_planted_leaks_are_caught(leaking_builds: TwoBuilds) -> None:
    found = {}
    with leaking_builds.connect() as attached:
        for model in feature_models(leaking_builds):
            if model.name in LEAKS:
                found[model.name] = compare(attached, "whole", "cut", model, leaking_builds.day).findings
    assert found.keys() == LEAKS.keys()
    assert any("rows only on the whole shop" in finding for finding in found["feat_next_week"])
    assert any("feat_scaled_by_all_history.units_scaled" in finding for finding in found["feat_scaled_by_all_history"])
    assert any("on the whole shop, False on the cut one" in finding for finding in found["feat_redeemed_one_day"])
    assert found["feat_without_a_date"] == (
        "feat_without_a_date has no column as_of_date: say with one as of which date a row was known, so that it can be tested.",
    )

"""The example projects, built whole on their real shops' data; skipped, with the reason, where the data is absent."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml
from conftest import BUILD, DBT, ROOT, Warehouse

EXAMPLES = ROOT / "examples"
# Exit status of a load script whose data is not there.
DATA_ABSENT = 3


@dataclass(frozen=True)
class Ledger:
    """What mon_row_ledger must say of one table."""

    rows_in: int
    rows_kept: int
    rows_duplicate: int
    rows_rejected: int


@dataclass(frozen=True)
class Example:
    """One example project: its folder, the variable that names its warehouse, and what its raw rows must come to."""

    name: str
    variable: str
    raw_tables: dict[str, int]
    ledger: dict[str, Ledger]

    @property
    def folder(self) -> Path:
        return EXAMPLES / self.name

    def load(self, warehouse: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.folder / "load.py"), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, self.variable: str(warehouse)},
            check=False,
        )

    def copy_to(self, folder: Path) -> Path:
        """Copy the project without what builds left in it, and point its package at the repository."""
        made_here = shutil.ignore_patterns("dbt_packages", "target", "logs", "*.duckdb", "*.wal", "package-lock.yml")
        project = shutil.copytree(self.folder, folder / self.name, ignore=made_here)
        (project / "packages.yml").write_text(yaml.safe_dump({"packages": [{"local": str(ROOT)}]}))
        return project


ONLINE_RETAIL = Example(
    name="online_retail",
    variable="ONLINE_RETAIL_DUCKDB",
    raw_tables={"online_retail": 541_909},
    ledger={
        "orders": Ledger(25_900, 25_900, 0, 0),
        "order_items": Ledger(541_909, 535_300, 5_271, 1_338),
        "products": Ledger(3_958, 3_958, 0, 0),
        "customers": Ledger(4_372, 4_372, 0, 0),
    },
)
COMPLETE_JOURNEY = Example(
    name="complete_journey",
    variable="COMPLETE_JOURNEY_DUCKDB",
    raw_tables={"transactions": 1_469_307, "promotions": 20_940_529},
    ledger={
        "orders": Ledger(155_848, 155_848, 0, 0),
        "order_items": Ledger(1_469_307, 1_460_438, 0, 8_869),
        "products": Ledger(92_331, 92_331, 0, 0),
        "customers": Ledger(801, 801, 0, 0),
        "campaigns": Ledger(27, 27, 0, 0),
        "campaign_contacts": Ledger(6_589, 6_589, 0, 0),
        "coupons": Ledger(51_963, 51_936, 27, 0),
        "promotions": Ledger(259_079, 259_079, 0, 0),
    },
)
ALL = [ONLINE_RETAIL, COMPLETE_JOURNEY]
each_example = pytest.mark.parametrize("example", ALL, ids=lambda example: example.name)


@dataclass(frozen=True)
class Built:
    """An example with the warehouse that its load script and a whole build filled."""

    example: Example
    warehouse: Warehouse


@pytest.fixture(scope="module", params=ALL, ids=lambda example: example.name)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    example: Example = request.param
    folder = tmp_path_factory.mktemp(example.name)
    warehouse = Warehouse(folder)
    loaded = example.load(warehouse.path)
    if loaded.returncode == DATA_ABSENT:
        pytest.skip(loaded.stderr.strip())
    assert loaded.returncode == 0, loaded.stderr
    project = example.copy_to(folder)
    deps = subprocess.run([DBT, "deps"], cwd=project, capture_output=True, text=True, check=False)
    assert deps.returncode == 0, deps.stdout
    warehouse.dbt(*BUILD, project=project, env={example.variable: str(warehouse.path)})
    return Built(example, warehouse)


@each_example
def test_load_script_says_what_is_missing_and_loads_nothing(example: Example, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    warehouse = tmp_path / "w.duckdb"
    done = example.load(warehouse, "--data", str(empty))
    assert done.returncode == DATA_ABSENT
    assert done.stderr.startswith("Nothing loaded: ")
    assert str(empty) in done.stderr
    assert not warehouse.exists()


def test_text_comes_as_text(tmp_path: Path) -> None:
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    row = "536365,0085123,HEART,006,2010-12-01 08:26:00,2.50,,United Kingdom"
    (tmp_path / "online_retail.csv").write_text(f"{header}\n{row}\n")
    warehouse = tmp_path / "w.duckdb"
    assert ONLINE_RETAIL.load(warehouse, "--data", str(tmp_path)).returncode == 0
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        (loaded,) = connection.execute("select * from raw.online_retail").fetchall()
    assert loaded == ("536365", "0085123", "HEART", "006", "2010-12-01 08:26:00", "2.50", None, "United Kingdom")


@each_example
def test_readme_shows_the_vars_that_the_project_sets(example: Example) -> None:
    shown = re.findall(r"```yaml\n(.*?)```", (example.folder / "README.md").read_text(), flags=re.DOTALL)
    (block,) = [yaml.safe_load(text) for text in shown if text.startswith("vars:")]
    assert block["vars"] == yaml.safe_load((example.folder / "dbt_project.yml").read_text())["vars"]


@pytest.mark.slow
def test_ledger_accounts_for_every_raw_row(built: Built) -> None:
    for table, rows in built.example.raw_tables.items():
        assert built.warehouse.query(f"select count(*) from raw.{table}") == [(rows,)]
    counted = built.warehouse.query(
        """
        select source_table, rows_in, rows_kept, rows_duplicate, rows_rejected
        from main_monitoring.mon_row_ledger where rows_in > 0
        """
    )
    assert {table: Ledger(*counts) for table, *counts in counted} == built.example.ledger
    for table, ledger in built.example.ledger.items():
        assert ledger.rows_in == ledger.rows_kept + ledger.rows_duplicate + ledger.rows_rejected, table


@pytest.mark.slow
def test_rejected_rows_stay_readable(built: Built) -> None:
    rows = built.warehouse.query("select reject_reasons, raw_row from main_staging.quarantined_rows")
    assert len(rows) == sum(ledger.rows_rejected for ledger in built.example.ledger.values())
    for reasons, raw_row in rows:
        assert reasons
        assert json.loads(raw_row)["order_id"]


@pytest.mark.slow
def test_money_adds_up_to_the_raw_rows(built: Built) -> None:
    raw = {
        # Credit notes are orders of their own; the two negative adjustments are rejected; equal lines count once.
        "online_retail": """
            select sum(quantity * unit_price) from (
                select distinct invoice_number, stock_code, quantity, unit_price from main_shop.shop_lines
                where quantity > 0 and unit_price >= 0 and left(invoice_number, 1) not in ('A', 'C')
            )
        """,
        "complete_journey": "select sum(sales_value) from raw.transactions where quantity > 0",
    }[built.example.name]
    ((expected,),) = built.warehouse.query(raw)
    ((net_amount,),) = built.warehouse.query("select sum(net_amount) from main_core.fct_order_items where is_sale")
    assert net_amount == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_champion_beats_seasonal_naive_at_every_origin(built: Built) -> None:
    origins = built.warehouse.query(
        """
        with wape as (
            select fit_id, algorithm, metric, origin_date, metric_value
            from main_monitoring.mon_backtests where cut = 'origin' and metric in ('wape', 'weekly_wape')
        )
        select champion.metric, champion.origin_date, champion.metric_value, naive.metric_value
        from wape as champion
        inner join main_monitoring.mon_model_registry as registry
            on champion.fit_id = registry.fit_id and registry.is_champion
        inner join wape as naive
            on champion.metric = naive.metric and champion.origin_date = naive.origin_date
            and naive.algorithm = 'seasonal_naive'
        """
    )
    # At least three origins, by the day and by the week.
    assert len(origins) >= 6
    for metric, origin_date, champion, naive in origins:
        assert champion < naive, (metric, origin_date)


@pytest.mark.slow
def test_every_product_has_a_forecast_for_every_day(built: Built) -> None:
    ((products, least, most),) = built.warehouse.query(
        """
        select count(*), min(days), max(days) from (
            select products.product_id, count(distinct daily.target_date) as days
            from main_core.dim_products as products
            left join main_predictions.pred_demand_daily as daily on products.product_id = daily.product_id
            group by products.product_id
        )
        """
    )
    assert products >= built.example.ledger["products"].rows_kept
    assert least == most == 28

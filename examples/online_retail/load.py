"""Load the raw file of UCI Online Retail into the example's warehouse, as it comes: one table, every column as text.

Usage: python load.py [--data DIR]
The warehouse is `online_retail.duckdb` beside this file, or the file that the environment variable ONLINE_RETAIL_DUCKDB
names.
"""

import argparse
import os
import sys
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
DEFAULT_DATA = HERE / "../../../shared/data"
# Exit status that says: nothing was loaded, because the data is not there.
DATA_ABSENT = 3
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")


def find_raw_file(folder: Path) -> Path | None:
    """Return the first of `online_retail.parquet` and `online_retail.csv` that lies in the folder."""
    candidates = (folder / f"online_retail.{ending}" for ending in ("parquet", "csv"))
    return next((path for path in candidates if path.is_file()), None)


def load(raw_file: Path, warehouse: Path) -> int:
    """Replace `raw.online_retail` by the rows of the file; return how many there are."""
    reader = "read_csv(?, all_varchar = true)" if raw_file.suffix == ".csv" else "read_parquet(?)"
    texts = ", ".join(f'cast("{name}" as varchar) as "{name}"' for name in COLUMNS)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists raw")
        connection.execute(
            f"create or replace table raw.online_retail as select {texts} from {reader}", [str(raw_file)]
        )
        (rows,) = connection.execute("select count(*) from raw.online_retail").fetchone()
    return rows


def main() -> int:
    """Read the arguments, load, and say what was loaded."""
    parser = argparse.ArgumentParser(description="Load UCI Online Retail into the example's warehouse.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder with online_retail.parquet or .csv")
    folder = parser.parse_args().data
    raw_file = find_raw_file(folder)
    if raw_file is None:
        print(
            f"Nothing loaded: there is no online_retail.parquet or online_retail.csv in {folder.resolve()}. "
            "Get the data as README.md says and name its folder with --data.",
            file=sys.stderr,
        )
        return DATA_ABSENT
    warehouse = Path(os.environ.get("ONLINE_RETAIL_DUCKDB", HERE / "online_retail.duckdb"))
    rows = load(raw_file, warehouse)
    print(f"raw.online_retail: {rows:,} rows in {warehouse}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

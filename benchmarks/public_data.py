"""Where the public data sets of the benchmarks are."""

import argparse
import sys
from pathlib import Path

DEFAULT_DATA = Path(__file__).resolve().parents[1] / "../shared/data"
# Exit status that says: nothing was measured, because the data is not there.
DATA_ABSENT = 3


def data_folder(description: str | None, folder: str, file: str) -> Path:
    """The folder named by --data (default ../shared/data), in it `folder`; ends with a message where the file is not there."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the public data sets")
    found: Path = parser.parse_args().data / folder
    if not (found / file).is_file():
        print(f"Nothing measured: {found / file} is not there. --data names the folder of the public data sets.")
        sys.exit(DATA_ABSENT)
    return found

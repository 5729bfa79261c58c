"""Numbers to text: every raw column leaves the simulator as text, as an export from a shop's database would."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def numbers(values: Ints, valid: Bools | None = None) -> Any:
    """Return whole numbers as text; null where not valid."""
    return pc.cast(_masked(values, valid), pa.string())


def ids(prefix: str, values: Ints, width: int, valid: Bools | None = None) -> Any:
    """Return keys such as `P00017`: prefix and zero-padded number; null where not valid."""
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(numbers(values, valid), width, "0"), "")


def decimals(scaled: Ints, digits: int, valid: Bools | None = None) -> Any:
    """Return numbers given in units of 10^-digits as text with so many decimals (1234, 2 -> `12.34`)."""
    base = 10**digits
    size = np.abs(scaled)
    whole = numbers(size // base, valid)
    part = pc.utf8_lpad(numbers(size % base, valid), digits, "0")
    sign = labels((scaled < 0).astype(np.int64), ["", "-"])
    return pc.binary_join_element_wise(pc.binary_join_element_wise(sign, whole, ""), part, ".")


def timestamps(seconds: Ints, valid: Bools | None = None) -> Any:
    """Return Unix seconds as `YYYY-MM-DD HH:MM:SS`; null where not valid."""
    return pc.cast(_masked(seconds.astype("datetime64[s]"), valid), pa.string())


def dates(unix_days: Ints, valid: Bools | None = None) -> Any:
    """Return days since 1970-01-01 as `YYYY-MM-DD`; null where not valid."""
    return pc.cast(pc.cast(_masked(unix_days.astype("datetime64[D]"), valid), pa.date32()), pa.string())


def labels(codes: Ints, names: Sequence[str], valid: Bools | None = None) -> Any:
    """Return `names[code]` for each code; null where not valid."""
    return pc.take(pa.array(list(names), pa.string()), _masked(codes, valid))


def join(*parts: Any, separator: str = "") -> Any:
    """Return text columns and constants joined row by row; null where a part is null."""
    return pc.binary_join_element_wise(*parts, separator)


def where(condition: Bools, yes: Any, no: Any) -> Any:
    """Return text from `yes` where the condition holds, else from `no`."""
    return pc.if_else(pa.array(condition), yes, no)


def text(values: Sequence[str | None]) -> Any:
    """Return a text column from Python strings."""
    return pa.array(list(values), pa.string())


def text_table(columns: dict[str, Any]) -> Any:
    """Return a table of text columns, in the given order."""
    return pa.table({name: pc.cast(values, pa.string()) for name, values in columns.items()})


def _masked(values: NDArray[Any], valid: Bools | None) -> Any:
    return pa.array(values, mask=None if valid is None else ~valid)

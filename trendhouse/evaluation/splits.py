"""Rolling-origin splits: what a model could have known at an origin, and what it then had to predict (Tashman 2000)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Split:
    """Training and test rows of one origin."""

    origin: date
    training: pa.Table
    test: pa.Table


def rolling_origins(as_of_date: date, available: Iterable[date], count: int, step_days: int) -> list[date]:
    """The latest `count` origins, `step_days` apart, that lie a whole number of steps before `as_of_date`; oldest first.

    Only dates in `available` qualify, so that every origin has features. The step is at least the longest horizon: labels of
    the latest origin are then all known at `as_of_date`.
    """
    wanted = [as_of_date - timedelta(days=step_days * step) for step in range(count, 0, -1)]
    known = set(available)
    return [origin for origin in wanted if origin in known]


def split_at(rows: pa.Table, origin: date) -> Split:
    """Rows whose label was known before the origin, and rows whose features are as of the origin.

    `rows` has `as_of_date` (features) and `target_date` (label). A row with a target date on or after the origin never trains,
    whatever its as-of date.
    """
    at = pa.scalar(origin, type=pa.date32())
    return Split(
        origin=origin,
        training=rows.filter(pc.less(rows.column("target_date"), at)),
        test=rows.filter(pc.equal(rows.column("as_of_date"), at)),
    )

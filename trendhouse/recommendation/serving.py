"""What tables of today are made with: the fits that serve now, and what is known now."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from trendhouse import warehouse
from trendhouse.artifacts import DESCRIPTION_COLUMNS, Fit, from_table
from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.snapshots import CATALOGUE_COLUMNS, INTERACTION_COLUMNS, Tables, known_of

NO_VISITS = pa.schema(
    {
        "session_id": pa.string(),
        "customer_id": pa.string(),
        "product_id": pa.string(),
        "position": pa.int32(),
        "visit_date": pa.date32(),
    }
).empty_table()


def known_without_visits(interactions: Any, catalogue: Any, as_of_date: date) -> Known:
    """What is known at a date, but for the visits, which only session recommenders read: of relations of the two feature tables."""
    at = warehouse.equals("as_of_date", as_of_date)
    met = warehouse.to_arrow(interactions, INTERACTION_COLUMNS, at)
    return known_of(Tables(met, warehouse.to_arrow(catalogue, CATALOGUE_COLUMNS, at), NO_VISITS), as_of_date)


def latest_fits(fits: Any, algorithms: Sequence[str], as_of_date: date | None) -> list[Fit]:
    """The latest fit of each algorithm that saw nothing from `as_of_date` on, of a fits relation; none for an algorithm without one.

    Of fits on equally late data the one trained last. Raises DamagedArtifactError when an artifact is not as it was written.
    """
    described = warehouse.to_arrow(fits, DESCRIPTION_COLUMNS, warehouse.is_one_of("algorithm", algorithms))
    latest = {
        row["algorithm"]: row["fit_id"]
        for row in sorted(described.to_pylist(), key=lambda row: (row["data_to"], row["trained_at"], row["fit_id"]))
        if as_of_date is not None and row["data_to"] < as_of_date
    }
    return from_table(warehouse.to_arrow(fits, where=warehouse.is_one_of("fit_id", latest.values())))

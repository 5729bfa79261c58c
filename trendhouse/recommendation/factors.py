"""Factors of products and customers as rows, so that SQL can score: their inner product is what ALS says of the pair."""

from datetime import date

import numpy as np
import pyarrow as pa

from trendhouse.artifacts import Fit
from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.candidates import als
from trendhouse.recommendation.interactions import Floats, Texts
from trendhouse.recommendation.repeated import REPEATED, repeated


def vectors_schema(key: str) -> pa.Schema:
    """Columns of the vectors of one kind of entity, `key` its name; dimensions count from 1."""
    return pa.schema(
        [
            (key, REPEATED),
            ("dimension", pa.int32()),
            ("value", pa.float32()),
            ("fit_id", REPEATED),
            ("as_of_date", pa.date32()),
        ]
    )


def product_factors(known: Known, fit: Fit, as_of_date: date) -> pa.Table:
    """Vectors of today's products by a fit of ALS: rows of `vectors_schema("product_id")`. No rows for products that came after it."""
    factors = als.CANDIDATE.load(fit.artifact).product_factors(known)
    return _long("product_id", known.interactions.products, factors, fit.fit_id, as_of_date)


def customer_factors(known: Known, fit: Fit, threads: int, as_of_date: date) -> pa.Table:
    """Vectors of customers, worked out from what is known of them now: rows of `vectors_schema("customer_id")`.

    No rows for a customer who dealt with no product of the fit.
    """
    customers = known.interactions.customers
    factors = als.CANDIDATE.load(fit.artifact).customer_factors(known, np.arange(len(customers)), threads)
    return _long("customer_id", customers, factors, fit.fit_id, as_of_date)


def _long(key: str, names: Texts, factors: Floats, fit_id: str, as_of_date: date) -> pa.Table:
    """A row per entity and dimension; none where the value is 0, as the SQL macros on vectors take them."""
    row, dimension = np.nonzero(factors)
    columns = [
        repeated(row, names),
        pa.array(dimension.astype(np.int32) + 1),
        pa.array(factors[row, dimension]),
        repeated(np.zeros(len(row), dtype=np.int64), np.array([fit_id])),
        pa.array(np.full(len(row), np.datetime64(as_of_date, "D"))),
    ]
    return pa.Table.from_arrays(columns, schema=vectors_schema(key))

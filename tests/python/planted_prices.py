"""A small shop whose elasticities and promotion lift are known, as price-response cells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

AS_OF = date(2024, 12, 30)
WEEKS = 65
LIFT = 1.5
PATHS = {"garden > tools": -1.0, "garden > plants": -2.0, "toys > games": -1.5, "toys > bricks": -3.0}


@dataclass(frozen=True)
class PlantedShop:
    """Cells, products, and the elasticity of each category path and product."""

    cells: pa.Table
    products: pa.Table
    paths: dict[str, float]
    elasticity: dict[str, float]


def planted_prices(
    seed: int = 0,
    products_per_path: int = 12,
    units_per_week: float = 20.0,
    moves: bool = True,
    paths: dict[str, float] | None = None,
    spread: float = 0.0,
) -> PlantedShop:
    """Weekly cells of products that fade through the year, in a shop with a season and with spikes in which most promotions fall.

    Every obstacle of a naive regression is there: promotions cut the price and lift demand by LIFT beside it; spikes triple demand, and
    half of the products are promoted then; prices fall when a product fades. `moves`: whether prices and promotions move at all.
    """
    rng = np.random.default_rng(seed)
    paths = PATHS if paths is None else paths
    names = [name for name in paths for _ in range(products_per_path)]
    count = len(names)
    elasticity = np.array([paths[name] for name in names]) + spread * rng.normal(size=count)
    week = np.arange(WEEKS)
    spike = week % 13 == 6
    season = 0.5 * np.sin(2 * np.pi * week / 52) + np.log(3) * spike
    level = rng.lognormal(0, 0.7, count)[:, None] * np.exp(-0.02 * week)[None, :]

    list_price = rng.uniform(5, 50, count)
    steps = np.cumsum(rng.random((count, WEEKS)) < 0.1, axis=1)
    revision = np.exp(0.1 * rng.normal(size=(count, WEEKS)))[np.arange(count)[:, None], steps]
    fading = np.where(week > 45, 0.9, 1.0)[None, :]
    promoted = rng.random((count, WEEKS)) < np.where(spike, 0.5, 0.08)[None, :]
    discount = np.where(promoted, rng.choice([0.0, 0.1, 0.2, 0.3], (count, WEEKS)), 0.0)
    if not moves:
        revision, fading, promoted, discount = (
            np.ones_like(revision),
            np.ones((1, WEEKS)),
            promoted & False,
            0 * discount,
        )
    price = np.round(list_price[:, None] * revision * fading * (1 - discount), 2)
    mean = (
        units_per_week
        * level
        * np.exp(season)[None, :]
        * (price / list_price[:, None]) ** elasticity[:, None]
        * np.where(promoted, LIFT, 1.0)
    )
    units = rng.poisson(mean * rng.gamma(20, 1 / 20, mean.shape)).astype(np.float64)
    ids = [f"p{number:03d}" for number in range(count)]
    as_of = [AS_OF - timedelta(days=7 * int(WEEKS - 1 - number)) for number in week]
    return PlantedShop(
        cells=pa.table(
            {
                "product_id": np.repeat(ids, WEEKS),
                "promotion_kind": np.where(promoted, "leaflet", "none").ravel(),
                "price_amount": price.ravel(),
                "units": units.ravel(),
                "exposure_days": np.full(count * WEEKS, 7),
                "period_start_date": pa.array([day - timedelta(days=7) for day in as_of] * count, pa.date32()),
                "is_near_festival": np.zeros(count * WEEKS, dtype=np.bool_),
                "as_of_date": pa.array(as_of * count, pa.date32()),
            }
        ),
        products=products_table(ids, names, units.sum(axis=1)),
        paths=paths,
        elasticity=dict(zip(ids, (float(value) for value in elasticity), strict=True)),
    )


def products_table(ids: list[str], paths: list[str], units: NDArray[np.float64]) -> pa.Table:
    return pa.table(
        {
            "product_id": pa.array(ids, pa.string()),
            "category": pa.array([name.split(" > ")[0] for name in paths], pa.string()),
            "subcategory": pa.array([name.split(" > ")[-1] for name in paths], pa.string()),
            "category_path": pa.array(paths, pa.string()),
            "price_amount": pa.array(np.full(len(ids), 9.99)),
            "units": pa.array(np.asarray(units, dtype=np.float64)),
            "as_of_date": pa.array([AS_OF] * len(ids), pa.date32()),
        }
    )

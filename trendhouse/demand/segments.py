"""Demand classes: what kind of series a product has, by how often and how evenly it sells."""

import numpy as np
from numpy.typing import NDArray

from trendhouse.demand.history import Floats, History

CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "new")
# Cut-offs of Syntetos, Boylan and Croston (2005).
MEAN_INTERVAL = 1.32
SQUARED_VARIATION = 0.49
# The periods looked back on, and how many of them a product needs before it is no longer new.
RECENT_PERIODS = 26
LEAST_PERIODS = 8


def demand_classes(history: History, products: NDArray[np.str_]) -> NDArray[np.str_]:
    """Class of each product (products,) from the last RECENT_PERIODS periods of its history.

    By the mean interval between periods with demand and the squared coefficient of variation of demand when there is some:
    smooth (often, even), erratic (often, uneven), intermittent (seldom, even), lumpy (seldom, uneven).
    """
    series = history.series_of(products)[:, -RECENT_PERIODS:]
    return classes_of(series)


def classes_of(series: Floats) -> NDArray[np.str_]:
    """Class of each row of a matrix (products, periods); NaN where nothing was observed."""
    observed = (~np.isnan(series)).sum(axis=1)
    sold = np.where(series > 0, series, np.nan)
    sales = (series > 0).sum(axis=1)
    share = sales / np.maximum(observed, 1)
    mean = np.nansum(sold, axis=1) / np.maximum(sales, 1)
    variance = np.nansum((sold - mean[:, None]) ** 2, axis=1) / np.maximum(sales, 1)
    variation = variance / np.maximum(mean, 1e-12) ** 2
    often, even = share >= 1 / MEAN_INTERVAL, variation < SQUARED_VARIATION
    kind = np.where(often, np.where(even, "smooth", "erratic"), np.where(even, "intermittent", "lumpy"))
    return np.asarray(np.where(observed < LEAST_PERIODS, "new", kind), dtype=np.str_)

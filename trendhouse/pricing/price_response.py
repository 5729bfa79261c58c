"""From the price-response cells of the warehouse to one elasticity per product, with a sentence on where it comes from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trendhouse.parallel import one_thread
from trendhouse.pricing.elasticity import Cells, Floats, Ints, Posterior, Slopes, estimate_slopes, shrink

CELL_COLUMNS = (
    "product_id",
    "promotion_kind",
    "price_amount",
    "units",
    "exposure_days",
    "period_start_date",
    "is_near_festival",
    "as_of_date",
)
"""Columns of `feat_pricing_cells` that are read."""

_CELL_KEY = (
    "product_id",
    "period_start_date",
    "is_near_festival",
    "price_amount",
    "promotion_kind",
    "units",
    "exposure_days",
)

RESPONSE_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("category", pa.string()),
        ("subcategory", pa.string()),
        ("category_path", pa.string()),
        ("fallback_level", pa.string()),
        ("elasticity", pa.float64()),
        ("elasticity_sd", pa.float64()),
        ("p10_elasticity", pa.float64()),
        ("p90_elasticity", pa.float64()),
        ("own_weight_rate", pa.float64()),
        ("promotion_lift_ratio", pa.float64()),
        ("p10_promotion_lift_ratio", pa.float64()),
        ("p90_promotion_lift_ratio", pa.float64()),
        ("price_amount", pa.float64()),
        ("lowest_price_amount", pa.float64()),
        ("highest_price_amount", pa.float64()),
        ("prices", pa.int64()),
        ("units", pa.float64()),
        ("exposure_days", pa.int64()),
        ("is_identified", pa.bool_()),
        ("statement", pa.string()),
        ("as_of_date", pa.date32()),
    ]
)
"""Columns of `ml_pricing__elasticities`."""

LEVELS = ("product", "category_path", "category", "global", "prior")
# Standard normal quantile of 90%.
Z_90 = 1.2815515655446004
# A product whose price moved by less than this share says nothing about price.
LEAST_PRICE_MOVE = 0.02
_BLOCK_WEEKS = 13
_PHRASES = {
    "product": "its own",
    "category_path": "that of its category path",
    "category": "that of its category",
    "global": "that of the whole shop",
    "prior": "what is usual in retail, because the shop's own prices tell nothing",
}


@dataclass(frozen=True)
class _Prices:
    """What prices each product had, arrays of shape (products,); NaN and 0 without cells."""

    lowest: Floats
    highest: Floats
    count: Ints
    days: Ints

    @property
    def moved(self) -> NDArray[np.bool_]:
        """Whether the price moved enough to tell anything."""
        return np.asarray(np.nan_to_num(self.highest / self.lowest - 1) > LEAST_PRICE_MOVE)


@dataclass(frozen=True)
class Fitted:
    """Price response of all products and groups: posterior elasticities, and the labels of its levels.

    products: ml_pricing__products sorted by product; paths: category paths, in the order of the posterior's second level; tree: see
    `elasticity.shrink`; lifts: log lift and standard error of each product's promotions; prices: what was seen of them.
    """

    products: pa.Table
    paths: list[str]
    tree: list[Ints]
    posterior: Posterior
    lifts: tuple[Floats, Floats]
    prices: _Prices


def fit(cells: pa.Table, products: pa.Table) -> Fitted:
    """Estimate the price response.

    cells: CELL_COLUMNS of `feat_pricing_cells`, for any of the products; products: `ml_pricing__products`, at least one row.
    """
    products = products.sort_by("product_id")
    # A sum of fractions depends in its last digit on the order of the rows, and two builds must be equal.
    cells = cells.sort_by([(name, "ascending") for name in _CELL_KEY])
    ids, path, category = (_text(products, name) for name in ("product_id", "category_path", "category"))
    # Two categories may both have a path called unknown.
    _, first, path_of_product = np.unique(_joined(category, path), return_index=True, return_inverse=True)
    category_of_product = np.unique(category, return_inverse=True)[1]
    tree = [path_of_product, category_of_product[first]]

    kinds, promotion = _kinds(_text(cells, "promotion_kind"))
    product = np.searchsorted(ids, _text(cells, "product_id"))
    observed = _observed(cells, product, promotion, path_of_product, category_of_product)
    prices = _prices(observed, len(ids))
    # Cells of a product whose price never moved still tell how the seasons went.
    slopes = estimate_slopes(observed, len(ids), len(kinds), tree)
    variance = np.where(prices.moved, slopes.variance, np.inf)
    posterior = shrink(slopes.slope, variance, slopes.group_slope, slopes.group_variance, tree, slopes.shared_variance)
    lifts = _product_lifts(observed, slopes, len(ids))
    return Fitted(products, [str(path[index]) for index in first], tree, posterior, lifts, prices)


def estimate(cells: pa.Table, products: pa.Table) -> pa.Table:
    """Price response (RESPONSE_SCHEMA) of every product, see `fit`; no rows for no products.

    A product without cells gets what its group, the shop or, where no price ever moved, retail in general suggests.
    """
    one_thread()
    return _table(fit(cells, products)) if products.num_rows else RESPONSE_SCHEMA.empty_table()


def best_sellers(products: pa.Table, most: int) -> list[str]:
    """Ids of the products whose sales teach: those with most units, equal ones by id."""
    sold = products.filter(pc.greater(products.column("units"), 0)).sort_by(
        [("units", "descending"), ("product_id", "ascending")]
    )
    return [str(identifier) for identifier in sold.column("product_id").slice(0, most).to_pylist()]


def _observed(cells: pa.Table, product: Ints, promotion: Ints, path: Ints, category: Ints) -> Cells:
    as_of = _days(cells, "as_of_date")
    weeks_back = (as_of.max(initial=0) - as_of) // 7
    period = _codes(_days(cells, "period_start_date"), cells.column("is_near_festival").to_numpy().astype(np.int64))
    return Cells(
        units=_numbers(cells, "units"),
        days=_numbers(cells, "exposure_days"),
        log_price=np.log(_numbers(cells, "price_amount")),
        product=product,
        block=_codes(product, weeks_back // _BLOCK_WEEKS),
        period=period,
        category_period=_codes(category[product], period),
        path_period=_codes(path[product], period),
        promotion=promotion,
    )


def _prices(cells: Cells, products: int) -> _Prices:
    lowest, highest = np.full(products, np.inf), np.full(products, -np.inf)
    np.minimum.at(lowest, cells.product, cells.log_price)
    np.maximum.at(highest, cells.product, cells.log_price)
    seen = np.isfinite(lowest)
    pairs = np.unique(np.column_stack([cells.product, np.rint(np.exp(cells.log_price) * 100).astype(np.int64)]), axis=0)
    return _Prices(
        lowest=np.where(seen, np.round(np.exp(np.where(seen, lowest, 0)), 2), np.nan),
        highest=np.where(seen, np.round(np.exp(np.where(seen, highest, 0)), 2), np.nan),
        count=np.bincount(pairs[:, 0], minlength=products),
        days=np.rint(np.bincount(cells.product, cells.days, products)).astype(np.int64),
    )


def _product_lifts(cells: Cells, slopes: Slopes, products: int) -> tuple[Floats, Floats]:
    """Log lift and standard error of each product's mix of promotion kinds, by days; the shop's mix for one that had no promotion."""
    known = np.flatnonzero(np.isfinite(slopes.lift_se))
    if len(known) == 0:
        return np.full(products, np.nan), np.full(products, np.nan)
    days = np.zeros((products, len(slopes.lift) + 1))
    np.add.at(days, (cells.product, cells.promotion), cells.days)
    days = days[:, 1:][:, known]
    own = days.sum(axis=1, keepdims=True)
    share = np.where(own > 0, days / np.where(own > 0, own, 1), days.sum(axis=0) / days.sum())
    # The kinds' errors are taken as one and the same: they come mostly from not knowing the price effect, which they share.
    return share @ slopes.lift[known], share @ slopes.lift_se[known]


def _table(fitted: Fitted) -> pa.Table:
    products, prices = fitted.products, fitted.prices
    own = fitted.posterior.levels[0]
    level = _main_level(fitted.posterior, fitted.tree)
    lift, lift_se = fitted.lifts
    columns = {
        **{name: products.column(name) for name in ("product_id", "category", "subcategory", "category_path")},
        "fallback_level": pa.array([LEVELS[index] for index in level], pa.string()),
        "elasticity": _rounded(own.mean),
        "elasticity_sd": _rounded(own.sd),
        "p10_elasticity": _rounded(own.mean - Z_90 * own.sd),
        "p90_elasticity": _rounded(own.mean + Z_90 * own.sd),
        "own_weight_rate": _rounded(own.own_weight),
        "promotion_lift_ratio": _rounded(np.exp(lift)),
        "p10_promotion_lift_ratio": _rounded(np.exp(lift - Z_90 * lift_se)),
        "p90_promotion_lift_ratio": _rounded(np.exp(lift + Z_90 * lift_se)),
        "price_amount": products.column("price_amount"),
        "lowest_price_amount": _rounded(prices.lowest),
        "highest_price_amount": _rounded(prices.highest),
        "prices": pa.array(prices.count),
        "units": products.column("units"),
        "exposure_days": pa.array(prices.days),
        "is_identified": pa.array(own.own_weight > 0),
        "statement": pa.array(_statements(own.own_weight, level, prices, _numbers(products, "units")), pa.string()),
        "as_of_date": products.column("as_of_date"),
    }
    return pa.table({name: columns[name] for name in RESPONSE_SCHEMA.names}).cast(RESPONSE_SCHEMA)


def _main_level(posterior: Posterior, tree: list[Ints]) -> Ints:
    """Position in LEVELS of the level that the largest part of each product's elasticity comes from, shape (products,)."""
    remaining = np.ones(len(posterior.levels[0].mean))
    node = np.arange(len(remaining))
    shares = []
    for index, level in enumerate(posterior.levels):
        shares.append(remaining * level.own_weight[node])
        remaining = remaining * (1 - level.own_weight[node])
        node = tree[index][node] if index < len(tree) else np.zeros_like(node)
    shares.append(remaining)
    return np.asarray(np.argmax(np.round(shares, 6), axis=0))


def _statements(own_weight: Floats, level: Ints, prices: _Prices, units: Floats) -> list[str]:
    sentences = []
    for weight, index, low, high, count, sold, moved in zip(
        own_weight, level, prices.lowest, prices.highest, prices.count, units, prices.moved, strict=True
    ):
        source = _PHRASES[LEVELS[index]]
        if count == 0 and sold > 0:
            reason = f"It sold {sold:,.0f} units, too few to be among the products whose own sales are looked at"
        elif count == 0:
            reason = "It was not on sale in the weeks looked at, so nothing is known of its own response to price"
        elif not moved:
            reason = f"Its price never moved by more than {LEAST_PRICE_MOVE:.0%} ({low:.2f} to {high:.2f})"
        elif weight <= 0:
            reason = f"It sold {sold:,.0f} units, never in a quarter in which its price moved too"
        else:
            share = "less than 1%" if weight < 0.01 else f"{weight:.0%}"
            reason = f"It sold {sold:,.0f} units at {count} prices from {low:.2f} to {high:.2f}, which make up {share} of its elasticity"
        sentences.append(f"{reason}; the elasticity is mostly {source}.")
    return sentences


def _kinds(names: NDArray[np.str_]) -> tuple[list[str], Ints]:
    """Promotion kinds in alphabetical order, and their codes, 0 for `none`."""
    kinds = [str(kind) for kind in np.unique(names) if kind != "none"]
    codes = np.searchsorted(np.array(kinds, dtype=np.str_), names) + 1 if kinds else np.zeros(len(names), np.int64)
    return kinds, np.where(names == "none", 0, codes)


def _codes(*columns: Ints) -> Ints:
    """One code from 0 on for each combination of values that occurs."""
    combined = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, codes = np.unique(column, return_inverse=True)
        combined = combined * max(len(values), 1) + codes
    return np.asarray(np.unique(combined, return_inverse=True)[1])


def _joined(*columns: NDArray[np.str_]) -> NDArray[np.str_]:
    result = columns[0]
    for column in columns[1:]:
        result = np.char.add(np.char.add(result, "\n"), column)
    return result


def _text(table: pa.Table, name: str) -> NDArray[np.str_]:
    return np.array(table.column(name).to_pylist(), dtype=np.str_)


def _numbers(table: pa.Table, name: str) -> Floats:
    return np.asarray(pc.cast(table.column(name), pa.float64()).to_numpy(), dtype=np.float64)


def _days(table: pa.Table, name: str) -> Ints:
    return np.asarray(pc.cast(pc.cast(table.column(name), pa.date32()), pa.int32()).to_numpy(), dtype=np.int64)


def _rounded(values: Floats) -> pa.Array:
    """To six decimals, NaN as null: two builds must be equal."""
    return pa.array(np.round(values, 6), mask=~np.isfinite(values))

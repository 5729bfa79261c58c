"""Which sums the forecasts have to add up to: a grouped hierarchy over products.

Products add up to sellers and, crosswise, to subcategories and these to categories; sellers and categories each add up to the total.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trendhouse.demand.history import Floats, History

# The levels above the products, each a column of ml_demand__nodes.
TOTAL = "total"
UPPER_LEVELS = (TOTAL, "seller", "category", "subcategory")
PRODUCT = "product"
UNKNOWN = "unknown"
# What `hierarchy_of` reads of ml_demand__nodes.
NODE_COLUMNS = ["product_id", "seller", "category", "subcategory"]


@dataclass(frozen=True)
class Hierarchy:
    """Upper nodes and the products in each: `membership` (nodes, products) holds 1 where a product belongs to a node.

    `products` are sorted. `levels` and `nodes` (nodes,) name the upper nodes, in the order of UPPER_LEVELS.
    """

    products: NDArray[np.str_]
    levels: NDArray[np.str_]
    nodes: NDArray[np.str_]
    membership: csr_array

    def sums(self, units: Floats) -> Floats:
        """Upper nodes (nodes,) or (nodes, columns) of what the products (products,) or (products, columns) hold."""
        return np.asarray(self.membership @ units, dtype=np.float64)

    def keys(self) -> NDArray[np.str_]:
        """One text per upper node (nodes,): level and name."""
        return np.array([f"{level}|{node}" for level, node in zip(self.levels, self.nodes, strict=True)], dtype=np.str_)

    def distinct(self) -> NDArray[np.bool_]:
        """True (nodes,) for nodes that hold other products than every node before them.

        A category of one subcategory is one sum under two names: counted twice, its forecast would weigh twice.
        """
        position = np.arange(1, len(self.products) + 1, dtype=np.float64)
        # Count, sum and sum of squares of the positions tell sets of products apart.
        signature = np.column_stack([self.sums(position**power) for power in range(3)])
        _, first = np.unique(signature, axis=0, return_index=True)
        is_first = np.zeros(len(self.nodes), dtype=bool)
        is_first[first] = True
        return is_first


def hierarchy_of(nodes: pa.Table, products: Sequence[str] | NDArray[np.str_]) -> Hierarchy:
    """Hierarchy over these products (sorted, without repeats), from rows of ml_demand__nodes (NODE_COLUMNS).

    A product that has no row belongs to the nodes named unknown.
    """
    wanted = np.unique(np.asarray(products, dtype=np.str_))
    rows = nodes.filter(pc.is_in(nodes.column("product_id"), value_set=pa.array(wanted, type=pa.string())))
    position = np.searchsorted(wanted, np.asarray(rows.column("product_id").to_pylist(), dtype=np.str_))
    levels: list[str] = []
    names: list[str] = []
    members = []
    for level in UPPER_LEVELS:
        node = np.full(len(wanted), TOTAL if level == TOTAL else UNKNOWN, dtype=object)
        if level != TOTAL:
            node[position] = rows.column(level).to_pylist()
        name, number = np.unique(node.astype(np.str_), return_inverse=True)
        members.append(number + len(names))
        levels += [level] * len(name)
        names += name.tolist()
    column = np.tile(np.arange(len(wanted)), len(UPPER_LEVELS))
    row = np.concatenate(members)
    membership = csr_array((np.ones(len(row)), (row, column)), shape=(len(names), len(wanted)))
    return Hierarchy(wanted, np.array(levels, dtype=np.str_), np.array(names, dtype=np.str_), membership)


def node_history(history: History, hierarchy: Hierarchy) -> History:
    """History of the upper nodes, named by `keys()`: sums over products.

    A product out of stock for a whole period counts with its period before: a gap on a shelf is no fall of the demand.
    """
    units = history.series_of(hierarchy.products)
    last_seen = np.where(np.isnan(units), -1, np.arange(units.shape[1])[None, :])
    last_seen = np.maximum.accumulate(last_seen, axis=1) if units.size else last_seen
    filled = np.where(last_seen >= 0, np.take_along_axis(units, np.maximum(last_seen, 0), axis=1), 0.0)
    keys = hierarchy.keys()
    order = np.argsort(keys)
    return replace(history, products=keys[order], units=hierarchy.sums(filled)[order])

"""What a recommendation algorithm has to offer to compete."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from trendhouse.recommendation.interactions import Floats, Integers, Interactions


@dataclass(frozen=True)
class Known:
    """Everything known at one as-of date.

    `catalogue` has one row per product, in the order of `interactions.products`: product_id, name, description, category, subcategory,
    brand, seller_id (text), list_price_amount (double); any of them may be null. `visits` has one row per product met in a session:
    customer_id (null for a guest), session_id, product_id, position (in the session, from 1), days_ago; no rows where the shop has no events.
    """

    interactions: Interactions
    catalogue: pa.Table
    visits: pa.Table


class Recommender(Protocol):
    """A fitted algorithm, loaded from its artifact."""

    def scores(self, known: Known, customers: Integers) -> Floats:
        """How much each product is for each customer (customers, products): the higher, the more; -inf where it has nothing to say.

        `customers` are rows of `known.interactions`, one block at a time; columns are its products. Products already bought have their
        scores like any other: what may be shown is not decided here.
        """


class Candidate(Protocol):
    """An algorithm that can be fitted. Its module in `trendhouse.recommendation.candidates` holds one instance named CANDIDATE."""

    algorithm: str
    is_baseline: bool

    def parameters(self) -> Mapping[str, Any]:
        """Everything that, changed, makes another model of the same data; `version` among it, raised when the code changes."""

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """Artifact (text, made by `trendhouse.recommendation.tensors`) of what was known; None when there is too little to learn from.

        Same input, same parameters: same text, whatever `threads` is. The artifact names its products: scores are asked for later, when there
        are others, and customers that it has never met.
        """

    def load(self, artifact: str) -> Recommender:
        """The fitted algorithm of an artifact."""

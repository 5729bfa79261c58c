"""Scoring: the champion's list of each customer who is known, filled up with what is popular, and one list for everybody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trendhouse import warehouse
from trendhouse.artifacts import Fit
from trendhouse.parallel import in_blocks
from trendhouse.recommendation import ranker
from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.fits import Trained, recommenders_of
from trendhouse.recommendation.interactions import Floats, Integers
from trendhouse.recommendation.mmr import rerank
from trendhouse.recommendation.neighbourhood import ProductLinks
from trendhouse.recommendation.product_text import text_vectors
from trendhouse.recommendation.ranker import Lists
from trendhouse.recommendation.reasons import Reasons
from trendhouse.recommendation.snapshots import Snapshots, resting_of
from trendhouse.recommendation.top_products import recommended

SCORES_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("product_id", pa.string()),
        ("anchor_product_id", pa.string()),
        ("fit_id", pa.string()),
        ("place", pa.int64()),
        ("source", pa.string()),
        ("reason", pa.string()),
        ("fallback_level", pa.string()),
        ("score", pa.float64()),
        ("is_anchor_bought", pa.bool_()),
        ("as_of_date", pa.date32()),
        ("scored_at", pa.timestamp("us")),
    ]
)
"""Columns of `ml_recommendation__scores`; `scored_at` is UTC."""

GUEST = "guest"
"""The customer_id of the list for everybody of whom nothing is known."""
FALLBACK = "popularity"
# The recommender whose links say what goes with what.
LINKS = "item_cosine"
# So many times the places are asked of the champion, for the re-ranking to choose from.
CHOICE = 3
# Customers whose lists are re-ranked and explained at a time.
CUSTOMERS_AT_A_TIME = 4_000


@dataclass(frozen=True)
class Wanted:
    """Places of a list, and how strongly products that resemble each other are kept apart, 0 to 1."""

    places: int
    diversity: float


@dataclass(frozen=True)
class Rules:
    """What may be on the lists, and what they are to look like.

    `products` (product_id, rest_days, is_shown), one row per product; `popularity` (product_id, popularity_rank), more is more popular.
    """

    products: pa.Table
    popularity: pa.Table
    wanted: Wanted


class Only:
    """A recommender that has nothing to say about products that may not be shown."""

    def __init__(self, recommender: Recommender, is_shown: NDArray[np.bool_]) -> None:
        """The recommender, and which of today's products (products,) may be shown."""
        self._recommender, self._is_shown = recommender, is_shown

    def scores(self, known: Known, customers: Integers) -> Floats:
        """As the recommender's (customers, products); -inf for what may not be shown."""
        scores = self._recommender.scores(known, customers)
        scores[:, ~self._is_shown] = -np.inf
        return scores


def of_today(
    snapshots: Snapshots,
    trained: Trained,
    champion: pa.Table,
    products: Any,
    popularity: Any,
    wanted: Wanted,
    threads: int,
) -> pa.Table:
    """Lists of the current date (SCORES_SCHEMA); no rows when there is nothing to recommend.

    `champion` has the fit_id and fit_key of the champion, or no row; `products` and `popularity` are relations, read as `Rules` says.
    """
    as_of_date = snapshots.as_of_date()
    if as_of_date is None:
        return SCORES_SCHEMA.empty_table()
    rules = Rules(
        warehouse.to_arrow(products, ["product_id", "rest_days", "is_shown"]),
        warehouse.to_arrow(popularity, ["product_id", "popularity_rank"], warehouse.equals("as_of_date", as_of_date)),
        wanted,
    )
    row = next(iter(champion.to_pylist()), {"fit_id": None, "fit_key": None})
    return score(
        snapshots.known_at(as_of_date), trained.of_key(row["fit_key"]), row["fit_id"], as_of_date, rules, threads
    )


def score(
    known: Known, fits: Sequence[Fit], champion_id: str | None, as_of_date: date, rules: Rules, threads: int
) -> pa.Table:
    """Lists of all customers of `known`, by id, and of the guest: SCORES_SCHEMA, at most `rules.wanted.places` rows each, fewer with fewer products.

    `fits` are those of the champion's date, the candidates and the ranker. Without a champion there is the guest's list alone.
    """
    is_shown = _shown(known, rules.products)
    popular = _most_popular(known, rules.popularity, is_shown)
    parts = [_guest_list(known, popular[: rules.wanted.places])]
    fit = next((fit for fit in fits if fit.fit_id == champion_id), None)
    if fit is not None and len(known.interactions.customers):
        sources = {name: Only(source, is_shown) for name, source in recommenders_of(fits).items()}
        links = recommenders_of(one for one in fits if one.algorithm == LINKS).get(LINKS)
        between = links.between(known.interactions) if isinstance(links, ProductLinks) else None
        excluded = resting_of(known.interactions, rules.products.select(["product_id", "rest_days"]))
        everyone = np.arange(len(known.interactions.customers))
        names, lists = _champions_lists(fit, sources, known, everyone, CHOICE * rules.wanted.places, threads, excluded)
        vectors = text_vectors(known.catalogue)
        writer = _Writer(known, names, lists, excluded, popular, vectors, Reasons(known, between, vectors), rules, fit)
        blocks = (everyone[start : start + CUSTOMERS_AT_A_TIME] for start in everyone[::CUSTOMERS_AT_A_TIME])
        parts += in_blocks(writer.rows, blocks, threads)
    scored = pa.concat_tables(parts)
    constants = {"as_of_date": as_of_date, "scored_at": datetime.now(UTC).replace(tzinfo=None)}
    for name, value in constants.items():
        scored = scored.append_column(
            name, pa.repeat(pa.scalar(value, SCORES_SCHEMA.field(name).type), scored.num_rows)
        )
    return scored.select(SCORES_SCHEMA.names).cast(SCORES_SCHEMA)


def _champions_lists(
    fit: Fit,
    sources: dict[str, Only],
    known: Known,
    customers: Integers,
    count: int,
    threads: int,
    excluded: csr_array,
) -> tuple[Sequence[str], Lists]:
    """Names of the sources, and the champion's lists, in which each product bears the number of one of them."""
    if fit.algorithm == ranker.ALGORITHM:
        merged = ranker.load(fit.artifact)
        return merged.sources, merged.lists(sources, known, customers, count, threads, excluded)
    columns, values = recommended(sources[fit.algorithm], known, customers, count, threads, excluded)
    return [fit.algorithm], Lists(columns, values, np.where(columns >= 0, 0, -1))


@dataclass(frozen=True)
class _Writer:
    """Everything that turns the champion's lists into rows."""

    known: Known
    names: Sequence[str]
    lists: Lists
    excluded: csr_array
    popular: Integers
    vectors: csr_array
    reasons: Reasons
    rules: Rules
    fit: Fit

    def rows(self, customers: Integers) -> pa.Table:
        """Rows of some customers: re-ranked, filled up, explained."""
        columns, values = self.lists.columns[customers], self.lists.scores[customers]
        chosen = rerank(columns, values, self.vectors, self.rules.wanted.diversity, self.rules.wanted.places)
        # Where in the champion's list each product stood.
        stood = np.argmax(columns[:, None, :] == chosen[:, :, None], axis=2)
        value = np.take_along_axis(values, stood, axis=1).astype(np.float64)
        source = np.take_along_axis(self.lists.source[customers], stood, axis=1)
        is_model = chosen >= 0
        chosen = self._filled(customers, chosen)
        row, place = np.nonzero(chosen >= 0)
        column, from_model = chosen[row, place], is_model[row, place]
        spokesmen = [
            self.names[number] if by_model else FALLBACK
            for number, by_model in zip(source[row, place].tolist(), from_model.tolist(), strict=True)
        ]
        kinds, anchor = self.reasons.of(customers[row], column, spokesmen)
        products = self.known.interactions.products
        return pa.table(
            {
                "customer_id": pa.array(self.known.interactions.customers[customers[row]].tolist(), pa.string()),
                "product_id": pa.array(products[column].tolist(), pa.string()),
                "anchor_product_id": pa.array(products[anchor].tolist(), pa.string(), mask=anchor < 0),
                "fit_id": pa.array([self.fit.fit_id] * len(row), pa.string(), mask=~from_model),
                "place": pa.array(place + 1, pa.int64()),
                "source": pa.array(spokesmen, pa.string()),
                "reason": pa.array(kinds, pa.string()),
                "fallback_level": pa.array(np.where(from_model, "model", "global").tolist(), pa.string()),
                "score": pa.array(np.round(value[row, place], 6), pa.float64(), mask=~from_model),
                "is_anchor_bought": pa.array(
                    self.reasons.was_bought(customers[row], anchor), pa.bool_(), mask=anchor < 0
                ),
            }
        )

    def _filled(self, customers: Integers, chosen: Integers) -> Integers:
        """The lists, their empty places taken by the most popular products that are not on them and do not rest."""
        filled = np.full((len(customers), self.rules.wanted.places), -1, dtype=np.int64)
        filled[:, : chosen.shape[1]] = chosen
        for row in np.flatnonzero((filled < 0).any(axis=1)):
            start, end = self.excluded.indptr[customers[row] : customers[row] + 2]
            own = filled[row][filled[row] >= 0]
            taken = np.concatenate([own, self.excluded.indices[start:end]])
            # As many as there are places are left, whatever is taken of them.
            first = self.popular[: self.rules.wanted.places + len(taken)]
            more = first[~np.isin(first, taken)][: self.rules.wanted.places - len(own)]
            filled[row, len(own) : len(own) + len(more)] = more
        return filled


def _shown(known: Known, products: pa.Table) -> NDArray[np.bool_]:
    """Which of today's products (products,) may be shown."""
    shown = products.filter(products.column("is_shown")).column("product_id")
    column = known.interactions.columns_of(np.asarray(shown.to_pylist(), dtype=np.str_))
    is_shown = np.zeros(len(known.interactions.products), dtype=bool)
    is_shown[column[column >= 0]] = True
    return is_shown


def _most_popular(known: Known, popularity: pa.Table, is_shown: NDArray[np.bool_]) -> Integers:
    """Columns of the products that may be shown, the most popular first; of equal ones the first by id."""
    column = known.interactions.columns_of(np.asarray(popularity.column("product_id").to_pylist(), dtype=np.str_))
    rank = np.zeros(len(is_shown))
    rank[column[column >= 0]] = popularity.column("popularity_rank").to_numpy()[column >= 0]
    order = np.argsort(-rank, kind="stable")
    return np.asarray(order[is_shown[order]], dtype=np.int64)


def _guest_list(known: Known, column: Integers) -> pa.Table:
    """Rows of the list of whom nothing is known."""
    count = len(column)
    schema = pa.schema([field for field in SCORES_SCHEMA if field.name not in ("as_of_date", "scored_at")])
    return pa.table(
        {
            "customer_id": [GUEST] * count,
            "product_id": known.interactions.products[column].tolist(),
            "anchor_product_id": [None] * count,
            "fit_id": [None] * count,
            "place": range(1, count + 1),
            "source": [FALLBACK] * count,
            "reason": ["popular"] * count,
            "fallback_level": ["global"] * count,
            "score": [None] * count,
            "is_anchor_bought": [None] * count,
        },
        schema=schema,
    )

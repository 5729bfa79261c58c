"""The back-test: what each recommender, fitted on what was known four weeks ago, put on its lists, and what customers bought since."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from trendhouse.artifacts import Fit
from trendhouse.evaluation.ranking import judge, means_by_length
from trendhouse.evaluation.variety import (
    average_popularity,
    catalogue_coverage,
    exposure,
    gini,
    intra_list_diversity,
    novelty,
    seller_exposure,
)
from trendhouse.recommendation import ranker
from trendhouse.recommendation.contest import KS, Cut
from trendhouse.recommendation.fits import Trained, judged_cut, recommenders_of
from trendhouse.recommendation.interactions import Integers
from trendhouse.recommendation.pair_features import groups_of
from trendhouse.recommendation.product_text import text_vectors
from trendhouse.recommendation.snapshots import Snapshots
from trendhouse.recommendation.top_products import recommended

BACKTEST_SCHEMA = pa.schema(
    [
        ("fit_id", pa.string()),
        ("algorithm", pa.string()),
        ("origin_date", pa.date32()),
        ("metric", pa.string()),
        ("k", pa.int32()),
        ("metric_value", pa.float64()),
        ("customers", pa.int64()),
        ("bought_products", pa.int64()),
    ]
)
"""Columns of `ml_recommendation__backtest`."""

# Customers judged at most, at even distances: enough for a standard error of NDCG below 0.003.
MOST_CUSTOMERS = 20_000


def of_today(snapshots: Snapshots, trained: Trained, tested: pa.Table, rest_days: pa.Table, threads: int) -> pa.Table:
    """Back-test of the training of the current date (BACKTEST_SCHEMA); no rows when there is none, or when it is tested already.

    `trained` holds candidates and rankers, `tested` the fit_id of those with rows; `rest_days` as `snapshots.resting_of` takes them.
    """
    as_of_date = snapshots.as_of_date()
    pending = {} if as_of_date is None else trained.identifiers_at(as_of_date)
    if as_of_date is None or not pending or set(tested.column("fit_id").to_pylist()).intersection(pending.values()):
        return BACKTEST_SCHEMA.empty_table()
    origin = judged_cut(as_of_date)
    fits = trained.at(origin)
    return (
        run(pending, fits, snapshots.cut_at(origin, rest_days), origin, threads)
        if fits
        else BACKTEST_SCHEMA.empty_table()
    )


def run(pending: Mapping[str, str], fits: Sequence[Fit], cut: Cut, origin_date: date, threads: int) -> pa.Table:
    """Judge all recommenders fitted at an origin: BACKTEST_SCHEMA, three lengths of list and every metric of each.

    `fits` are the candidates' and the ranker's of the origin. Their rows bear the identifiers (`pending`, by algorithm) of the training that
    follows, whose algorithms and parameters they are. No rows when nobody bought anything that could have been on a list.
    """
    customers = cut.customers(MOST_CUSTOMERS)
    if not len(customers):
        return BACKTEST_SCHEMA.empty_table()
    sources = recommenders_of(fits)
    lists = {
        name: recommended(source, cut.known, customers, max(KS), threads, cut.excluded)[0]
        for name, source in sources.items()
    }
    for fit in fits:
        if fit.algorithm == ranker.ALGORITHM:
            merged = ranker.load(fit.artifact)
            lists[fit.algorithm] = merged.recommended(sources, cut.known, customers, max(KS), threads, cut.excluded)[0]
    followed = csr_array(cut.followed[customers])
    variety = Variety(cut)
    rows = [
        {
            "fit_id": pending[algorithm],
            "algorithm": algorithm,
            "origin_date": origin_date,
            "metric": metric,
            "k": k,
            # Rounded, because sums of fractions differ in the last digit with their order, and two builds must be equal.
            "metric_value": None if np.isnan(value) else round(value, 9),
            "customers": len(customers),
            "bought_products": followed.nnz,
        }
        for algorithm, listed in sorted(lists.items())
        if algorithm in pending
        for (metric, k), value in {**means_by_length(judge(listed, followed), KS), **variety.of(listed)}.items()
    ]
    return pa.Table.from_pylist(rows, schema=BACKTEST_SCHEMA)


class Variety:
    """What lists are like beside being right, measured with what was known when they were made."""

    def __init__(self, cut: Cut) -> None:
        """The catalogue, and who had met what."""
        interactions = cut.known.interactions
        self._products = len(interactions.products)
        self._customers = len(interactions.customers)
        self._customers_of = np.bincount(interactions.weights.indices, minlength=self._products).astype(np.float64)
        self._vectors = text_vectors(cut.known.catalogue)
        self._seller_of = groups_of(cut.known.catalogue, "seller_id")

    def of(self, listed: Integers) -> dict[tuple[str, int], float]:
        """Metrics by name and length of list, of lists (customers, max of KS)."""
        found = {}
        for k in KS:
            first = listed[:, :k]
            by_seller = seller_exposure(first, self._seller_of, int(self._seller_of.max(initial=-1)) + 1)
            found["catalogue_coverage", k] = catalogue_coverage(first, self._products)
            found["novelty", k] = novelty(first, self._customers_of, self._customers)
            found["diversity", k] = intra_list_diversity(first, self._vectors)
            found["popularity", k] = average_popularity(first, self._customers_of / max(self._customers, 1))
            found["product_gini", k] = gini(exposure(first, self._products))
            found["seller_gini", k] = gini(by_seller)
        return found

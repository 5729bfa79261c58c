"""The peers, each at its plain defaults: ALS, BM25 and cosine item neighbours of `implicit`, EASE of RecTools.

Each is run on the weights as given, on ones, and on decayed weights where there are such, and the best by NDCG at 10 is shown: kinder to the peers
than a fair choice would be. RecTools asks for NumPy 1 on Python 3.11 and 3.12, but runs on NumPy 2: install it with `pip install --no-deps rectools`.
"""

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from results import KS, THREADS, Result, metrics_of
from scipy.sparse import csr_array, csr_matrix

from trendhouse.recommendation.contest import Cut
from trendhouse.recommendation.interactions import Integers

MODELS: Mapping[str, Callable[[], Any]] = {
    "implicit ALS": lambda: AlternatingLeastSquares(random_state=0, num_threads=THREADS),
    "implicit BM25": lambda: BM25Recommender(num_threads=THREADS),
    "implicit item kNN (cosine)": lambda: CosineRecommender(num_threads=THREADS),
}


def peers(cut: Cut, weights: Mapping[str, csr_array]) -> list[Result]:
    """Each peer's best result at the cut, over the weights (customers, products) by name."""
    results = []
    for name, model in MODELS.items():
        tried = [_judged(f"{name}, {kind}", cut, _implicit(model, matrix)) for kind, matrix in weights.items()]
        results.append(max(tried, key=lambda result: result.metrics["ndcg_at_10"]))
    tried = [_judged(f"RecTools EASE, {kind}", cut, _ease(matrix)) for kind, matrix in weights.items()]
    return [*results, max(tried, key=lambda result: result.metrics["ndcg_at_10"])]


def _judged(name: str, cut: Cut, lists: Callable[[Integers], Integers]) -> Result:
    customers = cut.customers(cut.followed.shape[0])
    started = time.monotonic()
    listed = lists(customers)
    return Result(name, metrics_of(listed, cut, customers), time.monotonic() - started, is_peer=True)


def _implicit(model: Callable[[], Any], matrix: csr_array) -> Callable[[Integers], Integers]:
    def lists(customers: Integers) -> Integers:
        fitted, own = model(), csr_matrix(matrix)
        with warnings.catch_warnings():
            # It converts its own matrices, and says so.
            warnings.simplefilter("ignore")
            fitted.fit(own, show_progress=False)
        columns, scores = fitted.recommend(customers, own[customers], N=max(KS), filter_already_liked_items=True)
        return np.where(scores > np.finfo(np.float32).min, columns, -1).astype(np.int64)

    return lists


def _ease(matrix: csr_array) -> Callable[[Integers], Integers]:
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import EASEModel

    def lists(customers: Integers) -> Integers:
        pairs = matrix.tocoo()
        frame = pd.DataFrame(
            {
                Columns.User: pairs.coords[0],
                Columns.Item: pairs.coords[1],
                Columns.Weight: pairs.data,
                Columns.Datetime: pd.Timestamp(0),
            }
        )
        data = Dataset.construct(frame)
        fitted = EASEModel(recommend_n_threads=THREADS, recommend_use_gpu_ranking=False).fit(data)
        found = fitted.recommend(customers, data, k=max(KS), filter_viewed=True)
        listed = np.full((len(customers), max(KS)), -1, dtype=np.int64)
        row = np.searchsorted(customers, found[Columns.User].to_numpy())
        listed[row, found[Columns.Rank].to_numpy() - 1] = found[Columns.Item].to_numpy()
        return listed

    return lists

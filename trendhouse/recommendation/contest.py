"""The contest of recommenders: all are fitted on what was known at a cut, and judged on what customers dealt with after it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from trendhouse.evaluation.ranking import judge, means
from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.candidates import candidates
from trendhouse.recommendation.interactions import Integers
from trendhouse.recommendation.places import evenly
from trendhouse.recommendation.top_products import recommended

KS = (5, 10, 20)


@dataclass(frozen=True)
class Cut:
    """What was known at a date, and what came of it.

    `followed` and `excluded` have the rows and columns of `known.interactions`: an entry above 0 for a product that the customer dealt with after
    the date, as far as it had a place in the list, and an entry for a product that may not be shown. Nothing known comes from after the date.
    """

    known: Known
    followed: csr_array
    excluded: csr_array | None = None

    def customers(self, most: int) -> Integers:
        """Rows of the customers who can judge, because something followed: every n-th, so that at most `most` are left."""
        rows: Integers = np.flatnonzero(np.diff(self.followed.indptr))
        return evenly(rows, most)


@dataclass(frozen=True)
class Standing:
    """How one recommender did: metrics by name (`ndcg_at_10`), and the seconds that fit and recommendations took."""

    algorithm: str
    is_baseline: bool
    metrics: Mapping[str, float]
    seconds: float


def fit_all(known: Known, threads: int, without: Sequence[str] = ()) -> tuple[dict[str, str], dict[str, float]]:
    """Artifact of every candidate but those `without`, by algorithm, and the seconds it took. One that finds too little is absent."""
    artifacts, seconds = {}, {}
    for name, candidate in candidates().items():
        if name in without:
            continue
        started = time.monotonic()
        artifact = candidate.fit(known, candidate.parameters(), threads)
        if artifact is not None:
            artifacts[name], seconds[name] = artifact, time.monotonic() - started
    return artifacts, seconds


def standing(
    algorithm: str, is_baseline: bool, listed: Integers, cut: Cut, customers: Integers, seconds: float
) -> Standing:
    """Judge lists `listed` (customers, at least the largest of KS) of these customers."""
    return Standing(algorithm, is_baseline, means(judge(listed, csr_array(cut.followed[customers])), KS), seconds)


def compete(cut: Cut, threads: int, most_customers: int = 20_000, without: Sequence[str] = ()) -> list[Standing]:
    """How every candidate but those `without` did, the best by NDCG at 10 first; of equals the first by name."""
    customers = cut.customers(most_customers)
    artifacts, fit_seconds = fit_all(cut.known, threads, without)
    standings = []
    for name, artifact in artifacts.items():
        started = time.monotonic()
        recommender = candidates()[name].load(artifact)
        listed, _ = recommended(recommender, cut.known, customers, max(KS), threads, cut.excluded)
        seconds = fit_seconds[name] + time.monotonic() - started
        standings.append(standing(name, candidates()[name].is_baseline, listed, cut, customers, seconds))
    return sorted(standings, key=lambda one: (-one.metrics["ndcg_at_10"], one.algorithm))

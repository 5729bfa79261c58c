"""Trending: what more customers deal with now than before."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.interactions import Floats
from trendhouse.recommendation.popularity_scores import SameForAllCandidate


def _score(known: Known, parameters: Mapping[str, Any]) -> Floats:
    """Customers of the recent days, times how much more they are than a product of its past would have, drawn to 1 by a gamma prior.

    A customer counts where it was last. With r customers lately and e expected from the days before, the growth is (r + m) / (e + m)
    (posterior mean of a Poisson rate, as in DuMouchel 1999).
    """
    days_ago, products = known.interactions.days_ago, len(known.interactions.products)
    recent_days, before_days, prior = (parameters[name] for name in ("recent_days", "before_days", "prior_customers"))
    is_recent = days_ago.data <= recent_days
    is_before = ~is_recent & (days_ago.data <= recent_days + before_days)
    recent = np.bincount(days_ago.indices[is_recent], minlength=products)
    before = np.bincount(days_ago.indices[is_before], minlength=products)
    expected = before * recent.sum() / max(before.sum(), 1)
    return np.asarray(recent * (recent + prior) / (expected + prior), dtype=np.float32)


CANDIDATE = SameForAllCandidate(
    "trending", _score, settings={"recent_days": 28, "before_days": 84, "prior_customers": 10.0}
)

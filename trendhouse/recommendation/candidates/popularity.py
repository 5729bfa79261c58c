"""Popularity: what most customers deal with lately."""

from collections.abc import Mapping
from typing import Any

from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.interactions import Floats
from trendhouse.recommendation.popularity_scores import SameForAllCandidate, popularity


def _score(known: Known, parameters: Mapping[str, Any]) -> Floats:
    return popularity(known)


CANDIDATE = SameForAllCandidate("popularity", _score)

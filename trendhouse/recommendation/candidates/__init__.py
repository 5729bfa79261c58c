"""The algorithms that compete: one module each.

A new one joins with one file in this folder that holds an instance of `trendhouse.recommendation.candidate.Candidate` named CANDIDATE.
"""

import sys
from functools import cache

from trendhouse.recommendation.candidate import Candidate
from trendhouse.registry import members_of


@cache
def candidates() -> dict[str, Candidate]:
    """Candidates by algorithm, in alphabetical order."""
    return members_of(sys.modules[__name__], "CANDIDATE")

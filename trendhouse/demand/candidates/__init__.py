"""The demand algorithms that meet in the back-test: one module each.

A new candidate joins with one file in this folder that holds an instance of `trendhouse.demand.candidate.Candidate` named
CANDIDATE.
"""

import sys
from functools import cache

from trendhouse.demand.candidate import Candidate
from trendhouse.registry import members_of


@cache
def candidates() -> dict[str, Candidate]:
    """Candidates by algorithm, in alphabetical order."""
    return members_of(sys.modules[__name__], "CANDIDATE")

"""The demand algorithms that meet in the back-test: one module each.

A new candidate joins with one file in this folder that holds an instance of `trendhouse.demand.candidate.Candidate` named
CANDIDATE.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from trendhouse.demand.candidate import Candidate


@cache
def candidates() -> dict[str, Candidate]:
    """Candidates by algorithm, in alphabetical order. Raises ValueError when two files claim one algorithm."""
    found: dict[str, Candidate] = {}
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        candidate: Candidate = import_module(f"{__name__}.{module.name}").CANDIDATE
        if candidate.algorithm in found:
            raise ValueError(f"Two demand candidates are named {candidate.algorithm}.")
        found[candidate.algorithm] = candidate
    return dict(sorted(found.items()))

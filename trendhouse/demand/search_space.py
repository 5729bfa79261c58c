"""What of an algorithm's parameters may be searched: one dimension per parameter, named by its path (`lightgbm.num_leaves`)."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Integers:
    """Whole numbers from `low` to `high`, both included; with `log`, even steps of the logarithm."""

    low: int
    high: int
    log: bool = False

    def grid(self, points: int) -> list[int]:
        """At most `points` values from end to end."""
        return sorted({round(value) for value in _steps(self.low, self.high, self.log, points)})


@dataclass(frozen=True)
class Numbers:
    """Numbers from `low` to `high`; with `log`, even steps of the logarithm (`low` is then above 0)."""

    low: float
    high: float
    log: bool = False

    def grid(self, points: int) -> list[float]:
        """`points` values from end to end."""
        return _steps(self.low, self.high, self.log, points)


@dataclass(frozen=True)
class Choices:
    """One of a few values."""

    values: tuple[str | int | float | bool, ...]

    def grid(self, points: int) -> list[str | int | float | bool]:
        """All values."""
        return list(self.values)


SearchSpace = Mapping[str, Integers | Numbers | Choices]


def with_values(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with those at the paths replaced. Raises KeyError for a path that is none of theirs."""
    changed = deepcopy(dict(parameters))
    for path, value in values.items():
        *parents, name = path.split(".")
        place = changed
        for parent in parents:
            place = place[parent]
        if name not in place:
            raise KeyError(f"{path} is no parameter of the algorithm.")
        place[name] = value
    return changed


def _steps(low: float, high: float, log: bool, points: int) -> list[float]:
    steps = np.geomspace(low, high, points) if log else np.linspace(low, high, points)
    # End points may come out a last digit outside the range.
    return [float(step) for step in np.clip(steps, low, high)]

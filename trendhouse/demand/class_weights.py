"""A combination whose weights depend on the product's demand class: what several ensembles come down to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trendhouse.artifacts import canonical_json
from trendhouse.demand.history import Floats


@dataclass(frozen=True)
class ClassWeights:
    """Weights by demand class, each (members,); `other` serves a class that was not met in learning."""

    members: tuple[str, ...]
    other: tuple[float, ...]
    by_class: Mapping[str, tuple[float, ...]]

    def weights(self, context: pa.Table) -> Floats:
        """Weights (rows, members) by the row's demand_class."""
        names = sorted(self.by_class)
        table = np.array([*(self.by_class[name] for name in names), self.other], dtype=np.float64)
        known = pc.index_in(context.column("demand_class"), value_set=pa.array(names, type=pa.string()))
        return np.asarray(table[pc.fill_null(known, len(names)).to_numpy()], dtype=np.float64)


def to_artifact(members: Sequence[str], other: Floats, by_class: Mapping[str, Floats]) -> str:
    """JSON text of these weights; members without weight in any class are left out."""
    used = [int(index) for index in np.flatnonzero(np.vstack([other, *by_class.values()]).any(axis=0))]
    weights = {name: [round(float(value), 9) for value in row[used]] for name, row in by_class.items()}
    rest = [round(float(value), 9) for value in other[used]]
    return canonical_json({"members": [members[index] for index in used], "other": rest, "by_class": weights})


def from_artifact(artifact: str) -> ClassWeights:
    """The reverse of `to_artifact`."""
    stored = json.loads(artifact)
    by_class = {name: tuple(row) for name, row in stored["by_class"].items()}
    return ClassWeights(tuple(stored["members"]), tuple(stored["other"]), by_class)

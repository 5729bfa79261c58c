"""The quantile macros against numpy and scipy, and what they promise of values not seen before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from macro_harness import MacroHarness
from scipy import stats

QUICK = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
VALUES = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=60)
LEVELS = [step / 20 for step in range(1, 20)]
RANKED = """
    select
        fold,
        x,
        row_number() over (partition by fold order by x) as place,
        count(*) over (partition by fold) as places
    from given_values
"""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> MacroHarness:
    return MacroHarness(tmp_path_factory.mktemp("macros"))


def quantiles(harness: MacroHarness, frame: pd.DataFrame) -> np.ndarray:
    """Every level's quantile (columns) of the values x of each fold (rows, ascending)."""
    columns = ", ".join(harness.render("ranked_quantile", "x", "place", "places", level) for level in LEVELS)
    sql = f"select fold, {columns} from ({RANKED}) as ranked group by fold order by fold"
    return harness.query(sql, given_values=frame).to_numpy()[:, 1:]


@QUICK
@given(VALUES)
@example([3.0])
@example([0.1] * 7)
@example([2.0, 1.0])
def test_ranked_quantile_is_numpys_type_6(harness: MacroHarness, values: list[float]) -> None:
    found = quantiles(harness, pd.DataFrame({"fold": 0, "x": values}))[0]
    np.testing.assert_allclose(found, np.quantile(values, LEVELS, method="weibull"), rtol=1e-9, atol=1e-9)


def test_of_values_held_against_the_others_the_levels_share_lies_below(harness: MacroHarness) -> None:
    values = np.random.default_rng(1).lognormal(0, 2, 20)
    others = pd.DataFrame(
        [(fold, value) for fold in range(20) for index, value in enumerate(values) if index != fold],
        columns=["fold", "x"],
    )
    below = values[:, None] < quantiles(harness, others)
    np.testing.assert_allclose(below.mean(axis=0), LEVELS)


@pytest.mark.parametrize("level", LEVELS)
def test_quantile_of_sum_needs_ten_past_sums(harness: MacroHarness, level: float) -> None:
    def quantile(mean: str, sums: str) -> float:
        return float(harness.value(harness.render("quantile_of_sum", mean, "1.5e0", sums, level)))

    assert quantile("40.0e0", "10") == 60
    poisson = max(40 + stats.norm.ppf(level) * np.sqrt(40), 0)
    assert quantile("40.0e0", "9") == pytest.approx(poisson, abs=1e-4)
    assert quantile("40.0e0", "cast(null as bigint)") == pytest.approx(poisson, abs=1e-4)
    assert quantile("0.01e0", "0") >= 0

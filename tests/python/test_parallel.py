"""Linear algebra on one thread, and work in blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from trendhouse.parallel import in_blocks, one_thread


@pytest.fixture
def _two_threads() -> Iterator[None]:
    """Let linear algebra take two threads, whatever it took before."""
    with threadpool_limits(2, user_api="blas"):
        yield


def threads_now() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.usefixtures("_two_threads")
def test_linear_algebra_stays_on_one_thread() -> None:
    """Also when a block of another model is done: dbt runs several models in one process."""
    one_thread()
    list(in_blocks(abs, [1, 2], threads=2))
    assert threads_now() == {1}


@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_come_back_in_their_order(threads: int) -> None:
    blocks = [np.arange(start, start + 3) for start in range(0, 12, 3)]
    assert list(in_blocks(lambda block: int(block.sum()), blocks, threads)) == [3, 12, 21, 30]

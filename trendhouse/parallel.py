"""Work in blocks, on several threads, with the same result on any number of them."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, TypeVar

import scipy.linalg  # noqa: F401 - a library must be there to be found
from threadpoolctl import ThreadpoolController

Block = TypeVar("Block")
Result = TypeVar("Result")


@cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries of linear algebra that NumPy and SciPy brought along: finding them takes longer than many a product."""
    return ThreadpoolController().select(user_api="blas")


class _Inside:
    """How many are within `one_thread` now, in all threads of the process, and the limit that the first of them set.

    The number of threads of linear algebra belongs to the process: who leaves first must not give back what another still works under.
    """

    def __init__(self) -> None:
        self._lock, self._count = Lock(), 0
        self._limit: Any = None

    def enter(self) -> None:
        with self._lock:
            if self._count == 0:
                self._limit = _linear_algebra().limit(limits=1)
            self._count += 1

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                self._limit.restore_original_limits()


_inside = _Inside()


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, linear algebra takes one thread: how a sum is split over threads shows in its last digits."""
    _inside.enter()
    try:
        yield
    finally:
        _inside.leave()


def in_blocks(work: Callable[[Block], Result], blocks: Iterable[Block], threads: int) -> Iterator[Result]:
    """Results of the blocks, in their order.

    Linear algebra inside takes one thread; the blocks, which are the same however many threads there are, are what runs side by side.
    """
    with one_thread():
        if threads <= 1:
            yield from map(work, blocks)
        else:
            with ThreadPoolExecutor(threads) as pool:
                yield from pool.map(work, blocks)

"""Work in blocks, on several threads, with the same result on any number of them."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import scipy.linalg  # noqa: F401 - a library must be there to be found
from threadpoolctl import ThreadpoolController

Block = TypeVar("Block")
Result = TypeVar("Result")


@cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries of linear algebra that NumPy and SciPy brought along: finding them takes longer than many a product."""
    return ThreadpoolController().select(user_api="blas")


def one_thread() -> None:
    """Let linear algebra take one thread from here on: how a sum is split over threads shows in its last digits.

    The number belongs to the process, and dbt runs several models in one: whoever gave it back would take it from a model that still works.
    """
    for library in _linear_algebra().lib_controllers:
        library.set_num_threads(1)


def in_blocks(work: Callable[[Block], Result], blocks: Iterable[Block], threads: int) -> Iterator[Result]:
    """Results of the blocks, in their order.

    Linear algebra takes one thread; the blocks, which are the same however many threads there are, are what runs side by side.
    """
    one_thread()
    if threads <= 1:
        yield from map(work, blocks)
    else:
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(work, blocks)

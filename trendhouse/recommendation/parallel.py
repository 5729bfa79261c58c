"""Work in blocks, on several threads, with the same result on any number of them."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Block = TypeVar("Block")
Result = TypeVar("Result")


def one_thread() -> threadpool_limits:
    """Within it, linear algebra takes one thread: how a sum is split over threads shows in its last digits."""
    return threadpool_limits(limits=1, user_api="blas")


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

"""What is worked out once for all the blocks of customers that are asked about."""

from collections.abc import Callable
from typing import Generic, TypeVar

Source = TypeVar("Source")
Result = TypeVar("Result")


class ReadOnce(Generic[Source, Result]):
    """A function that keeps its last result, and gives it again for as long as it is asked about the same object."""

    def __init__(self, read: Callable[[Source], Result]) -> None:
        """The function, which depends on nothing but its argument."""
        self._read = read
        self._kept: tuple[Source, Result] | None = None

    def __call__(self, source: Source) -> Result:
        """The function's result for this object."""
        kept = self._kept
        if kept is None or kept[0] is not source:
            kept = self._kept = source, self._read(source)
        return kept[1]

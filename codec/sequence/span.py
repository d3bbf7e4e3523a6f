"""A view of some frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

Shown_co = TypeVar("Shown_co", covariant=True)


class Span(Sequence[Shown_co]):
    """What a slice of a video is: nothing is decoded before it is asked for, and nothing kept."""

    def __init__(self, make: Callable[[int], Shown_co], numbers: range) -> None:
        self._make, self._numbers = make, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, i: int) -> Shown_co: ...
    @overload
    def __getitem__(self, i: slice) -> Span[Shown_co]: ...

    def __getitem__(self, i: int | slice) -> Shown_co | Span[Shown_co]:
        """Raises IndexError."""
        if isinstance(i, slice):
            return Span(self._make, self._numbers[i])
        return self._make(self._numbers[i])

    def __iter__(self) -> Iterator[Shown_co]:
        return map(self._make, self._numbers)

    def __repr__(self) -> str:
        return f"Span({self._numbers})"

"""What a check is, and what it has at hand while it measures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import live_paths, read_picture
from codec.api import Codec

if TYPE_CHECKING:
    from codec.model.loaded import LoadedModel

_T = TypeVar("_T")


@dataclass(frozen=True)
class Check:
    """`about` is one line on what is measured, `minutes` the time on two cores, `measure` does it.

    `usual` is whether it runs where no check is named.
    """

    about: str
    minutes: float
    measure: Callable[[Run], None]
    usual: bool = False


@dataclass
class Run:
    """One check at work. `rows` are its figures for JSON, `missed` the limits that were not met.

    `chosen` are names of LIVE pictures, for the checks that go over those; `kept` is called after every row.
    """

    chosen: Sequence[str] = ()
    kept: Callable[[], None] = lambda: None
    rows: list[dict[str, Any]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @cached_property
    def codec(self) -> Codec:
        """Of this machine's CPU."""
        return Codec(device="cpu")

    @property
    def model(self) -> LoadedModel:
        """The packaged model."""
        return self.codec.load(self.codec.model_info.id)

    def pictures(self, usual: Sequence[str] = ()) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Name and pixels (H, W, 3) of the LIVE pictures chosen, else of the `usual` ones, else of all."""
        paths = {path.stem: path for path in live_paths()}
        for name in self.chosen or usual or paths:
            yield name, read_picture(paths[name])

    def row(self, row: Any, text: str = "") -> None:
        """Keep a dataclass of figures, and say `text`."""
        self.rows.append(asdict(row))
        self.kept()
        if text:
            self.say(text)

    def say(self, text: str) -> None:
        """A line for the user."""
        click.echo(f"  {text}")

    def hold(self, what: str, value: float, most: float, unit: str = "") -> None:
        """Say whether `value` is at most `most`."""
        self.expect(f"{what}{value:.3f}{unit} (at most {most:g}", value <= most)

    def expect(self, what: str, met: bool) -> None:
        """Say whether something held, and remember where it did not; `what` may have an open bracket."""
        self.say(f"{what}: {'met' if met else 'MISSED'}{')' * (what.count('(') - what.count(')'))}")
        if not met:
            self.missed.append(what)


def seconds_of(function: Callable[[], object], repeats: int, warm_up: int = 2) -> list[float]:
    """Wall seconds of each of `repeats` calls, after `warm_up` calls that do not count."""
    for _ in range(warm_up):
        function()
    return [timed(function)[1] for _ in range(repeats)]


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """The usual call."""
    return median(seconds_of(function, repeats))


def timed(function: Callable[[], _T]) -> tuple[_T, float]:
    """What a call gives, and its wall seconds."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def names_of_live() -> list[str]:
    """What `Run.chosen` may hold."""
    return [path.stem for path in live_paths()]

"""What the page needs to know where its "pictures" are sequences of frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.rd.records import Point

PICTURE_WORDS = {"one": "picture", "One": "Picture", "many": "pictures", "Many": "Pictures", "shown": "Pictures"}
SEQUENCE_WORDS = {"one": "sequence", "One": "Sequence", "many": "sequences", "Many": "Sequences", "shown": "Frames"}


@dataclass(frozen=True)
class Clips:
    """`anchor` is the id of the codec that BD-rates are first shown against, `frames_of` gives the frames of a point's
    sequence, and `sequence_and_frame` takes the name of a viewer's picture apart (ValueError: it is no frame's)."""

    anchor: str
    frames_of: Callable[[Point], int]
    sequence_and_frame: Callable[[str], tuple[str, int]]

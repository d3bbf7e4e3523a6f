"""Things worth telling the user that are no errors, as Python warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from bitstream.metadata import named


class WispNote(UserWarning):
    """A note: what was done to an input, or what is odd about a file that still decodes."""


def note(message: str) -> None:
    """Tell the caller, who may collect it with `warnings.catch_warnings`."""
    warnings.warn(message, WispNote, stacklevel=3)


def note_damaged(kinds: Iterable[str]) -> None:
    """Tell of metadata (names of Metadata's fields) that cannot be read."""
    warnings.warn(f"{named(kinds)} damaged and left out", WispNote, stacklevel=3)

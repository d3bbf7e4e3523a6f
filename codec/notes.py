"""Notes: Python warnings of what is no error."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from bitstream.metadata import named


class WispNote(UserWarning):
    """A warning of something that is no error: an input was converted, or a file is damaged and still decodes."""


def note(message: str) -> None:
    """Issue a note, which the caller may collect with `warnings.catch_warnings`."""
    warnings.warn(message, WispNote, stacklevel=3)


def note_damaged(kinds: Iterable[str]) -> None:
    """A note that metadata of these kinds (names of Metadata's fields) cannot be read."""
    warnings.warn(f"{named(kinds)} damaged and left out", WispNote, stacklevel=3)

"""Things worth telling the user that are no errors, as Python warnings."""

from __future__ import annotations

import warnings


class WispNote(UserWarning):
    """A note: what was done to an input, or what is odd about a file that still decodes."""


def note(message: str) -> None:
    """Tell the caller, who may collect it with `warnings.catch_warnings`."""
    warnings.warn(message, WispNote, stacklevel=3)

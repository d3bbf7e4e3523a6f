"""Restoring pictures in memory by the networks that a codec runs."""

from __future__ import annotations

from collections.abc import Iterator

from bitstream.sequence.audio import AudioPacket
from codec.coder import Coder
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture
from codec.restore.settings import Restoration
from codec.work.progress import Progress


def restored(coder: Coder, picture: Picture, wanted: Restoration, progress: Progress | None = None) -> Picture:
    """A picture without its noise, or in colour. Raises ModelNotFoundError, FileAccessError, ModelFileError."""
    with coder.working():
        from codec.restore.restorer import open_restorer

        return open_restorer(wanted, coder.runtime).still(picture, progress or Progress())


def restored_items(
    coder: Coder, items: Iterator[Frame | AudioPacket], wanted: Restoration
) -> Iterator[Frame | AudioPacket]:
    """The same of a video's frames. Sound passes through in its place. Raises as `restored`."""
    with coder.working():
        from codec.restore.restorer import open_restorer

        found = open_restorer(wanted, coder.runtime).clip(items)
    while True:
        with coder.working():
            item = next(found, None)
        if item is None:
            return
        yield item

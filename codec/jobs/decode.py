"""Decoding a `.wisp` file, whatever it holds, into a picture, a video, an animation or numbered pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING

from bitstream.errors import RequestError
from codec.api import Codec, default_codec
from codec.files.output import Writing
from codec.files.source import Source, opened
from codec.jobs.decode_picture import decode_picture
from codec.jobs.decode_video import decode_video
from codec.jobs.settings import DecodeOptions, DecodeReport, DecodeSettings
from codec.work.progress import FrameCount, Percent

if TYPE_CHECKING:
    from typing_extensions import Unpack

_OF_PICTURES = ("crop", "downscale", "output_quality", "strip")
_OF_SEQUENCES = ("video_codec", "crf", "preset", "rate", "chroma", "selection", "audio", "workers")


def decode_file(
    src: Source,
    dst: str | PathLike[str],
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
    codec: Codec | None = None,
    **settings: Unpack[DecodeOptions],
) -> DecodeReport:
    """Decode a `.wisp` file into the file `dst`, which appears when it is whole.

    Args:
        src: a path, binary file object or bytes.
        dst: a path; of a sequence also a folder for PNG pictures, or their pattern such as `frame-%05d.png`.
        overwrite: replace `dst` where it exists.
        progress: called with (done, total): frames of a sequence, where a `total` of 0 is not known; percent of a
            picture. What it raises ends the work, and nothing is written.
        codec: decodes; by default the one behind `decode`.
        settings: the fields of `DecodeSettings`: format, output_quality, crop, downscale, strip, video_codec, crf,
            preset, rate, chroma, selection, audio, salvage, fast, workers.

    Raises:
        As `decode`; OutputExistsError, FileAccessError; RequestError, ValueError: settings that do not fit the file,
        or each other.
    """
    chosen, writing, decoder = DecodeSettings(**settings), Writing(overwrite), codec or default_codec()
    target = os.fspath(dst)
    with opened(src) as source:
        if source.kind == "sequence":
            _check_unset(chosen, _OF_PICTURES, "is a sequence, and {} is for pictures")
            return decode_video(decoder, source, target, chosen, writing, progress=FrameCount(progress))
        _check_unset(chosen, _OF_SEQUENCES, "is no sequence, and {} is for sequences")
        return decode_picture(decoder, source, target, chosen, writing, progress=Percent(progress))


def _check_unset(settings: DecodeSettings, names: tuple[str, ...], words: str) -> None:
    """Raise RequestError for a setting that would change nothing."""
    usual = DecodeSettings()
    given = next((name for name in names if getattr(settings, name) != getattr(usual, name)), None)
    if given is not None:
        raise RequestError(words.format(given))

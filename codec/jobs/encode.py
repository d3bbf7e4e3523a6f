"""Encoding a file, whatever it holds: a picture becomes a picture, a video or an animation a sequence."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from os import PathLike
from typing import TYPE_CHECKING, Literal

from bitstream.errors import RequestError
from codec.api import Codec, default_codec
from codec.files.output import Writing
from codec.files.source import ByteSource, Source, opened
from codec.formats.sniff import SIGN_BYTES, VIDEO_ENDINGS, is_picture_head, is_video
from codec.jobs.encode_picture import encode_picture
from codec.jobs.encode_video import encode_video
from codec.jobs.selection import Selection
from codec.jobs.settings import EncodeReport, InputSettings
from codec.restore.settings import denoising
from codec.settings import DEFAULT_QUALITY, EncodeOptions, EncodeSettings
from codec.work.progress import FrameCount, Percent

if TYPE_CHECKING:
    from typing_extensions import Unpack


def encode_file(
    src: Source,
    dst: str | PathLike[str],
    quality: float = DEFAULT_QUALITY,
    *,
    target_bitrate: float | None = None,
    two_pass: bool = False,
    frame: int | None = None,
    selection: Selection | None = None,
    audio: bool = True,
    strip: Collection[str] = (),
    denoise: float | Literal["auto"] | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
    codec: Codec | None = None,
    **settings: Unpack[EncodeOptions],
) -> EncodeReport:
    """Encode a picture or video file into the `.wisp` file `dst`, which appears when it is whole.

    Args:
        src: a path, binary file object or bytes: a picture that Pillow reads, a video that FFmpeg reads, Y4M, or an
            animation (GIF, PNG, WebP, AVIF), which becomes a sequence as videos do.
        dst: a path.
        quality: 0..100; equal steps look like equal steps of PSNR.
        target_bitrate: of a video, 1000 bits a second to meet on average instead of the quality.
        two_pass: read the video twice to meet it more closely.
        frame: this one of an animation, counted from 0, as a picture.
        selection: which frames of a video, and how large.
        audio: keep the sound of a video.
        strip: kinds of metadata to leave out: "icc", "exif", "xmp".
        denoise: take noise out first: its standard deviation in levels of 0..255, or "auto", which estimates it.
        overwrite: replace `dst` where it exists.
        progress: called with (done, total): frames of a video, where a `total` of 0 is not known and the second of two
            passes begins at 0 again; percent of a picture. What it raises ends the work, and nothing is written.
        codec: encodes; by default the one behind `encode`.
        settings: the other fields of `EncodeSettings`: target (pictures only), lossless, exact, effort, tune, tile,
            regions.

    Raises:
        OutputExistsError, FileAccessError, LimitError, UnsupportedError, ExactnessError, TargetError;
        ModelNotFoundError: there is no denoiser;
        RequestError, ValueError, TypeError: settings that do not fit the input, or each other.
    """
    chosen, writing, coder = EncodeSettings(quality=quality, **settings), Writing(overwrite), codec or default_codec()
    reading = InputSettings(
        strip=frozenset(strip),
        frame=frame,
        selection=selection or Selection(),
        audio=audio,
        restoration=None if denoise is None else denoising(denoise),
    )
    target = os.fspath(dst)
    with opened(src) as source:
        if not becomes_sequence(source, reading):
            if target_bitrate is not None or selection is not None:
                raise RequestError("is a picture: a target bitrate and a selection of frames are for videos")
            return encode_picture(coder, source, target, chosen, reading, writing, progress=Percent(progress))
        return encode_video(
            coder,
            source,
            target,
            chosen,
            reading,
            writing,
            bitrate=target_bitrate,
            two_pass=two_pass,
            progress=FrameCount(progress),
        )


def becomes_sequence(source: ByteSource, reading: InputSettings) -> bool:
    """Whether an input is encoded as a sequence: as `reading` says, else by its content. A pipe may be read for it.

    What is named like a video and is no picture is read as a video, too, which says what is wrong with it. Raises
    RequestError where a `frame` is asked of what is no animation.
    """
    if reading.raw is not None:
        return True
    is_picture = is_picture_head(source.peek(SIGN_BYTES))
    named = source.path is not None and source.path.suffix.lower() in VIDEO_ENDINGS
    found = is_video(source) or (named and not is_picture)
    if found and reading.frame is not None and not is_picture:
        raise RequestError("is a video: one frame as a picture is taken out of animations only")
    return found and reading.frame is None

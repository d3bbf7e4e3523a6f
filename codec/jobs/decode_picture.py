"""`.wisp` file of a still picture -> picture file."""

from __future__ import annotations

import time

from bitstream.errors import RequestError
from codec.api import Codec
from codec.files.output import Writing
from codec.files.source import ByteSource, read_file
from codec.formats.pictures.save import PICTURE_FORMATS, downscaled, picture_format, save_picture
from codec.formats.video.write.sink import video_format
from codec.jobs.settings import DecodeReport, DecodeSettings
from codec.pixels.picture import Picture, cropped
from codec.still.salvage import DamagedTile
from codec.work.progress import Progress


def picture_kind(wanted: str | None, target: str) -> str:
    """The format of the output: as wanted, else by the target's ending, else PNG. Raises RequestError."""
    if wanted is not None:
        if wanted not in PICTURE_FORMATS:
            raise RequestError(f"is a still picture, which is written as {', '.join(PICTURE_FORMATS)}, not as {wanted}")
        return wanted
    kind = picture_format(target)
    if kind is None and video_format(target) is not None:
        raise RequestError(f"is a still picture, which is written as {', '.join(PICTURE_FORMATS)}, not into {target}")
    return kind or PICTURE_FORMATS[0]


def decode_picture(
    codec: Codec,
    source: ByteSource,
    target: str,
    settings: DecodeSettings,
    writing: Writing,
    *,
    progress: Progress | None = None,
) -> DecodeReport:
    """Decode a `.wisp` file or stream into the picture file `target`; "-" is standard output.

    Raises as `Codec.decode`; OutputExistsError, FileAccessError.
    """
    start = time.perf_counter()
    damaged: tuple[DamagedTile, ...] = ()
    without_detail: tuple[int, ...] = ()
    if settings.salvage:
        writing.check(target, source.path)
        picture, report = codec.salvage_picture(source, fast=settings.fast)
        kind = picture_kind(settings.format, target)
        picture, tiles, damaged, whole = cropped(picture, settings.crop), report.tiles, report.damaged, report.whole
        without_detail = report.without_detail
        decoded = tiles - len(damaged)
    else:
        still = read_file(source, preview=settings.preview)
        kind = picture_kind(settings.format, target)
        writing.check(target, source.path)
        result = codec.decode_still(
            still, crop=settings.crop, fast=settings.fast, preview=settings.preview, progress=progress
        )
        picture, tiles, whole = Picture(result.picture.pixels, still.metadata), len(still.units), True
        decoded = result.tiles_decoded
    picture = downscaled(picture.without(settings.strip), settings.downscale)
    data = save_picture(picture, kind, settings.output_quality)
    writing.write(target, data, source.path)
    return DecodeReport(
        size=picture.size,
        mode=picture.mode,
        seconds=time.perf_counter() - start,
        bytes=len(data),
        tiles=tiles,
        tiles_decoded=decoded,
        damaged=damaged,
        without_detail=without_detail,
        whole=whole,
    )

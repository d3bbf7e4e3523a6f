"""Files to files: what `wisp encode` and `wisp decode` do with each input."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from codec import DEFAULT_QUALITY
from codec.api import Codec, Crop
from codec.files.output import Buffer, check_output, times_of, write_output
from codec.files.source import read_file
from codec.formats.pictures.load import load_picture
from codec.formats.pictures.save import DEFAULT_OUTPUT_QUALITY, downscaled, save_picture
from codec.pixels.distortion import seen_ms_ssim
from codec.pixels.picture import Picture, cropped
from codec.rate.target import Target
from codec.still.salvage import DamagedTile
from codec.still.settings import StillSettings
from codec.work.progress import Progress
from codec.work.stages import collecting, stage


@dataclass(frozen=True)
class Writing:
    """How outputs are written: over what exists, with the times of the input, into folders that are missing."""

    overwrite: bool = False
    keep_times: bool = False
    make_folders: bool = False

    def check(self, target: str, source: Path | None) -> None:
        """See codec.files.output."""
        check_output(target, overwrite=self.overwrite, source=source, make_folders=self.make_folders)

    def write(self, target: str, data: Buffer, source: Path | None, *, read_back: bool = False) -> None:
        """See codec.files.output."""
        times = times_of(source) if self.keep_times and source is not None else None
        write_output(
            target,
            data,
            overwrite=self.overwrite,
            times=times,
            read_back=read_back,
            make_folders=self.make_folders,
        )


@dataclass(frozen=True)
class EncodeSettings:
    """As `Codec.encode` has them; `strip` names the kinds of metadata to leave out.

    `coding` is what `Codec.encode_picture` calls `settings`. `verify` decodes the file again and compares before
    it gets its name, `measure` wants the PSNR, `structure` the MS-SSIM with it.
    """

    quality: float = DEFAULT_QUALITY
    target: Target | None = None
    coding: StillSettings = field(default_factory=StillSettings)
    lossless: bool = False
    frame: int | None = None
    strip: frozenset[str] = frozenset()
    verify: bool = False
    measure: bool = False
    structure: bool = False


@dataclass(frozen=True)
class DecodeSettings:
    """`kind` is one of codec.formats.pictures.save.FORMATS, `output_quality` counts in its lossy ones."""

    kind: str = "png"
    output_quality: int = DEFAULT_OUTPUT_QUALITY
    crop: Crop | None = None
    downscale: int = 1
    salvage: bool = False
    strip: frozenset[str] = frozenset()


@dataclass(frozen=True)
class EncodeReport:
    """What was written: `psnr` in dB where it was measured, `seconds` of wall time, `stages` of it by name.

    `quality` (0..100) is what was asked for or found, None where every tile is lossless.
    """

    size: tuple[int, int]
    mode: str
    quality: float | None
    model_quality: float
    bytes: int
    tile: int
    tiles: int
    lossless_tiles: int
    psnr: float | None
    ms_ssim: float | None
    seconds: float
    stages: dict[str, float]

    @property
    def bpp(self) -> float:
        """Bits per pixel of the whole file."""
        return 8 * self.bytes / (self.size[0] * self.size[1])


@dataclass(frozen=True)
class DecodeReport:
    """What was written, and how many of the file's tiles were decoded for it; with salvage, what was damaged.

    `whole` is false where the file was damaged in any way.
    """

    size: tuple[int, int]
    mode: str
    bytes: int
    tiles: int
    tiles_decoded: int
    damaged: tuple[DamagedTile, ...]
    whole: bool
    seconds: float


def encode_file(
    codec: Codec,
    source: str | BinaryIO,
    target: str,
    settings: EncodeSettings,
    writing: Writing,
    progress: Progress | None = None,
) -> EncodeReport:
    """Picture file or stream -> `.wisp` file; `target` "-" is stdout. Raises as Codec.encode, OutputExistsError too."""
    start = time.perf_counter()
    path = Path(source) if isinstance(source, str) else None
    with collecting() as stages:
        with stage("reading"):
            picture = load_picture(source, frame=settings.frame).without(settings.strip)
        writing.check(target, path)
        encoded, trial = codec.encode_picture(
            picture,
            settings.quality,
            target=settings.target,
            settings=settings.coding,
            lossless=settings.lossless,
            trial=settings.verify or settings.measure,
            progress=progress,
        )
        with stage("writing"):
            writing.write(target, encoded.data, path, read_back=settings.verify)
    return EncodeReport(
        size=picture.size,
        mode=picture.mode,
        quality=codec.quality_of(encoded),
        model_quality=encoded.layout.header.quality / 256,
        bytes=len(encoded.data),
        tile=encoded.layout.header.tile,
        tiles=len(encoded.units),
        lossless_tiles=encoded.lossless_tiles,
        psnr=trial.psnr if trial is not None else None,
        ms_ssim=seen_ms_ssim(encoded.picture, trial.decoded) if trial is not None and settings.structure else None,
        seconds=time.perf_counter() - start,
        stages=stages,
    )


def decode_file(
    codec: Codec,
    source: str | BinaryIO,
    target: str,
    settings: DecodeSettings,
    writing: Writing,
    progress: Progress | None = None,
) -> DecodeReport:
    """`.wisp` file or stream -> picture file; `target` "-" is stdout. Raises as Codec.decode, OutputExistsError too."""
    start = time.perf_counter()
    path = Path(source) if isinstance(source, str) else None
    if settings.salvage:
        writing.check(target, path)
        saved = codec.salvage(source)
        picture, tiles, damaged, whole = cropped(saved.picture, settings.crop), saved.tiles, saved.damaged, saved.whole
        decoded = tiles - len(damaged)
    else:
        still = read_file(source)
        writing.check(target, path)
        result = codec.decode_still(still, crop=settings.crop, progress=progress)
        picture, tiles = Picture(result.picture.pixels, still.metadata), len(still.units)
        decoded, damaged, whole = result.tiles_decoded, (), True
    picture = downscaled(picture.without(settings.strip), settings.downscale)
    data = save_picture(picture, settings.kind, settings.output_quality)
    writing.write(target, data, path)
    seconds = time.perf_counter() - start
    return DecodeReport(picture.size, picture.mode, len(data), tiles, decoded, damaged, whole, seconds)

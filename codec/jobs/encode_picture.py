"""Picture file -> `.wisp` file."""

from __future__ import annotations

import time

from codec.api import Codec
from codec.files.output import Writing
from codec.files.source import ByteSource
from codec.formats.pictures.load import load_picture
from codec.jobs.settings import EncodeReport, InputSettings
from codec.pixels.distortion import seen_ms_ssim
from codec.restore.restore import restored
from codec.settings import EncodeSettings
from codec.work.progress import Progress
from codec.work.stages import collecting, stage


def encode_picture(
    codec: Codec,
    source: ByteSource,
    target: str,
    settings: EncodeSettings,
    reading: InputSettings,
    writing: Writing,
    *,
    verify: bool = False,
    measure: bool = False,
    ms_ssim: bool = False,
    progress: Progress | None = None,
) -> EncodeReport:
    """Encode a picture file or stream into the file `target`; "-" is standard output.

    `verify` decodes the file again and compares before it gets its name, `measure` wants the PSNR, `ms_ssim` the
    MS-SSIM, too. Raises as `Codec.encode`; OutputExistsError, FileAccessError.
    """
    start = time.perf_counter()
    with collecting() as stages:
        with stage("reading"):
            picture = load_picture(source, frame=reading.frame).without(reading.strip)
        writing.check(target, source.path)
        if reading.restoration is not None:
            with stage("restoring"):
                picture = restored(codec, picture, reading.restoration)
        compare = verify or measure
        coded = codec.encode_picture(picture, settings, keep_latents=compare, progress=progress)
        trial = codec.try_out(coded) if compare else None
        with stage("writing"):
            writing.write(target, coded.data, source.path, read_back=verify)
    quality = codec.quality_of(coded)
    return EncodeReport(
        size=picture.size,
        mode=picture.mode,
        bytes=len(coded.data),
        seconds=time.perf_counter() - start,
        stages=stages,
        quality=quality,
        model_quality=coded.layout.header.quality / 256,
        tile=coded.layout.header.tile,
        tiles=len(coded.units),
        lossless_tiles=coded.lossless_tiles,
        psnr=None if trial is None else trial.psnr,
        ms_ssim=seen_ms_ssim(picture, trial.decoded) if trial is not None and ms_ssim else None,
    )

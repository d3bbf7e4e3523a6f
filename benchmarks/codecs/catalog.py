"""All codecs of the benchmark, in the order of reports. Building them imports none of their libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.codecs.aom import Aom
from benchmarks.codecs.avif import Avif
from benchmarks.codecs.compressai_models import CompressAiModel
from benchmarks.codecs.heic import Heic
from benchmarks.codecs.interface import ImageCodec, VideoCodec
from benchmarks.codecs.jpeg import Jpeg
from benchmarks.codecs.jpeg2000 import Jpeg2000
from benchmarks.codecs.jpegli import Jpegli
from benchmarks.codecs.jpegxl import JpegXl
from benchmarks.codecs.mozjpeg import MozJpeg
from benchmarks.codecs.one_frame import OneFrame
from benchmarks.codecs.pyav_codec import PyAvCodec
from benchmarks.codecs.svtav1 import SvtAv1, SvtAv1Still
from benchmarks.codecs.vp9 import Vp9
from benchmarks.codecs.vvc import VtmIntra, VvencIntra
from benchmarks.codecs.webp import WebP
from benchmarks.codecs.wisp import Wisp, WispVideo
from benchmarks.codecs.x264 import X264
from benchmarks.codecs.x265 import X265, X265Still
from codec.training.compressai_package import QUALITIES


def catalog(
    *,
    efforts: Sequence[int] = (1, 4),
    precision: str = "auto",
    model: str | None = None,
    compressai_weights: Path | None = None,
) -> dict[str, ImageCodec]:
    """Codecs of pictures by their ids; none is opened yet.

    Args:
        efforts: of Wisp, 1..9, a codec each.
        precision: of Wisp's pixel path, as `wisp encode --precision` takes it.
        model: a Wisp model file or id; None for the packaged one.
        compressai_weights: a folder of CompressAI's checkpoints; None for the cache of torch.hub.
    """
    codecs: tuple[ImageCodec, ...] = (
        Jpeg("4:2:0"),
        Jpeg("4:4:4"),
        MozJpeg(),
        Jpegli(),
        WebP(),
        Jpeg2000(),
        Avif(),
        Avif("psnr"),
        JpegXl(),
        Heic(),
        OneFrame(X265Still()),
        OneFrame(SvtAv1Still()),
        VvencIntra(),
        VtmIntra(),
        *(CompressAiModel(name, compressai_weights) for name in QUALITIES),
        *(Wisp(effort, precision=precision, model=model) for effort in dict.fromkeys(efforts)),
    )
    return {codec.id: codec for codec in codecs}


# Encoder, preset, whether it is among the usual ones, and the quick ones.
_PRESETS: tuple[tuple[type[PyAvCodec], str, bool, bool], ...] = (
    (X264, "veryfast", True, False),
    (X264, "medium", True, True),
    (X264, "veryslow", False, False),
    (X265, "fast", True, True),
    (X265, "medium", True, False),
    (X265, "slow", False, False),
    (SvtAv1, "8", True, True),
    (SvtAv1, "5", True, False),
    (SvtAv1, "3", False, False),
    (Vp9, "4", True, True),
    (Vp9, "2", True, False),
    (Vp9, "1", False, False),
    (Aom, "6", True, True),
    (Aom, "4", True, False),
    (Aom, "2", False, False),
)


def video_catalog() -> dict[str, VideoCodec]:
    """Codecs of clips by their ids; none is opened yet.

    Each encoder comes at three presets, with prediction and all intra. Two of the three take part unless others are
    named, and one of them with --quick.
    """
    made: list[VideoCodec] = [
        kind(preset, intra=intra, usual=usual, quick=quick)
        for kind, preset, usual, quick in _PRESETS
        for intra in (False, True)
    ]
    return {codec.id: codec for codec in (*made, WispVideo())}

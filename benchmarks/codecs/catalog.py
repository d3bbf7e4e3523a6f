"""All codecs of the benchmark, in the order of reports. Building them imports none of their libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.codecs.avif import Avif
from benchmarks.codecs.compressai_models import MODELS, CompressAiModel
from benchmarks.codecs.heic import Heic
from benchmarks.codecs.interface import ImageCodec
from benchmarks.codecs.intra_video import SvtAv1Intra, X265Intra
from benchmarks.codecs.jpeg import Jpeg
from benchmarks.codecs.jpeg2000 import Jpeg2000
from benchmarks.codecs.jpegli import Jpegli
from benchmarks.codecs.jpegxl import JpegXl
from benchmarks.codecs.mozjpeg import MozJpeg
from benchmarks.codecs.vvc import VtmIntra, VvencIntra
from benchmarks.codecs.webp import WebP
from benchmarks.codecs.wisp import Wisp


def catalog(
    *,
    efforts: Sequence[int] = (1, 4),
    precision: str = "auto",
    model: str | None = None,
    compressai_weights: Path | None = None,
) -> dict[str, ImageCodec]:
    """The codecs by their ids; none is opened yet.

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
        X265Intra(),
        SvtAv1Intra(),
        VvencIntra(),
        VtmIntra(),
        *(CompressAiModel(name, compressai_weights) for name in MODELS),
        *(Wisp(effort, precision=precision, model=model) for effort in dict.fromkeys(efforts)),
    )
    return {codec.id: codec for codec in codecs}

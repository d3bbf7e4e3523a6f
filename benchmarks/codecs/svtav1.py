"""AV1 by SVT-AV1."""

from __future__ import annotations

import os
from typing import ClassVar

from benchmarks.codecs.pyav_codec import PyAvCodec, library_version


class SvtAv1(PyAvCodec):
    """Its own tuning, which is for PSNR. CRF 1..63, whole numbers. Decoded by dav1d."""

    family, called = "svtav1", "SVT-AV1"
    before_preset = ("p", "preset ")
    ending = "obu"
    encoder, decoder, container = "libsvtav1", "libdav1d", "obu"
    sweep = (62, 54, 45, 35, 25, 14)
    intra_sweep: ClassVar[tuple[float, ...]] = (60, 52, 44, 34, 24, 14)

    def open(self, threads: int) -> None:
        """As PyAvCodec; SVT-AV1 is told to log errors only, which it otherwise does not do through FFmpeg."""
        os.environ.setdefault("SVT_LOG", "1")
        super().open(threads)

    def settings(self, preset: str) -> dict[str, str]:
        """See PyAvCodec."""
        return {"preset": preset}

    def quiet(self) -> dict[str, str]:
        """SVT-AV1's level of parallelism, which does not change the bytes."""
        return {"svtav1-params": f"lp={max(self._threads, 1)}"}

    def encoder_version(self) -> str:
        """Of the library."""
        return f"SVT-AV1 {library_version('libSvtAv1Enc')}"


class SvtAv1Still(SvtAv1):
    """For pictures: the encoder's still-picture mode (avif=1), which saves 2 % on three LIVE pictures; preset 2 would
    save 3.3 % for more than twice the time."""

    least_side = 4
    intra_sweep = (58, 52, 46, 40, 33, 26, 18, 12, 7, 3)

    def __init__(self) -> None:
        super().__init__("4", intra=True)
        self.id, self.title = "svtav1-intra", "AV1 intra by SVT-AV1, 4:2:0"
        self.options = {"preset": 4, "svtav1-params": "avif=1"}

    def quiet(self) -> dict[str, str]:
        """See SvtAv1."""
        return {"svtav1-params": f"avif=1:lp={max(self._threads, 1)}"}

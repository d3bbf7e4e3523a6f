"""AV1 by SVT-AV1."""

from __future__ import annotations

import os

from benchmarks.video.pyav_codec import PyAvCodec, library_version


class SvtAv1(PyAvCodec):
    """Its own tuning, which is for PSNR. CRF 1..63, whole numbers. Decoded by dav1d."""

    family, called = "svtav1", "SVT-AV1"
    before_preset = ("p", "preset ")
    ending = "obu"
    encoder, decoder, container = "libsvtav1", "libdav1d", "obu"
    sweep, intra_sweep = (62, 54, 45, 35, 25, 14), (60, 52, 44, 34, 24, 14)

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

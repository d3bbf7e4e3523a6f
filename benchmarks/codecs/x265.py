"""HEVC by x265."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.codecs.pyav_codec import PyAvCodec
from benchmarks.raw import Layout


class X265(PyAvCodec):
    """Tuned for PSNR. CRF 0..51, any number. The note about its settings is left out of the stream (info=0)."""

    family, called = "x265", "x265"
    ending = "hevc"
    encoder, decoder, container = "libx265", "hevc", "hevc"
    step = 0.25
    least_side = 64  # with prediction x265 4.2 ends the process at 48 x 32
    sweep = (45, 39, 33, 27, 21, 16)
    intra_sweep: ClassVar[tuple[float, ...]] = (38, 32, 27, 22, 17, 12)

    def settings(self, preset: str) -> dict[str, str]:
        """See PyAvCodec."""
        return {"preset": preset, "tune": "psnr", "x265-params": "info=0"}

    def quiet(self) -> dict[str, str]:
        """x265's pool of threads; one frame at a time, which is the same bytes on any machine."""
        return {"x265-params": f"log-level=none:info=0:pools={max(self._threads, 1)}:frame-threads=1"}

    def encoder_version(self) -> str:
        """As x265 writes it into its streams when it may."""
        noted = {"x265-params": "log-level=none:info=1:pools=1:frame-threads=1"}
        return "x265 " + self.told_in_stream(rb"x265 \(build \d+\) - ([\w.+-]+)", noted)


class X265Still(X265):
    """For pictures: 4:4:4. On three LIVE pictures medium needs 3.6 % more bits of the same PSNR than slow, and
    "slower" 0.3 % less."""

    layout: Layout = "yuv444p"
    least_side = 16
    intra_sweep = (51, 46, 42, 38, 34, 30, 26, 22, 19)

    def __init__(self) -> None:
        super().__init__("slow", intra=True)
        self.id, self.title = "x265-intra", "HEVC intra by x265, 4:4:4"
        self.options = {"preset": "slow", "tune": "psnr", "x265-params": "info=0:keyint=1"}

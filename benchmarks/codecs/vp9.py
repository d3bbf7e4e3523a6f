"""VP9 by libvpx."""

from __future__ import annotations

from benchmarks.codecs.pyav_codec import PyAvCodec, library_version


class Vp9(PyAvCodec):
    """Constant quality (no bitrate beside the CRF), deadline "good". CRF 0..63, whole numbers."""

    family, called = "vp9", "VP9"
    before_preset = ("cpu", "cpu-used ")
    ending = "ivf"
    encoder, decoder, container = "libvpx-vp9", "vp9", "ivf"
    sweep, intra_sweep = (62, 54, 45, 36, 26, 16), (63, 60, 54, 46, 38, 28)

    def settings(self, preset: str) -> dict[str, str]:
        """See PyAvCodec."""
        return {"deadline": "good", "cpu-used": preset, "b": "0"}

    def encoder_version(self) -> str:
        """Of the library's interface: the library does not tell its own."""
        return f"libvpx.so.{library_version('libvpx')}"

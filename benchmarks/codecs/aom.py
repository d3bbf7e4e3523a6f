"""AV1 by libaom, where PyAV has it: its wheels do not."""

from __future__ import annotations

from benchmarks.codecs.pyav_codec import PyAvCodec, library_version


class Aom(PyAvCodec):
    """Constant quality (no bitrate beside the CRF), usage "good". CRF 0..63, whole numbers. Decoded by dav1d."""

    family, called = "aom", "libaom"
    before_preset = ("cpu", "cpu-used ")
    ending = "obu"
    encoder, decoder, container = "libaom-av1", "libdav1d", "obu"
    remedy = "build PyAV against an FFmpeg that has libaom: pip install --no-binary av av"
    sweep, intra_sweep = (62, 54, 45, 36, 26, 16), (62, 56, 48, 40, 30, 20)

    def settings(self, preset: str) -> dict[str, str]:
        """See PyAvCodec."""
        return {"usage": "good", "cpu-used": preset, "b": "0"}

    def encoder_version(self) -> str:
        """Of the library."""
        return f"libaom.so.{library_version('libaom')}"

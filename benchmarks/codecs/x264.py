"""H.264 by x264."""

from __future__ import annotations

from benchmarks.codecs.pyav_codec import PyAvCodec


class X264(PyAvCodec):
    """Tuned for PSNR, which its psychovisual defaults harm. CRF 0..51, any number.

    The note about its settings that x264 puts into the stream (two thirds of a kilobyte) is taken out, as x265's is.
    """

    family, called = "x264", "x264"
    ending = "264"
    encoder, decoder, container = "libx264", "h264", "h264"
    filters = "filter_units=remove_types=6"  # supplemental enhancement information
    step = 0.25
    sweep, intra_sweep = (45, 39, 33, 27, 21, 16), (38, 32, 27, 22, 17, 12)

    def settings(self, preset: str) -> dict[str, str]:
        """See PyAvCodec."""
        return {"preset": preset, "tune": "psnr"}

    def encoder_version(self) -> str:
        """As x264 writes it into its streams."""
        return "x264 core " + self.told_in_stream(rb"x264 - core (\d+(?: r\d+[ \w]*)?)", {})

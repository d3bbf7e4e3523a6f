"""JPEG 2000 by OpenJPEG: the irreversible 9-7 wavelet and colour transform, 4:4:4."""

from __future__ import annotations

from benchmarks.codecs.pillow_format import PillowFormat


class Jpeg2000(PillowFormat):
    """The quality is the PSNR in dB that one layer is cut to, so every picture of a sweep gets about the same one.

    Rates instead of decibels give the same curve of a picture, but would spend on an easy picture what a hard one
    needs, which no other codec of the comparison does.
    """

    id = "jpeg2000"
    title = "JPEG 2000"
    ending = "jp2"
    kind = "JPEG2000"
    feature = "jpg_2000"
    library = "OpenJPEG"
    qualities = (23, 25, 27, 29, 31, 33, 35, 37, 39, 42)

    def __init__(self) -> None:
        self.options = {"irreversible": True, "mct": 1, "quality_mode": "dB"}

    def settings(self, quality: float) -> dict[str, object]:
        """One layer."""
        return {"quality_layers": [quality]}

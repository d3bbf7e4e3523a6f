"""Which files of a folder look like pictures: by their ending, for many files in a folder are none."""

from __future__ import annotations

from PIL import Image

_NO_PICTURES = {"BUFR", "GRIB", "HDF5", "MPEG", "PALM", "PDF"}  # Pillow knows the endings, but makes no pixels of them


def picture_endings() -> frozenset[str]:
    """The endings (with the dot, small letters) of the formats that Pillow reads, `.wisp` left out."""
    endings = {ending for ending, kind in Image.registered_extensions().items() if kind not in _NO_PICTURES}
    return frozenset(endings - {".wisp"})

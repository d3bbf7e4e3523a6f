"""The matrices of YCbCr that are converted, by their numbers in table 4 of ITU-T H.273."""

from __future__ import annotations

_BT709, _BT601 = 1, 6
_HD_LINES = 720
SWSCALE = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}  # number of H.273 -> libswscale's


def assumed_matrix(lines: int) -> int:
    """The one that players take for a picture of so many lines where none is stated."""
    return _BT709 if lines >= _HD_LINES else _BT601

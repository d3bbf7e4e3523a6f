"""Lossy WebP by libwebp at its most thorough setting."""

from __future__ import annotations

from benchmarks.codecs.pillow_format import PillowFormat


class WebP(PillowFormat):
    """4:2:0, as the lossy format always is. Quality 0..100, whole numbers; Pillow has no option for threads."""

    id = "webp"
    title = "WebP"
    ending = "webp"
    kind = "WEBP"
    feature = "webp"
    library = "libwebp"
    qualities = (0, 5, 10, 20, 40, 60, 75, 85, 92, 97)

    def __init__(self) -> None:
        self.options = {"method": 6}

    def settings(self, quality: float) -> dict[str, object]:
        """The quality."""
        return {"quality": round(quality)}

"""AVIF by libavif and libaom, as Pillow writes it: 4:2:0, 8 bits, speed 6."""

from __future__ import annotations

import PIL
from PIL import features

from benchmarks.codecs.pillow_format import PillowFormat


class Avif(PillowFormat):
    """Quality 0..100, whole numbers. `tune` is libaom's: None for what libavif chooses, or "psnr".

    Row-based threading, which libavif turns on for more than one thread, changes the bytes a little (0.1 %); it stays
    off, so that they do not depend on the number of threads.
    """

    ending = "avif"
    kind = "AVIF"
    feature = "avif"
    library = "libavif"
    qualities = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90)

    def __init__(self, tune: str | None = None) -> None:
        self.id = "avif" if tune is None else f"avif-{tune}"
        self.title = "AVIF" if tune is None else f"AVIF, tuned for {tune.upper()}"
        advanced = {"row-mt": "0", **({} if tune is None else {"tune": tune})}
        self.options = {"subsampling": "4:2:0", "speed": 6, "advanced": advanced}

    @property
    def version(self) -> str:
        """libavif's, those of the codecs inside it, and Pillow's."""
        from PIL import _avif

        codecs = _avif.codec_versions()  # "dav1d [dec]:1.5.3, aom [enc]:3.14.1"; Pillow's `features` does not tell
        return f"libavif {features.version('avif')}, {codecs}, Pillow {PIL.__version__}"

    def settings(self, quality: float) -> dict[str, object]:
        """The quality."""
        return {"quality": round(quality)}

    def _speed(self) -> dict[str, object]:
        return {"max_threads": self._threads}

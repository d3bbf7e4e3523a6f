"""SSIMULACRA 2: libjxl's program where it is on the PATH, else the package ssimulacra2.

Both give the same measure, not the same number: where the Gaussian reaches beyond the picture libjxl takes zeros on
all sides, the package mirrors at two of them. Over the pictures of LIVE, as JPEG of Pillow's quality 10, 30, 60 and
90, the package read 3.6, 1.3, 0.6 and 0.1 lower than libjxl 0.11 in the mean, and at most 6.2, 2.6, 1.2 and 0.7 apart.
So `version` says which one it was, and the numbers of one are not to be compared with those of the other. The package
takes about 520 bytes of memory a pixel.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.metadata import version

from PIL import Image

from benchmarks.codecs.interface import AbsentError
from benchmarks.measures.padding import at_least
from benchmarks.measures.programs import LEAST_SIDE, find_program
from benchmarks.raw import Pixels

REMEDY = (
    "apt install libjxl-devtools (Debian 13 or newer), libjxl's release archive on the PATH, or pip install ssimulacra2"
)


def open_ssimulacra2() -> tuple[str, Callable[[Pixels, Pixels], float]]:
    """Version and function. Raises AbsentError where there is neither the program nor the package."""
    try:
        program = find_program("ssimulacra2", REMEDY)
    except AbsentError as absent:
        try:
            import ssimulacra2  # noqa: F401
        except ImportError as error:
            raise AbsentError(f"{absent.reason}, the package {error.name} not installed", REMEDY) from error
        told = f"package ssimulacra2 {version('ssimulacra2')}, lower than libjxl's"
        return told, ssimulacra2_by_package
    return program.version, program.compare


def ssimulacra2_by_package(reference: Pixels, shown: Pixels) -> float:
    """SSIMULACRA 2 (Sneyers, Cloudinary 2022), at most 100 where they are equal, of two pictures (H, W, 3) uint8.

    A side below LEAST_SIDE is replicated up to it.
    """
    from ssimulacra2 import compute_ssimulacra2

    return float(compute_ssimulacra2(*(_as_file(at_least(pixels, LEAST_SIDE)) for pixels in (reference, shown))))


def _as_file(pixels: Pixels) -> io.BytesIO:
    """What the package reads: it takes files only, and Pillow opens those in memory too."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "ppm")
    buffer.seek(0)
    return buffer

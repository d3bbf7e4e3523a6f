"""Do tile borders show? `python -m benchmarks.seams`.

Every LIVE picture is coded with tiles of 256 pixels and of 1024. The error in the bands of 8 pixels on either side of
the 256-pixel borders is compared with the error of the same bands under 1024, where no border is (or another one).
Exits with 1 where a picture's ratio is above the limit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import live_paths, read_picture
from codec.api import Codec

SMALL_TILE, LARGE_TILE = 256, 1024
BAND = 8  # pixels on either side of a border
MOST = 1.05
QUALITIES = (30.0, 75.0)


@dataclass(frozen=True)
class Seam:
    """One picture at one quality: error in the bands with small tiles over that with large ones."""

    picture: str
    quality: float
    absolute: float
    squared: float

    @property
    def worst(self) -> float:
        return max(self.absolute, self.squared)


def bands(height: int, width: int) -> NDArray[np.bool_]:
    """(height, width): within BAND pixels of a border between small tiles."""
    near = [np.zeros(length, bool) for length in (height, width)]
    for marks in near:
        for border in range(SMALL_TILE, len(marks), SMALL_TILE):
            marks[border - BAND : border + BAND] = True
    return near[0][:, None] | near[1][None, :]


def measure_seam(codec: Codec, name: str, picture: NDArray[np.uint8], quality: float) -> Seam:
    """`picture` (H, W, 3) uint8 coded with either tile size."""
    mask = bands(*picture.shape[:2])
    errors = []
    for tile in (SMALL_TILE, LARGE_TILE):
        decoded = codec.decode_array(codec.encode(picture, quality, tile=tile))
        errors.append(decoded[mask].astype(np.float64) - picture[mask])
    small, large = errors
    return Seam(
        name, quality, float(abs(small).mean() / abs(large).mean()), float((small**2).mean() / (large**2).mean())
    )


def measure_seams(codec: Codec, qualities: Sequence[float] = QUALITIES) -> list[Seam]:
    """All LIVE pictures."""
    return [
        measure_seam(codec, path.stem, read_picture(path), quality) for path in live_paths() for quality in qualities
    ]


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for every figure.")
def main(output: Path | None) -> None:
    """Compare the error at tile borders with the error where there is none."""
    seams = measure_seams(Codec())
    for seam in seams:
        click.echo(f"{seam.picture:<18} q{seam.quality:<4g} absolute {seam.absolute:.3f} squared {seam.squared:.3f}")
    worst = max(seams, key=lambda seam: seam.worst)
    mean = np.mean([seam.squared for seam in seams])
    click.echo(f"worst {worst.worst:.3f} ({worst.picture} at {worst.quality:g}), mean of squared {mean:.4f}")
    if output is not None:
        output.write_text(json.dumps([asdict(seam) for seam in seams], indent=1) + "\n")
    raise SystemExit(1 if worst.worst > MOST else 0)


if __name__ == "__main__":
    main()

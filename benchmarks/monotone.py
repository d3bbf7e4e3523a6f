"""Does size and PSNR rise with every step of quality, on every LIVE picture? `python -m benchmarks.monotone`.

A long sweep: 101 qualities x 29 pictures, encoded and decoded. Prints a line a picture and exits with 1 where
a step does not rise.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.datasets import live_paths, read_picture
from benchmarks.measures import psnr
from codec.api import Codec


@dataclass(frozen=True)
class Sweep:
    """Bytes and PSNR in dB of one picture at each of `qualities`."""

    picture: str
    qualities: list[float]
    bytes: list[int]
    psnr: list[float]

    def falls(self) -> list[float]:
        """The qualities at which size or PSNR does not rise."""
        rising = (np.diff(self.bytes) > 0) & (np.diff(self.psnr) > 0)
        return [q for q, rises in zip(self.qualities[1:], rising, strict=True) if not rises]


def sweep(codec: Codec, path: Path, qualities: list[float]) -> Sweep:
    """Encode and decode one picture at every quality."""
    picture = read_picture(path)
    sizes, distances = [], []
    for quality in qualities:
        data = codec.encode(picture, quality)
        sizes.append(len(data))
        distances.append(psnr(codec.decode_array(data), picture))
    return Sweep(path.stem, qualities, sizes, distances)


@click.command()
@click.option("--step", default=1, show_default=True, help="Every how many-th quality.")
@click.option("--output", type=click.Path(path_type=Path), help="A JSON Lines file for every point.")
def main(step: int, output: Path | None) -> None:
    """Sweep the quality over the LIVE pictures."""
    codec, failed, lines = Codec(), 0, []
    for path in live_paths():
        result = sweep(codec, path, [float(q) for q in range(0, 101, step)])
        falls = result.falls()
        failed += bool(falls)
        lines.append(json.dumps(asdict(result)))
        least = (min(np.diff(result.bytes)), min(np.diff(result.psnr)))
        click.echo(f"{path.stem:<18} smallest step {least[0]:4d} bytes {least[1]:+.4f} dB  {falls or ''}")
        if output is not None:
            output.write_text("\n".join(lines) + "\n")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()

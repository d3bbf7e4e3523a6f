"""What meeting a target costs, and how well it is met: `python -m benchmarks.targets [--picture NAME ...]`.

Every LIVE picture is encoded to sizes and PSNRs that it reaches, timed against a plain encode of the same
quality. Some ten minutes on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import click

from benchmarks.datasets import LIVE, live_paths, read_picture
from codec.api import Codec
from codec.choices import TargetKind
from codec.model.quality import to_model_quality
from codec.pixels.picture import Picture
from codec.rate.control import encode_to_target
from codec.rate.target import Target
from codec.still.check import try_out
from codec.still.encode import encode_still
from codec.still.settings import StillSettings
from codec.work.progress import Progress

QUALITIES = (10.0, 35.0, 60.0, 85.0)  # where the targets come from
MOST = 5  # times a plain encode


@dataclass(frozen=True)
class TargetRow:
    """One picture and target: how far within (1 = all of the size, dB above the PSNR), seconds against plain ones."""

    picture: str
    kind: TargetKind
    value: float
    reached: float
    met: bool
    seconds: float
    plain_seconds: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.plain_seconds


def measure_targets(codec: Codec, name: str) -> Iterator[TargetRow]:
    """Sizes and PSNRs a little off those of four qualities."""
    model, settings = codec.load(codec.model_info.id), StillSettings()
    picture = Picture(read_picture(LIVE / f"{name}.png"))
    for quality in QUALITIES:
        steps = to_model_quality(model.file.quality_curve, quality)
        plain_seconds = min(_timed(codec, picture, steps, settings) for _ in range(2))
        plain = encode_still(model, picture, steps, settings)
        psnr = try_out(plain, codec.load).psnr
        wanted: list[tuple[TargetKind, float]] = [("size", len(plain.data) * 1.013 // 1), ("psnr", round(psnr, 1))]
        for kind, value in wanted:
            target = Target(kind, value)
            start = time.perf_counter()
            encoded = encode_to_target(model, picture, target, settings, Progress())
            seconds = time.perf_counter() - start
            if kind == "size":
                reached = len(encoded.data) / value
                met = 0.98 <= reached <= 1
            else:
                reached = try_out(encoded, codec.load).psnr - value
                met = 0 <= reached <= 0.05
            yield TargetRow(name, kind, value, reached, met, seconds, plain_seconds)


def _timed(codec: Codec, picture: Picture, steps: int, settings: StillSettings) -> float:
    start = time.perf_counter()
    encode_still(codec.load(codec.model_info.id), picture, steps, settings)
    return time.perf_counter() - start


@click.command()
@click.option("--picture", "pictures", multiple=True, help="LIVE pictures; all of them if not said.")
@click.option("--verbose", is_flag=True, help="Every target.")
def main(pictures: tuple[str, ...], verbose: bool) -> None:
    """Measure targets."""
    codec = Codec(device="cpu")
    names = pictures or tuple(Path(path).stem for path in live_paths())
    next(measure_targets(codec, names[0]))  # what is slower the first time
    rows = [row for name in names for row in measure_targets(codec, name)]
    for row in rows if verbose else ():
        click.echo(f"{row.picture} {row.kind} {row.value:g}: {row.reached:.4f}, {row.ratio:.1f} times, met: {row.met}")
    for kind in ("size", "psnr"):
        chosen = [row for row in rows if row.kind == kind]
        ratios = [row.ratio for row in chosen]
        within = sum(ratio <= MOST for ratio in ratios)
        click.echo(
            f"{kind}: {sum(row.met for row in chosen)} of {len(chosen)} met; times a plain encode: median"
            f" {median(ratios):.1f}, mean {mean(ratios):.1f}, most {max(ratios):.1f}; {within} within {MOST}"
        )


if __name__ == "__main__":
    main()

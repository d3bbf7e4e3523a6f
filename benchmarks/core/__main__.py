"""The core's size, speed and precision on this machine: `python -m benchmarks.core [PART ...]`.

Without PART everything is measured (some five minutes on two cores). Figures are printed with the limit that
they are held against, and written as JSON with --output.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.core.precision import MOST_DB, measure_precision
from benchmarks.core.processes import MOST_COLD_SECONDS, measure_cold_start, measure_large
from benchmarks.core.size import MOST_BYTES, MOST_RELATIVE, measure_sizes
from benchmarks.core.speed import MOST, measure_speed
from benchmarks.core.video import HEIGHT, SEEKS, WIDTH, measure_video
from codec.api import Codec


def _verdict(value: float, most: float) -> str:
    return f"{value:.3f} (at most {most:g}: {'met' if value <= most else 'MISSED'})"


def report_size() -> Any:
    rows = list(measure_sizes(Codec()))
    worst = max(rows, key=lambda row: row.bytes - row.estimate * (1 + MOST_RELATIVE))
    mean = sum(row.bytes / row.estimate for row in rows) / len(rows)
    click.echo(f"size: {sum(row.within for row in rows)} of {len(rows)} files within the estimate")
    click.echo(f"  + {MOST_RELATIVE:.1%} + {MOST_BYTES} bytes; bytes over estimate: mean {mean:.4f}, worst excess")
    click.echo(f"  {worst.bytes - worst.estimate:+.0f} bytes of {worst.bytes} ({worst.picture} at {worst.quality:g})")
    return [asdict(row) for row in rows]


def report_speed() -> Any:
    result = measure_speed(Codec(device="cpu"))
    rates = f"{result.rates.fp32 / 1e9:.0f} GMAC/s fp32, {result.rates.bf16 / 1e9:.0f} bf16"
    click.echo(f"speed: {result.size[0]}x{result.size[1]}, {result.precision}, {result.threads} threads, {rates}")
    for name in ("encode", "decode"):
        seconds, floor = getattr(result, name), getattr(result, f"{name}_floor")
        click.echo(f"  {name} {seconds * 1e3:.0f} ms, floor {floor * 1e3:.0f} ms: {_verdict(seconds / floor, MOST)}")
    for stage, seconds in result.stages.items():
        click.echo(f"    {stage:<15}{seconds * 1e3:7.1f} ms")
    return asdict(result)


def report_precision() -> Any:
    rows = measure_precision()
    click.echo("precision: LIVE means, bf16 against fp32")
    for row in rows:
        cost, size = _verdict(row.cost, MOST_DB), row.bytes_bf16 / row.bytes_fp32 - 1
        click.echo(f"  quality {row.quality:g}: {row.psnr_fp32:.3f} dB, costs {cost} dB, size {size:+.3%}")
    return [asdict(row) for row in rows]


def report_cold() -> Any:
    cold = measure_cold_start()
    click.echo(f"cold: import torch {cold.import_torch:.2f} s, wisp info {cold.info:.2f} s, decode of a thumbnail")
    click.echo(f"  {cold.decode_thumbnail:.2f} s, above torch: {_verdict(cold.above_torch, MOST_COLD_SECONDS)} s")
    return asdict(cold)


def report_large() -> Any:
    encode, decode = measure_large()
    click.echo("large: 4096x4096 as whole processes")
    for name, run in (("encode", encode), ("decode", decode)):
        click.echo(f"  {name} {run.seconds:.1f} s, peak memory {run.peak_mib:.0f} MiB")
    return {"encode": asdict(encode), "decode": asdict(decode)}


def report_video() -> Any:
    result = measure_video(Codec(device="cpu"))
    click.echo(f"video: {result.frames} frames of {WIDTH}x{HEIGHT}, {result.bytes} bytes, {result.precision},")
    click.echo(f"  {result.threads} threads, decode {result.workers} frames side by side")
    for name in ("encode", "decode"):
        seconds, floor = getattr(result, name), getattr(result, f"{name}_floor")
        ratio = _verdict(seconds / floor, MOST)
        click.echo(
            f"  {name} {seconds * 1e3:.0f} ms a frame ({1 / seconds:.1f} fps), floor {floor * 1e3:.0f} ms: {ratio}"
        )
    click.echo(f"  latents equal: {result.latents_equal}, pixels equal at equal threads: {result.pixels_equal},")
    click.echo(f"  side by side at most {result.apart} apart (limit 1)")
    click.echo(f"  seeks equal: {result.seeks_equal} of {SEEKS}, with the tail cut off {result.seeks_without_tail}")
    return asdict(result)


PARTS: dict[str, Callable[[], Any]] = {
    "size": report_size,
    "speed": report_speed,
    "precision": report_precision,
    "cold": report_cold,
    "large": report_large,
    "video": report_video,
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for every figure.")
def main(parts: tuple[str, ...], output: Path | None) -> None:
    """Measure PARTS of the core, or all of it."""
    results: dict[str, Any] = {
        "machine": {"processor": platform.processor() or platform.machine(), "system": platform.platform()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    for part in parts or PARTS:
        results[part] = PARTS[part]()
    if output is not None:
        output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

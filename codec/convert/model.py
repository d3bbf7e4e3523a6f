"""The converter: quantise, prove, fit tables and curve, write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from codec.convert.checkpoint import read_checkpoint
from codec.convert.crops import read_crops
from codec.convert.curve import fit_curve, mean_psnr, sample_qualities
from codec.convert.frequencies import SymbolCounter, fit_tables, held_out_saving
from codec.convert.precision import Arrays, choose_pixel_path
from codec.convert.quantise import quantise_prior
from codec.exact.bounds import prove_exact
from codec.exact.known_answer import known_answer
from codec.exact.prior import ExactPrior
from codec.model.config import ModelConfig
from codec.model.file import ModelFile, ModelInfo, write_model_file
from codec.model.loaded import LoadedModel, Runtime
from codec.still.trial import emit

Report = Callable[[str], None]


def convert(
    checkpoint: Path,
    output: Path,
    crops: str,
    *,
    name: str,
    skip_below: int = 1,
    table_crops: int = 1200,
    curve_crops: int = 64,
    curve_points: int = 43,
    report: Report = lambda line: None,
) -> ModelInfo:
    """Turn a training checkpoint into a model file.

    `crops` is a glob of tar files of training pictures; `skip_below` is T; `report` takes lines of progress.
    Raises ModelFileError (not a checkpoint, exactness cannot be proved) or FileAccessError.
    """
    source = read_checkpoint(checkpoint)
    exact = quantise_prior(source.config, source.prior())
    report(f"worst accumulator: {prove_exact(source.config, exact):.3f} of 2**24")
    prior = ExactPrior(source.config, exact, torch.device("cpu"), torch.float64)
    exact["known_answer"] = np.frombuffer(known_answer(prior), np.uint8)
    load = lambda pixel: _in_memory(source.config, skip_below, {**exact, **pixel})  # noqa: E731
    sample = read_crops(crops, 16, photographs=True)
    pixel, cost = choose_pixel_path(source.pixel_path(), load, sample)
    report(f"pixel path: {next(iter(pixel.values())).dtype} (fp16 costs {cost:+.3f} % BD-rate)")
    model = load(pixel)
    tables = _fit_all_tables(model, read_crops(crops, table_crops), report)
    points = sample_qualities(curve_points)
    psnr = mean_psnr(model, read_crops(crops, curve_crops, photographs=True), points)
    report("PSNR by quality: " + " ".join(f"{q / 256:g}:{p:.2f}" for q, p in zip(points, psnr, strict=True)))
    tensors: Arrays = {**exact, **pixel, **tables, "quality_curve": fit_curve(points, psnr)}
    return write_model_file(output, name, source.config, skip_below, tensors)


def _in_memory(config: ModelConfig, skip_below: int, tensors: Arrays) -> LoadedModel:
    info = ModelInfo(Path("(in memory)"), "0" * 16, "in memory", config, skip_below)
    return LoadedModel(ModelFile(info, tensors), Runtime.resolve("auto", "auto", "auto"))


def _fit_all_tables(model: LoadedModel, crops: list[NDArray[np.uint8]], report: Report) -> Arrays:
    """Symbols of every crop at two qualities, all of them coded (T = 0), in two halves."""
    everything = model.coding_everything()
    halves = (SymbolCounter(), SymbolCounter())
    qualities = sample_qualities(2 * len(crops))
    for i, crop in enumerate(crops):
        for quality in (qualities[i], qualities[len(crops) + (i * 7919) % len(crops)]):
            emit(everything, crop, quality, halves[i % 2])
    saving = held_out_saving(halves)
    report(f"fitted tables save {saving['y']:.2%} (y) and {saving['z']:.2%} (z) on held-out symbols")
    return {**fit_tables(halves, "y"), **fit_tables(halves, "z")}

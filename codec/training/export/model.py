"""The converter: quantise, prove, fit tables and curve, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import FileAccessError, ModelFileError
from codec.exact.bounds import prove_exact
from codec.exact.known_answer import known_answer
from codec.exact.prior import ExactPrior
from codec.exact.tensors import WEIGHT_MAX
from codec.files.output import Writing
from codec.model.config import ModelConfig
from codec.model.file import ModelFile, ModelInfo, read_model_file, write_model_file
from codec.model.loaded import LoadedModel, Runtime
from codec.still.trial import emit
from codec.training.data.draws import middle
from codec.training.data.sources import Entry, find_pictures, read_pictures, spread
from codec.training.export.checkpoint import read_checkpoint
from codec.training.export.curve import fit_curve, mean_psnr, sample_qualities
from codec.training.export.frequencies import SymbolCounter, fit_tables, held_out_saving
from codec.training.export.precision import Arrays, choose_pixel_path, stored
from codec.training.export.quantise import quantise_prior
from codec.training.run import Run

_MIDDLE = 384  # pixels a side: more of a picture tells the tables no more
_PRECISION_CROPS = 8
Report = Callable[[str], None]


def export_model(
    source: Path,
    output: Path,
    data: Sequence[Path] = (),
    *,
    name: str | None = None,
    skip_below: int = 1,
    table_crops: int = 400,
    curve_crops: int = 8,
    curve_points: int = 22,
    overwrite: bool = False,
    report: Report = lambda line: None,
) -> ModelInfo:
    """Make the model file of a run's folder, or of a file of weights with their configuration.

    Args:
        data: folders, tar files and pictures that the tables are fitted to, never test pictures; those that a run
            was trained on where there are none.
        name: of the model; the stem of `output` if there is none.
        skip_below: T of FORMAT.md: scale indices below are not coded.
        table_crops, curve_crops: pictures that the frequency tables and the quality curve are fitted to, at most.
        curve_points: qualities at which the curve is measured.
        report: takes lines of progress.

    Raises ModelFileError (no weights of an image network, exactness cannot be proved), FileAccessError (something
    cannot be read, no pictures), OutputExistsError.
    """
    Writing(overwrite).check(str(output), source)
    weights, data = _found(source, data)
    checkpoint = read_checkpoint(weights)
    prior_weights = checkpoint.prior()
    _refuse_large(prior_weights)
    exact = quantise_prior(checkpoint.config, prior_weights)
    report(f"worst accumulator: {prove_exact(checkpoint.config, exact):.3f} of 2**24")
    prior = ExactPrior(checkpoint.config, exact, torch.device("cpu"), torch.float64)
    exact["known_answer"] = np.frombuffer(known_answer(prior), np.uint8)
    pictures = find_pictures(data)
    photographs = [entry for entry in pictures if entry.is_photograph] or pictures
    load = lambda pixel: _in_memory(checkpoint.config, skip_below, {**exact, **pixel})  # noqa: E731
    pixel, cost = choose_pixel_path(checkpoint.pixel_path(), load, middles(photographs, _PRECISION_CROPS))
    report(f"pixel path: {next(iter(pixel.values())).dtype} (fp16 costs {cost:+.3f} % BD-rate)")
    model = load(pixel)
    tables = _fit_all_tables(model, middles(pictures, table_crops), report)
    points = sample_qualities(curve_points)
    psnr = mean_psnr(model, middles(photographs, curve_crops), points)
    report("PSNR by quality: " + " ".join(f"{q / 256:g}:{p:.2f}" for q, p in zip(points, psnr, strict=True)))
    tensors: Arrays = {**exact, **pixel, **tables, "quality_curve": fit_curve(points, psnr)}
    return write_model_file(output, name or output.stem, checkpoint.config, skip_below, tensors, overwrite=overwrite)


def export_decoder(source: Path, base: Path, output: Path, *, name: str, overwrite: bool = False) -> ModelInfo:
    """Make a model file that differs from the model file `base` in its synthesis alone, which `source` (weights) has.

    Entropy path, tables and quality curve are those of `base`: it makes the same latents, and the same of them.
    Raises ModelFileError, FileAccessError, OutputExistsError.
    """
    checkpoint, file = read_checkpoint(source), read_model_file(base)
    if checkpoint.config != file.info.config:
        raise ModelFileError(f"{source} and model {file.info.name} differ in their configuration")
    synthesis = {n: t for n, t in checkpoint.pixel_path().items() if n.startswith("synthesis.")}
    tensors: Arrays = {**file.tensors, **stored(synthesis, torch.float16)}
    return write_model_file(output, name, file.info.config, file.info.skip_below, tensors, overwrite=overwrite)


def _found(source: Path, data: Sequence[Path]) -> tuple[Path, Sequence[Path]]:
    """The weights, and the pictures to fit to."""
    if not source.is_dir():
        if not data:
            raise FileAccessError("the tables are fitted to pictures: say where they are")
        return source, data
    run = Run.open(source)
    return run.best(), data or run.sources()


def middles(entries: Sequence[Entry], count: int) -> list[NDArray[np.uint8]]:
    """The middle of `count` pictures spread evenly over all, at most _MIDDLE pixels a side. Raises FileAccessError."""
    found = [middle(pixels, _MIDDLE) for _, pixels in read_pictures(spread(entries, count))]
    if not found:
        raise FileAccessError("none of the pictures can be read")
    return found


def _refuse_large(prior: Mapping[str, Tensor]) -> None:
    """What 8 bits cannot hold at any shift would be cut off without a word."""
    for name, tensor in prior.items():
        if name.endswith(".weight") and float(tensor.abs().max()) >= WEIGHT_MAX + 0.5:
            layer, largest = name.removesuffix(".weight"), float(tensor.abs().max())
            raise ModelFileError(f"layer {layer}: a weight of {largest:.4g} is too large: 8 bits hold {WEIGHT_MAX}")


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

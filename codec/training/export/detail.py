"""Making the file of a detail layer from the weights of a run that trained its prior."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from bitstream.errors import ModelFileError
from bitstream.rangecoder import SymbolSink
from codec.detail.coding import emit_details
from codec.detail.pixels import coefficients_of
from codec.detail.prior import ExactDetailPrior, detail_known_answer
from codec.detail.transform import nearest_code
from codec.exact.bounds import prove_detail_exact
from codec.files.output import Writing
from codec.model.config import DetailConfig
from codec.model.container import read_metadata
from codec.model.detail import Arrays, DetailFile, DetailInfo, write_detail_file
from codec.model.file import read_model_file
from codec.model.loaded import LoadedDetail, LoadedModel, Runtime
from codec.still.entropy import base_of, quality_row
from codec.still.pixel_path import synthesise
from codec.still.trial import NoSink, emit_tile
from codec.training.data.sources import find_pictures
from codec.training.export.checkpoint import weights_of
from codec.training.export.frequencies import SymbolCounter, fit_tables, gaussian_tables, held_out_saving
from codec.training.export.model import middles
from codec.training.export.quantise import quantise_detail
from codec.training.run import Run
from codec.training.start import path_of

_QUALITIES = (24.0, 52.0)  # of the base, where detail is worth its bits
_STEPS = (2.5, 35.0)  # levels
_TURN = 0.618  # by which qualities and steps go through their ranges beside each other
_SKIP_BELOW = 1


# Rows of level, base quality and step code. On crops that no part was trained on a base of 41 to 52 of 63 is the best
# within 0.1 dB from the first row on, the higher one for the finer steps; below it the base alone is.
_LEVELS = np.array([(41, 41, -640), (43.5, 43.2, -400), (50, 46.5, -176), (63, 52, 200)]) * [256, 256, 1]


def is_detail(source: Path) -> bool:
    """Whether the weights of a run's folder, or of a file, are those of a detail layer's prior."""
    try:
        return "detail" in read_metadata(weights_of(source))
    except ModelFileError:
        return False


def export_detail(
    source: Path,
    output: Path,
    data: Sequence[Path] = (),
    *,
    name: str | None = None,
    table_crops: int = 200,
    overwrite: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> DetailInfo:
    """Make the file of a detail layer: integers instead of weights, proved, and tables fitted to pictures.

    Args:
        source: a run's folder.
        data: pictures that the tables are fitted to, never test pictures; those of the run where there are none.
        name: of the layer; the stem of `output` if there is none.
        table_crops: pictures that the tables are fitted to, at most.
        report: takes lines of progress.

    Raises ModelFileError (weights of another kind, exactness cannot be proved), FileAccessError, OutputExistsError.
    """
    Writing(overwrite).check(str(output), source)
    with safe_open(weights_of(source), framework="pt") as file:
        kept = json.loads((file.metadata() or {}).get("detail", "{}"))
        weights = {str(key): file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 - not a mapping
    if not kept:
        raise ModelFileError(f"{source}: its weights are not those of a detail layer")
    model = LoadedModel(read_model_file(path_of(kept["base"])), Runtime.resolve("auto", "auto", "auto"))
    config = DetailConfig(model.config.cp, model.config.cy, kept["channels"], kept["blocks"])
    exact: Arrays = quantise_detail(config, weights)
    report(f"worst accumulator: {prove_detail_exact(config, exact):.3f} of 2**24")
    answer = detail_known_answer(ExactDetailPrior(config, exact, torch.device("cpu"), torch.float64))
    exact = {**exact, "known_answer": np.frombuffer(answer, np.uint8)}
    crops = middles(find_pictures(data or Run.open(source).sources()), table_crops)
    tables = _fitted(model, config, {**exact, **gaussian_tables("detail")}, crops, report)
    tensors = {**exact, **tables, "levels": _LEVELS.astype(np.int32), "quality_curve": _curve(model.file.quality_curve)}
    return write_detail_file(
        output, name or output.stem, model.info.id, config, _SKIP_BELOW, tensors, overwrite=overwrite
    )


def _fitted(
    model: LoadedModel,
    config: DetailConfig,
    tensors: Arrays,
    crops: Sequence[NDArray[np.uint8]],
    report: Callable[[str], None],
) -> Arrays:
    """Tables fitted to the symbols of every crop at one quality and step, all of them coded, in two halves."""
    info = DetailInfo(Path("(in memory)"), "0" * 16, "in memory", model.info.id, config, 0)
    layer = LoadedDetail(DetailFile(info, tensors), model.runtime)
    halves = (SymbolCounter(), SymbolCounter())
    for i, crop in enumerate(crops):
        share = (i + 0.5) / len(crops)
        quality = _QUALITIES[0] + (i * _TURN % 1) * (_QUALITIES[1] - _QUALITIES[0])
        step = _STEPS[0] * math.exp(share * math.log(_STEPS[1] / _STEPS[0]))
        _emit(model, layer, crop, round(quality * 256), nearest_code(step), halves[i % 2])
    report(f"fitted tables save {held_out_saving(halves)['detail']:.2%} on held-out symbols")
    return dict(fit_tables(halves, "detail"))


def _emit(
    model: LoadedModel, layer: LoadedDetail, crop: NDArray[np.uint8], quality: int, code: int, sink: SymbolSink
) -> None:
    """Hand the symbols of what a crop's base leaves to `sink`; the crop is one tile."""
    crop = crop[: len(crop) // 64 * 64, : crop.shape[1] // 64 * 64]
    tile = emit_tile(model, crop, quality, NoSink())
    height, width = tile.y16.shape[1:]
    shown = synthesise(model, tile.y16[None], torch.tensor(quality, device="cpu"), crop.shape[1], crop.shape[0])
    left = coefficients_of(np.subtract(crop, shown, dtype=np.float32), height, width, model.runtime.device)
    base = base_of(model, [tile.latent], [quality_row(quality)], height, width)
    emit_details(layer, base, left, [code], [sink])


def _curve(base: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Qualities 0..100 as levels: those of the base alone as they were, then evenly up to the last."""
    first, last = int(_LEVELS[0, 0]), int(_LEVELS[-1, 0])
    kept = int(np.searchsorted(base, first))
    rest = np.linspace(first, last, len(base) - kept)
    return np.concatenate([base[:kept], rest.round()]).astype(np.uint16)

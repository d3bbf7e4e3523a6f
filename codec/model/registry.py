"""Finding model files by id: those in the package, then $WISP_MODEL_PATH, then a file named by the caller."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import ModelFileError, ModelNotFoundError, WispError
from codec.model import detail, synthesis
from codec.model.container import read_metadata
from codec.model.detail import DetailFile, DetailInfo, detail_info, read_detail_file
from codec.model.file import (
    ModelFile,
    ModelInfo,
    model_info,
    read_model_file,
    read_model_info,
    read_quality_curve,
)
from codec.model.quality import Point, level_of, to_user_quality
from codec.model.synthesis import SynthesisFile, SynthesisInfo, read_synthesis_file, synthesis_info
from codec.restore.config import FORMAT as RESTORE_FORMAT

PACKAGED = Path(__file__).parent.parent / "weights"
DEFAULT_MODEL = "image-v1"
SEARCH_VARIABLE = "WISP_MODEL_PATH"  # folders or files, separated as in PATH
SUFFIX = ".safetensors"
_SUFFIXES = (SUFFIX, ".model")  # of the files of a folder that may be models


def candidate_files(extra: Path | None = None) -> Iterator[Path]:
    """Every file that may be a model's, in order of search."""
    yield from sorted(PACKAGED.glob(f"*{SUFFIX}"))
    for entry in filter(None, os.environ.get(SEARCH_VARIABLE, "").split(os.pathsep)):
        yield from _files_at(Path(entry))
    if extra is not None:
        yield extra


def _files_at(place: Path) -> list[Path]:
    """Those of a folder; what is none as it is."""
    try:
        return sorted(path for path in place.iterdir() if path.suffix in _SUFFIXES) if place.is_dir() else [place]
    except OSError:  # whoever opens it will say why
        return [place]


def list_models(extra: Path | None = None) -> tuple[list[ModelInfo], list[WispError]]:
    """-> the models found, the errors of files that are none; fast syntheses and restorers are passed over."""
    found: list[ModelInfo] = []
    errors: list[WispError] = []
    for path in candidate_files(extra):
        try:
            metadata = read_metadata(path)
            if path == extra or metadata.get("format") not in (synthesis.FORMAT, detail.FORMAT, RESTORE_FORMAT):
                found.append(model_info(path, metadata))
        except WispError as error:
            errors.append(error)
    return found, errors


def list_syntheses(extra: Path | None = None) -> list[SynthesisInfo]:
    """The fast syntheses found, those beside the file `extra` included; other files are passed over."""
    found = []
    beside = () if extra is None else _files_at(extra.parent)
    for path in (*candidate_files(), *beside):
        with suppress(WispError):
            metadata = read_metadata(path)
            if metadata.get("format") == synthesis.FORMAT:
                found.append(synthesis_info(path, metadata))
    return found


def details_of(model: ModelInfo, extra: Path | None = None) -> list[DetailInfo]:
    """The detail layers of `model`, those beside the file `extra` included."""
    found: list[DetailInfo] = []
    beside = () if extra is None else _files_at(extra.parent)
    for path in (*candidate_files(), *beside):
        with suppress(WispError):
            metadata = read_metadata(path)
            if metadata.get("format") == detail.FORMAT and (info := detail_info(path, metadata)).model == model.id:
                found.append(info)
    return found


def load_synthesis(model: ModelInfo, extra: Path | None = None) -> SynthesisFile:
    """The first fast synthesis for the latents of `model`. Raises ModelNotFoundError, ModelFileError."""
    chosen = next((info for info in list_syntheses(extra) if info.model == model.id), None)
    if chosen is None:
        raise ModelNotFoundError(
            f"model {model.id} has no fast synthesis here: put its file in ${SEARCH_VARIABLE}, or decode without it"
        )
    if chosen.config.cy != model.config.cy:
        raise ModelFileError(
            f"fast synthesis {chosen.path} takes {chosen.config.cy} channels, model {model.id} has {model.config.cy}"
        )
    return read_synthesis_file(chosen.path)


def find_model(identity: str, extra: Path | None = None) -> ModelInfo:
    """The first model of this id (16 hexadecimal digits). Raises ModelNotFoundError, naming the id."""
    if extra is not None:
        read_model_info(extra)  # a file named on purpose must be right, needed or not
    found, errors = list_models(extra)
    for info in found:
        if info.id == identity:
            return info
    aside = f"; {len(errors)} model files there could not be read" if errors else ""
    raise ModelNotFoundError(
        f"needs model {identity}, which is not here: name its file, or put it in ${SEARCH_VARIABLE}{aside}"
    )


def default_model(extra: Path | None = None) -> ModelInfo:
    """The model to encode with: `extra` where given, else the packaged one."""
    return read_model_info(extra if extra is not None else PACKAGED / f"{DEFAULT_MODEL}{SUFFIX}")


def known_quality(
    identity: str, steps: int, extra: Path | None = None, detail: tuple[str, int] | None = None
) -> float | None:
    """The user's quality 0..100 of a model's, in steps of 1/256; None where the model is not here.

    `detail` is the id of a detail layer and a step code, where the picture has detail.
    """
    try:
        if detail is not None:
            layer = _layer(identity, detail[0], extra)
            return to_user_quality(layer.quality_curve, level_of(layer.levels, Point(steps, detail[1])))
        return to_user_quality(_curve(identity, extra), steps)
    except ModelNotFoundError:  # which is not remembered: it may come
        return None


@lru_cache(maxsize=4)
def _curve(identity: str, extra: Path | None) -> NDArray[np.uint16]:
    return read_quality_curve(find_model(identity, extra).path)


@lru_cache(maxsize=4)
def _layer(identity: str, detail: str, extra: Path | None) -> DetailFile:
    found = next((info for info in details_of(find_model(identity, extra), extra) if info.id == detail), None)
    if found is None:
        raise ModelNotFoundError(f"needs detail layer {detail} of model {identity}: it is not here")
    return read_detail_file(found.path)


def load_model_file(path: Path) -> ModelFile:
    """`read_model_file`, remembered for the process until another model lies at `path`."""
    return _remembered(path, read_model_info(path).id)


@lru_cache(maxsize=4)
def _remembered(path: Path, _: str) -> ModelFile:
    return read_model_file(path)

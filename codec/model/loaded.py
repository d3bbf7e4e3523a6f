"""A model in memory on one device: networks, entropy path (known answer checked), tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bitstream.errors import ExactnessError, ModelFileError, ModelNotFoundError, UnsupportedError
from bitstream.rangecoder import TableSets
from bitstream.tables import Table, unpack_tables
from codec.detail.prior import ExactDetailPrior, detail_known_answer
from codec.exact.known_answer import known_answer
from codec.exact.prior import ExactPrior
from codec.model.detail import DetailFile, DetailInfo, read_detail_file
from codec.model.file import ModelFile
from codec.model.quality import Point, point_at
from codec.model.synthesis import SynthesisFile
from codec.network.transforms import Analysis, HyperAnalysis, Synthesis, set_precision
from codec.work.choices import Device, EntropyDtype, Precision, check_choice
from codec.work.forks import ForkLock

DTYPES = {"fp32": torch.float32, "fp64": torch.float64, "bf16": torch.bfloat16}
Transform = TypeVar("Transform", bound=nn.Module)
Part = TypeVar("Part")


@dataclass(frozen=True)
class Runtime:
    """Where and how a model runs: `precision` of the pixel path, dtype of the entropy path."""

    device: torch.device
    precision: Literal["fp32", "bf16"]
    entropy_dtype: EntropyDtype

    @classmethod
    def resolve(cls, device: Device, precision: Precision, entropy_dtype: EntropyDtype) -> Runtime:
        """Settle what is `auto`.

        Raises ValueError for a word that is no choice, UnsupportedError for a device that is not here.
        """
        for value, choices in ((device, Device), (precision, Precision), (entropy_dtype, EntropyDtype)):
            check_choice(value, choices)
        if device == "cuda" and not torch.cuda.is_available():
            raise UnsupportedError("device cuda is not available here")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if precision == "auto":
            precision = "bf16" if _has_fast_bf16(device) else "fp32"
        return cls(torch.device(device), precision, entropy_dtype)


def _has_fast_bf16(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # there is no public one
    return bool(probe and probe())


class _built_once(Generic[Part]):  # noqa: N801 - a decorator
    """A part of a model that is built when first needed, by one thread, for which the others wait."""

    def __init__(self, build: Callable[[Any], Part]) -> None:
        self._build, self.__doc__ = build, build.__doc__

    def __get__(self, model: LoadedModel | LoadedDetail, _: type[LoadedModel | LoadedDetail]) -> Part:
        with model.building:
            parts, name = model.__dict__, self._build.__name__  # where it is looked for first from then on
            if name not in parts:
                parts[name] = self._build(model)
            part: Part = parts[name]
            return part


class LoadedModel:
    """The parts of a model are built when first needed: a decoder never builds the analysis.

    With `fast`, that file's synthesis takes the place of the model's own; all else is the model's. `details` are the
    files of its detail layers, the one to encode with first.
    """

    def __init__(
        self,
        file: ModelFile,
        runtime: Runtime,
        fast: SynthesisFile | None = None,
        details: Sequence[DetailInfo] = (),
    ) -> None:
        self.file, self.info, self.config, self.runtime = file, file.info, file.info.config, runtime
        self._fast, self._details, self._loaded_details = fast, details, dict[str, LoadedDetail]()
        self.building = ForkLock()

    def coding_everything(self) -> LoadedModel:
        """The same model with T = 0, as the entropy estimate of a network has it: no symbol is skipped."""
        return LoadedModel(replace(self.file, info=replace(self.info, skip_below=0)), self.runtime)

    def detail(self, identity: str) -> LoadedDetail:
        """The detail layer of this id (16 hexadecimal digits). Raises ModelNotFoundError, ModelFileError."""
        with self.building:
            if identity not in self._loaded_details:
                info = next((info for info in self._details if info.id == identity), None)
                if info is None:
                    raise ModelNotFoundError(f"needs detail layer {identity} of model {self.info.id}: it is not here")
                self._loaded_details[identity] = LoadedDetail(read_detail_file(info.path), self.runtime)
            return self._loaded_details[identity]

    def point_at(self, level: int) -> Point:
        """How a tile of a level 0..16128 is coded: by the base alone, or with detail where this model has that."""
        return Point(level) if self.own_detail is None else point_at(self.own_detail.file.levels, level)

    @property
    def quality_curve(self) -> NDArray[np.uint16]:
        """(101,): the level for the user's 0..100."""
        return (self.own_detail or self).file.quality_curve

    @property
    def own_detail(self) -> LoadedDetail | None:
        """The detail layer to encode with; None where the model has none."""
        return self.detail(self._details[0].id) if self._details else None

    @_built_once
    def analysis(self) -> Analysis:
        return self._transform(Analysis(self.config), "analysis.", self.file)

    @_built_once
    def synthesis(self) -> Synthesis:
        fast = self._fast
        if fast is None:
            return self._transform(Synthesis(self.config), "synthesis.", self.file)
        return self._transform(Synthesis(fast.info.config, fast.info.before), "synthesis.", fast)

    @property
    def synthesis_halo(self) -> int:
        """Latents that a pixel's value depends on beyond its own."""
        return (self.config if self._fast is None else self._fast.info.config).synthesis_halo

    @_built_once
    def hyper_analysis(self) -> HyperAnalysis:
        return self._transform(HyperAnalysis(self.config), "hyper_analysis.", self.file)

    @_built_once
    def tables(self) -> TableSets:
        """Frequency tables of hyper-latent and latent."""
        return {"z": self._tables("z"), "y": self._tables("y")}

    @_built_once
    def z_table_index(self) -> NDArray[np.uint8]:
        """(64, cz): table of each hyper-latent channel by quality row."""
        return self.file.tensors["z.table_index"].astype(np.uint8)

    @_built_once
    def prior(self) -> ExactPrior:
        """The entropy path in the wanted dtype; `auto` falls back to fp64 where fp32 fails the known answer."""
        build = partial(ExactPrior, self.config, self.file.tensors, self.runtime.device)
        return _proved(build, known_answer, self.file, self.runtime)

    @property
    def entropy_dtype(self) -> str:
        """`fp32` or `fp64`: what the entropy path really runs in."""
        return "fp64" if self.prior.dtype == torch.float64 else "fp32"

    def _tables(self, kind: str) -> list[Table]:
        return _unpacked(self.file.tensors, kind)

    def _transform(self, transform: Transform, prefix: str, file: ModelFile | SynthesisFile) -> Transform:
        state = {
            name.removeprefix(prefix): torch.from_numpy(tensor.astype(np.float32))
            for name, tensor in file.tensors.items()
            if name.startswith(prefix)
        }
        for name, wanted in transform.state_dict().items():
            if name not in state or state[name].shape != wanted.shape:
                raise ModelFileError(f"model file {file.info.path}: {prefix}{name} is missing or misshapen")
        with torch.inference_mode(False):  # else gradients could never pass through it
            state = {name: tensor.clone() if tensor.is_inference() else tensor for name, tensor in state.items()}
        transform.load_state_dict(state, assign=True)
        transform.requires_grad_(False)
        transform.to(self.runtime.device)
        set_precision(transform, DTYPES[self.runtime.precision])
        return transform


class LoadedDetail:
    """A detail layer in memory: its prior (known answer checked) and tables, built when first needed."""

    def __init__(self, file: DetailFile, runtime: Runtime) -> None:
        self.file, self.info, self.runtime = file, file.info, runtime
        self.building = ForkLock()

    @_built_once
    def tables(self) -> TableSets:
        """Frequency tables of the symbols."""
        return {"detail": _unpacked(self.file.tensors, "detail")}

    @_built_once
    def prior(self) -> ExactDetailPrior:
        """As that of a model."""
        build = partial(ExactDetailPrior, self.info.config, self.file.tensors, self.runtime.device)
        return _proved(build, detail_known_answer, self.file, self.runtime)


def _unpacked(tensors: Mapping[str, NDArray[np.generic]], kind: str) -> list[Table]:
    return unpack_tables(*(tensors[f"tables.{kind}.{part}"] for part in ("stored", "length", "lowest")))


def _proved(
    build: Callable[[torch.dtype], Part],
    answer: Callable[[Part], bytes],
    file: ModelFile | DetailFile,
    runtime: Runtime,
) -> Part:
    """The first prior that gives the file's known answer, in the wanted dtype or, for `auto`, fp32 and then fp64."""
    wanted = runtime.entropy_dtype
    names = ("fp32", "fp64") if wanted == "auto" else (wanted,)
    for name in names:
        prior = build(DTYPES[name])
        if answer(prior) == file.tensors["known_answer"].tobytes():
            return prior
    raise ExactnessError(
        f"the arithmetic of {runtime.device} in {' and '.join(names)} does not give model {file.info.id}'s"
        " known answer: nothing is coded, for the result could be wrong"
    )

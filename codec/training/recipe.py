"""A recipe: everything that a training run depends on beside its pictures, as one readable TOML file.

The recipes of this package lie in `recipes/`; each key of one is a field of `Recipe`, described there. A run saves
the recipe that it was made by as `recipe.toml`.
"""

from __future__ import annotations

import json
import math
import sys
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from bitstream.errors import FileAccessError, RequestError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent / "recipes"
ENDING = ".toml"
RECIPE, DATA = "recipe.toml", "data.txt"  # what the folder of a run is known by
_ANY = 1e12  # no setting needs more, and infinity is none
Decay = Literal["linear", "cosine", "constant"]
_CROP_STEPS = {"autoencoder": 1}  # what the sides of crops are multiples of, of other tasks 64
_TABLES = ("rates", "network")  # keys that are tables
Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of a run. Rates are learning rates, shares lie within 0..1."""

    task: str = "image"  # what is trained: a module of codec/training/tasks
    network: Mapping[str, Any] = field(default_factory=dict)  # its sizes, as the task defines them
    start: str = "random"  # weights to start from: random, dct, a packaged model's name, a model file, a run's folder
    train: tuple[str, ...] = ()  # parts that are trained, by the start of their tensors' names; none: all of them
    seed: int = 1

    batch: int = 32  # pictures a step, over all processes together
    crop: int = 256  # pixels a side, a multiple of 64 (of small networks any number)
    validation: int = 64  # pictures of the data that are never trained on
    flip: bool = True  # mirror crops at random
    transpose: bool = True  # exchange their rows and columns at random
    workers: int = 2  # processes that read pictures ahead, where the crops do not fit into memory
    memory: float = 4.0  # GiB of crops that may be kept on the device

    mse: float = 1.0  # weights of the distortions, see codec/training/distortion.py
    l1: float = 0.0
    ms_ssim: float = 0.0
    lowest: float = 0.0  # qualities that are trained, of 0..63
    highest: float = 63.0
    begin_at: float = 0.0  # the lowest quality at the start of the run ...
    widen: float = 0.0  # ... which falls to `lowest` over this share of it
    balance: float = 0.3  # losses count by lambda to minus this power, so that no quality outweighs the others
    dropout: float = 0.0  # share of a block's outputs that are dropped

    adam: float = 6e-4  # rate of Adam
    muon: float = 0.0  # rate of Muon on 1x1 convolutions; 0 leaves them to Adam
    muon_largest: int = 0  # 1x1 convolutions of more weights are left to Adam; 0: none is too large
    gains: float = 2e-3  # rate of Adam on gains and biases by quality
    beta: float = 0.98  # Adam's second beta
    rates: Mapping[str, float] = field(default_factory=dict)  # Adam's, of parts by the start of their tensors' names
    clip: float = 1.0  # norm that gradients are clipped to; 0: not at all

    steps: int = 0  # length of the run: one of steps, minutes and epochs is above 0
    minutes: float = 0.0
    epochs: float = 0.0
    warmup: int = 300  # steps over which rates rise
    hold: int = 0  # steps over which the transforms wait until the prior has settled
    flat: float = 0.15  # share of the run before rates fall
    decay: Decay = "linear"  # how they fall, to zero

    validate_every: int = 500  # steps; 0: once an epoch
    validate_first: bool = False  # before the first step, too: what is no better than the start is not kept
    patience: int = 0  # validations without a better score before the run stops; 0: never
    precision: Precision = "auto"  # of the pixel path's blocks: bf16 where a GPU has it
    graph: bool = True  # replay the step as a CUDA graph, where that works

    def __post_init__(self) -> None:
        for name in ("dropout", "widen", "flat"):
            self._within(name, 0, 1)
        for name in ("lowest", "highest", "begin_at"):
            self._within(name, 0, 63)
        for name in ("adam", "muon", "gains", "clip", "mse", "l1", "ms_ssim", "balance", "memory", "minutes", "epochs"):
            self._within(name, 0, _ANY)
        for name in ("steps", "warmup", "hold", "validate_every", "patience", "workers", "muon_largest"):
            self._within(name, 0, _ANY)
        self._within("seed", 0, 2**32 - 1)
        self._within("validation", 1, _ANY)
        self._within("batch", 1, 65536)
        self._within("beta", 0, 0.99999)
        step = _CROP_STEPS.get(self.task, 64)
        if self.crop < 1 or self.crop % step:
            raise RequestError(f"recipe: crop = {self.crop} is not a multiple of {step}")
        for part, rate in self.rates.items():
            if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= _ANY:
                raise RequestError(f"recipe: rates: {part} = {rate!r} is not a number of at least 0")
        if self.lowest > self.highest:
            raise RequestError(f"recipe: lowest = {self.lowest:g} is above highest = {self.highest:g}")
        if not self.mse and not self.l1 and not self.ms_ssim:
            raise RequestError("recipe: one of mse, l1 and ms_ssim must be above 0")

    def _within(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:
            top = "" if high == _ANY and math.isfinite(value) else f" and at most {high:.10g}"
            raise RequestError(f"recipe: {name} = {value!r} is not at least {low:g}{top}")

    @property
    def length(self) -> tuple[str, float]:
        """What ends the run, and its value. Raises RequestError unless exactly one is set."""
        given = [(name, float(getattr(self, name))) for name in ("steps", "minutes", "epochs") if getattr(self, name)]
        if len(given) != 1:
            named = " and ".join(name for name, _ in given) or "none"
            raise RequestError(f"recipe: one of steps, minutes and epochs says how long to train, here it is {named}")
        return given[0]

    def lasting(self, **length: float) -> Recipe:
        """The same with another length: one of steps, minutes, epochs."""
        return replace(self, **({"steps": 0, "minutes": 0.0, "epochs": 0.0} | length))  # type: ignore[arg-type]

    def changed(self, assignments: Mapping[str, Any]) -> Recipe:
        """The same with some keys replaced, checked; `network.NAME` or `rates.PART` replaces one of that table."""
        values = self.plain()
        for key, value in assignments.items():
            table, dot, name = key.partition(".")
            if dot and table in _TABLES:
                _check_type(table, values[table], _TYPES[table])
                values[table] = {**values[table], name: value}
            else:
                values[key] = {**values[key], **value} if key in _TABLES and isinstance(value, Mapping) else value
        return _checked(values)

    def plain(self) -> dict[str, Any]:
        """Its keys and values as TOML has them."""
        return {**asdict(self), "train": list(self.train), **{name: dict(getattr(self, name)) for name in _TABLES}}

    def toml(self) -> str:
        """The recipe as a TOML file."""
        values = self.plain()
        tables = {name: table for name in _TABLES if (table := values.pop(name))}
        lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
        for name, table in tables.items():
            lines += ["", f"[{name}]", *(f"{_toml(key)} = {_toml(value)}" for key, value in table.items())]
        return "\n".join(lines) + "\n"


_TYPES = get_type_hints(Recipe)


def recipe_names() -> list[str]:
    """The recipes of this package."""
    return sorted(path.stem for path in FOLDER.glob(f"*{ENDING}"))


def read_recipe(source: str) -> Recipe:
    """A recipe of this package by its name, or a file that ends in .toml.

    Raises RequestError (no such recipe, a key or value that does not belong there) or FileAccessError.
    """
    path = Path(source) if source.endswith(ENDING) else FOLDER / f"{source}{ENDING}"
    if path.parent == FOLDER and not path.exists():
        raise RequestError(f"there is no recipe {source}: take a .toml file or one of {', '.join(recipe_names())}")
    try:
        return parse_recipe(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileAccessError(f"recipe {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise RequestError(f"{path}: {error}") from error


def parse_recipe(text: str) -> Recipe:
    """A recipe from the text of a TOML file. Raises RequestError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"recipe is not TOML: {error}") from error
    return _checked(values)


def parse_assignment(text: str) -> tuple[str, Any]:
    """`key=value`, the value as in TOML (quotes may be left out) -> (key, value). Raises RequestError."""
    key, sign, value = text.partition("=")
    if not sign:
        raise RequestError(f"{text!r} is not KEY=VALUE")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _checked(values: Mapping[str, Any]) -> Recipe:
    known = {f.name for f in fields(Recipe)}
    for key, value in values.items():
        if key not in known:
            raise RequestError(f"recipe: there is no key {key!r}")
        _check_type(key, value, _TYPES[key])
    made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    for key, value in made.items():
        if _TYPES[key] is float:
            made[key] = float(value)
    return Recipe(**made)


def _check_type(key: str, value: Any, wanted: Any) -> None:
    origin = get_origin(wanted)
    if origin is Literal:
        if value not in get_args(wanted):
            raise RequestError(f"recipe: {key} = {value!r} is none of {', '.join(get_args(wanted))}")
        return
    if origin is tuple:
        fits, words = isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value), "a list of names"
    elif wanted is float:
        fits, words = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
    elif wanted in (int, bool, str):
        fits = type(value) is wanted
        words = {int: "a whole number", bool: "true or false", str: "text"}[wanted]
    else:
        fits, words = isinstance(value, (dict, types.MappingProxyType)), "a table"
    if not fits:
        raise RequestError(f"recipe: {key} = {value!r} is not {words}")


def _toml(value: Any) -> str:
    """Text, numbers, truth values and lists of these are written in TOML as in JSON."""
    return json.dumps(value, ensure_ascii=False)

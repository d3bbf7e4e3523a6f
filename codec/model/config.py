"""The configuration of a model: its sizes and its context variant."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from bitstream.errors import ModelFileError

Context = Literal["clamp", "compand"]
MAX_CHANNELS = 4096
MAX_DEPTH = 64
MAX_JSON = 4096  # characters


@dataclass(frozen=True)
class DetailConfig:
    """The prior of the detail layer: channels of the features and latents that it sees, its own channels and blocks.

    It has `blocks` for each half of the positions. Raises ModelFileError.
    """

    features: int
    latents: int
    channels: int
    blocks: int

    def __post_init__(self) -> None:
        for name in ("features", "latents", "channels"):
            _check(self, name, 4, MAX_CHANNELS)
        _check(self, "blocks", 0, MAX_DEPTH)

    @classmethod
    def from_json(cls, text: str) -> DetailConfig:
        """Raises ModelFileError for what is not such a configuration."""
        values = _parsed(cls, text)
        if len(values) < len(fields(cls)):
            raise ModelFileError(f"configuration lacks keys: {text[:200]}")
        return cls(**values)

    def canonical_json(self) -> str:
        """Sorted keys, no spaces."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class ModelConfig:
    """Channels of the features (c), latent (cy), hyper-latent (cz) and prior (cp); depths in blocks.

    `context` says how a decoded latent enters the prior: `clamp` saturates it at 511/16, `compand`
    compresses it above 8 first (FORMAT.md, "The prior").
    """

    c: int = 256
    cy: int = 256
    cz: int = 128
    enc_depth: int = 8
    dec_depth: int = 12
    deep: int = 2
    cp: int = 256
    context: Context = "clamp"

    def __post_init__(self) -> None:
        for name in ("c", "cy", "cz", "cp"):
            _check(self, name, 4, MAX_CHANNELS)
        for name in ("enc_depth", "dec_depth", "deep"):
            _check(self, name, 0, MAX_DEPTH)
        if self.context not in get_args(Context):
            raise ModelFileError(f"context variant {self.context!r} is not known here")

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """Absent keys are at their defaults. Raises ModelFileError for what is not a configuration."""
        return cls(**_parsed(cls, text))

    def canonical_json(self) -> str:
        """Sorted keys, no spaces, keys at their defaults absent: a key added later changes no model's id."""
        default = asdict(ModelConfig())
        values = {k: v for k, v in asdict(self).items() if v != default[k]}
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    @property
    def synthesis_halo(self) -> int:
        """Latents that a pixel's value depends on beyond its own: one a 3x3 at 1/16, half a one at 1/8."""
        return self.deep + -(-self.dec_depth // 2)

    @property
    def analysis_halo(self) -> int:
        """Latents' worth of pixels that a latent's value depends on beyond its own."""
        return self.deep + -(-self.enc_depth // 2)

    @property
    def group_bounds(self) -> tuple[int, ...]:
        """Channel group g = 4 * c div cy covers the channels group_bounds[g] .. group_bounds[g + 1]."""
        return tuple(-(-g * self.cy // 4) for g in range(5))


def _check(config: object, name: str, low: int, high: int) -> None:
    value = getattr(config, name)
    if type(value) is not int or not low <= value <= high:
        raise ModelFileError(f"configuration: {name} = {value!r} is not an integer in {low}..{high}")


def _parsed(kind: type[DetailConfig] | type[ModelConfig], text: str) -> dict[str, Any]:
    try:
        values: Any = json.loads(text[:MAX_JSON])
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"configuration is not JSON: {error}") from error
    if not isinstance(values, dict) or not set(values) <= {f.name for f in fields(kind)}:
        raise ModelFileError(f"configuration has keys that are not known here: {text[:200]}")
    return values

"""What one line of a results file holds. Every record is a JSON object with its `kind`; floats that are infinite
(the PSNR of an exact picture) are null in JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from benchmarks.rd.fields import checked

Key = tuple[str, str, str, float]  # dataset, image, codec, quality: what may be in the results once


@dataclass(frozen=True)
class CodecInfo:
    """What reports need of a codec that took part."""

    id: str
    title: str
    version: str
    options: Mapping[str, object]
    command: str  # of a quality in the middle of its sweep


@dataclass(frozen=True)
class Absence:
    """A codec or measure that could not take part, and the way to get it."""

    id: str
    title: str
    what: str  # "codec" or "measure"
    reason: str
    remedy: str


@dataclass(frozen=True)
class Run:
    """One call of the benchmark: machine, versions, command line, what took part and what was absent."""

    kind: ClassVar[str] = "run"
    started: str  # ISO 8601, UTC
    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    jobs: int
    threads: int
    codecs: tuple[CodecInfo, ...]
    measures: Mapping[str, str]  # id: version
    absent: tuple[Absence, ...]


@dataclass(frozen=True)
class Point:
    """One picture or clip coded once. Seconds are of one warm call each in the codec's own process."""

    kind: ClassVar[str] = "point"
    dataset: str
    image: str
    pixels: str  # SHA-256 of what was coded and what it was compared with, 16 hexadecimal digits
    width: int
    height: int
    codec: str
    version: str
    options: Mapping[str, object]
    quality: float
    bytes: int
    bpp: float
    measures: Mapping[str, float]
    encode_seconds: float
    decode_seconds: float
    threads: int
    jobs: int  # processes that ran beside this one
    command: str
    file: str | None = None  # the coded file, relative to the results' folder

    @property
    def key(self) -> Key:
        """See Key."""
        return (self.dataset, self.image, self.codec, self.quality)

    @property
    def frames(self) -> int:
        """Of the clip, 1 of a picture, which its size and its rate a pixel tell."""
        return max(round(8 * self.bytes / (self.bpp * self.width * self.height)), 1)

    @property
    def prediction(self) -> str:
        """Of a video codec "all intra" or "predicted", else ""."""
        return str(self.options.get("prediction", ""))


VIEWER = "viewer"


@dataclass(frozen=True)
class Failure:
    """A point that its codec could not make; the next run tries it again. Of the viewer's pictures (`codec` is VIEWER)
    `quality` is the rate."""

    kind: ClassVar[str] = "failure"
    dataset: str
    image: str
    codec: str
    quality: float
    message: str

    @property
    def key(self) -> Key:
        """See Key."""
        return (self.dataset, self.image, self.codec, self.quality)


@dataclass(frozen=True)
class EqualSize:
    """One codec's picture of the viewer: of `image` near `target_bpp`, as close to the others' sizes as it goes.

    `shown` is the decoded picture as a lossless file, `file` the coded one, both relative to the results' folder.
    """

    kind: ClassVar[str] = "equal"
    dataset: str
    image: str
    pixels: str
    target_bpp: float
    codec: str
    version: str
    setting: str  # "quality 43", "20,113 bytes asked"
    bytes: int
    bpp: float
    measures: Mapping[str, float]
    file: str
    shown: str

    @property
    def key(self) -> Key:
        """As a Key, with the rate for the quality."""
        return (self.dataset, self.image, self.codec, self.target_bpp)


@dataclass(frozen=True)
class Curve:
    """A published curve, averaged over its authors' pictures."""

    kind: ClassVar[str] = "curve"
    name: str
    source: str  # the file it came from
    bpp: tuple[float, ...]
    measures: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What stands for it among the ids of codecs, none of which has a blank."""
        return f"published {self.name}"


Record = Run | Point | Failure | EqualSize | Curve
_KINDS: dict[str, type[Any]] = {kind.kind: kind for kind in (Run, Point, Failure, EqualSize, Curve)}


def taken_measures(points: Iterable[Point], known: Iterable[str]) -> list[str]:
    """Those of `known` that a point has, in their order."""
    taken = {name for point in points for name in point.measures}
    return [name for name in known if name in taken]


def to_line(record: Record) -> str:
    """The record as one line of JSON, without its end."""
    fields = {"kind": record.kind, **asdict(record)}
    if isinstance(record, (Point, EqualSize)):
        fields["measures"] = {name: value if math.isfinite(value) else None for name, value in record.measures.items()}
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def from_line(line: str) -> Record:
    """The record of a line. Raises ValueError for anything else."""
    fields = json.loads(line, parse_constant=_no_number)
    if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str) or fields["kind"] not in _KINDS:
        raise ValueError("not a record of results")
    kind = _KINDS[fields.pop("kind")]
    exact: list[str] = []
    if kind in (Point, EqualSize) and isinstance(fields.get("measures"), dict):
        exact = [name for name, value in fields["measures"].items() if value is None]
        fields["measures"] = {name: value for name, value in fields["measures"].items() if value is not None}
    values = checked(kind, fields)
    values.get("measures", {}).update(dict.fromkeys(exact, math.inf))
    record: Record = kind(**values)
    return record


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")

"""Header fields declared once, used for writing and for reading.

A field has a name, a struct code (little endian) and its allowed values. A value outside them is the
caller's mistake when written (ValueError) and the field's own error class when read.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Container, Mapping
from dataclasses import dataclass

from bitstream.errors import CorruptError, WispError


@dataclass(frozen=True)
class Field:
    """One fixed-width field. `allowed` holds every legal value; `error` is raised for another one."""

    name: str
    code: str  # of the struct module: B, H, I, h
    allowed: Container[int]
    error: type[WispError] = CorruptError


Fields = tuple[Field, ...]


def _layout(fields: Fields) -> struct.Struct:
    return struct.Struct("<" + "".join(f.code for f in fields))


def size_of(fields: Fields) -> int:
    """Bytes that the fields take together."""
    return _layout(fields).size


def pack(fields: Fields, values: Mapping[str, int]) -> bytes:
    """Write `values` in the order of `fields`. Raises ValueError for a value that is not allowed."""
    values = {field.name: operator.index(values[field.name]) for field in fields}  # ranges are slow with others
    for field in fields:
        if values[field.name] not in field.allowed:
            raise ValueError(f"{field.name} may not be {values[field.name]}")
    return _layout(fields).pack(*(values[f.name] for f in fields))


def unpack(fields: Fields, data: bytes, what: str) -> dict[str, int]:
    """Read the fields from the head of `data`; `what` names the place in the error."""
    layout = _layout(fields)
    if len(data) < layout.size:
        raise CorruptError(f"{what} has {len(data)} bytes, at least {layout.size} are needed")
    values = dict(zip((f.name for f in fields), layout.unpack_from(data), strict=True))
    for field in fields:
        if values[field.name] not in field.allowed:
            verdict = "is out of range" if field.error is CorruptError else "is not known here"
            raise field.error(f"{what}: {field.name.replace('_', ' ')} {values[field.name]} {verdict}")
    return values

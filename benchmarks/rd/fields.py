"""Whether the fields of a record that was read are what its dataclass says: a results file may come from anywhere."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

_ABOVE_0 = ("width", "height", "bytes", "bpp", "target_bpp", "threads", "jobs")
_NAMES = ("dataset", "codec")  # which become names of files
MOST = 1e15  # of any number: what is above is no size and no rate


def checked(kind: type[Any], found: Mapping[str, object]) -> dict[str, Any]:
    """`found` as arguments of the dataclass `kind`, numbers and tuples converted.

    Raises ValueError for a field that is missing, unknown, of another type, not finite or out of range.
    """
    hints = {name: hint for name, hint in get_type_hints(kind).items() if get_origin(hint) is not ClassVar}
    required = {field.name for field in fields(kind) if field.default is field.default_factory}
    for name in (*(required - found.keys()), *(found.keys() - hints.keys())):
        raise ValueError(f"{'missing' if name in required else 'unknown'} field {name!r}")
    values = {name: _converted(name, hints[name], value) for name, value in found.items()}
    for name, value in values.items():
        if name in _ABOVE_0 and not all(v > 0 for v in (value if isinstance(value, tuple) else (value,))):
            raise ValueError(f"{name} must be above 0")
        if name in _NAMES and (value in ("", ".", "..") or "/" in value or "\\" in value):
            raise ValueError(f"{name} cannot be {value!r}")
    return values


def _converted(name: str, hint: Any, value: object) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _converted(name, arguments[0], value)
    if hint is object:
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(_converted(name, arguments[0], item) for item in value)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, dict):
        return {key: _converted(f"{name} {key}", arguments[1], item) for key, item in value.items()}
    if isinstance(hint, type) and hasattr(hint, "__dataclass_fields__") and isinstance(value, dict):
        return hint(**checked(hint, value))
    converter = _PLAIN.get(hint)
    if converter is None or not converter(value):
        raise ValueError(f"{name} cannot be {_shortened(value)}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MOST


_PLAIN: dict[object, Callable[[object], bool]] = {
    str: lambda value: isinstance(value, str),
    int: lambda value: isinstance(value, int) and _is_number(value),
    float: lambda value: _is_number(value) and math.isfinite(float(value)),  # type: ignore[arg-type]
}


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."

"""Libraries of the extra `train`, which are imported where they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from bitstream.errors import UnsupportedError


def needed(module: str) -> Any:
    """A library of the extra `train`. Raises UnsupportedError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnsupportedError(f"{module} is needed ({error}): pip install 'wisp-codec[train]'") from error

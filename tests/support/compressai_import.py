"""Makes CompressAI importable beside a torch that its torchvision was not built for.

torchvision's Python half declares shapes for two operators that its compiled half defines; without that half the
import fails. CompressAI's models use neither, so they are declared here, without any code.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_libraries: list[torch.library.Library] = []  # they are gone when they are collected


@cache
def compressai_imports() -> bool:
    """Whether `import compressai` works from here on."""
    if importlib.util.find_spec("compressai") is None or importlib.util.find_spec("torchvision") is None:
        return False
    whole = [sys.executable, "-c", "import torchvision"]
    if subprocess.run(whole, capture_output=True, check=False).returncode:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(name + _SCHEMA)
        _libraries.append(library)
    import compressai

    return bool(compressai.__version__)

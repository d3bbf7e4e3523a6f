"""What a result must say about where it was made."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from codec.work.threads import cores

PACKAGES = (
    "wisp-codec", "torch", "numpy", "scipy", "constriction", "pillow", "av", "pillow-heif", "pillow-jxl-plugin",
    "imagecodecs", "pyjpegli", "compressai", "bjontegaard", "pytorch-msssim", "ssimulacra2", "psnr_hvsm", "lpips",
)  # fmt: skip


def machine() -> dict[str, str]:
    """Processor, cores this process may use, system, Python."""
    return {
        "processor": _processor(),
        "cores": str(cores()),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine() or os.name


def versions() -> dict[str, str]:
    """Of every package that takes part in coding or measuring and is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found

"""What inputs and outputs ask of a path."""

from __future__ import annotations

from pathlib import Path


def is_special(path: Path) -> bool:
    """Whether it is a device or named pipe: opened once, and written into as it is."""
    return path.exists() and not path.is_file() and not path.is_dir()


def same_file(path: Path, other: Path) -> bool:
    """Whether both are there, and are one file. Raises OSError."""
    return path.exists() and other.exists() and path.samefile(other)


def reason_of(error: BaseException) -> str:
    """An error of the system in its own words."""
    return getattr(error, "strerror", None) or str(error)

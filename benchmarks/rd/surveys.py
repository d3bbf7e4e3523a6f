"""sequences.json beside the results: what each sequence of its points was (rate, frames, size, where it came from)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from benchmarks.rd.fields import checked
from benchmarks.sources import ClipInfo
from bitstream.errors import CorruptError, FileAccessError
from codec.files.output import Writing

FILE_NAME = "sequences.json"
Surveys = dict[tuple[str, str], ClipInfo]  # by set and name


def read_surveys(folder: Path) -> Surveys:
    """None where there is no such file. Raises FileAccessError, CorruptError."""
    path = folder / FILE_NAME
    try:
        found = [ClipInfo(**checked(ClipInfo, each)) for each in json.loads(path.read_text("utf-8"))]
        for info in found:
            if Fraction(info.rate) <= 0 or info.frames <= 0:
                raise ValueError("rate and frames must be above 0")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FileAccessError(f"{path}: {error.strerror or error}") from error
    except (ValueError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise CorruptError(f"{path}: no list of sequences: {error}") from error
    return {(info.dataset, info.name): info for info in found}


def add_surveys(folder: Path, infos: Sequence[ClipInfo]) -> None:
    """Put `infos` among those of the file, in place of those of their names. Raises as `read_surveys`."""
    found = {**read_surveys(folder), **{(info.dataset, info.name): info for info in infos}}
    text = json.dumps([asdict(info) for info in found.values()], indent=1)
    Writing(overwrite=True).write(str(folder / FILE_NAME), (text + "\n").encode())

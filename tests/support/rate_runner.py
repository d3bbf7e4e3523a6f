"""`wisp encode` in this process on a few small pictures, for the tests of its options of rate and regions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result
from PIL import Image

from benchmarks.datasets import LIVE, read_picture
from tests.support.cli_runner import invoke, succeed
from tests.support.scenes import Pixels, logo, photo

FP32 = ("--precision", "fp32")


def lay_out() -> None:
    """Two photographs, of which a.png takes 318 to 3610 bytes or 20072, and a drawing."""
    Image.fromarray(bikes()).save("a.png")
    Image.fromarray(photo(64, 80)).save("b.png")
    Image.fromarray(logo(64, 64)).save("drawing.png")


def bikes() -> Pixels:
    return read_picture(LIVE / "bikes.png")[200:296, 200:328]


def encode(*arguments: str | float) -> Result:
    return invoke("encode", *map(str, arguments), *FP32)


def done(*arguments: str | float) -> dict[str, Any]:
    """What is told of one input, whose encoding must succeed."""
    result = succeed("encode", *map(str, arguments), *FP32, "--json", "--overwrite")
    (line,) = result.stdout.splitlines()
    return dict(json.loads(line))


def facts(name: str | Path) -> dict[str, Any]:
    return dict(json.loads(succeed("info", "--json", name).stdout))


def error_of(result: Result, status: int) -> str:
    """The last line on stderr, which must be the only one but for click's usage; nothing is on stdout."""
    assert (result.exit_code, result.stdout) == (status, "")
    *usage, line = result.stderr.splitlines()
    assert [each.split(" ")[0] for each in usage if each] == (["Usage:", "Try"] if line.startswith("Error: ") else [])
    return line


def decoded(name: str) -> Pixels:
    succeed("decode", name, "-o", "back.png", "--overwrite", *FP32)
    with Image.open("back.png") as image:
        return np.array(image)

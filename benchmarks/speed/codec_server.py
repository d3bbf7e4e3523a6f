"""One codec in a process of its own, with as many cores as it has threads.

`python -m benchmarks.speed.codec_server JOB`, JOB a JSON object: `codec` (a catalog id, or null), `threads`, and
`request`. With a request it is answered once, as a user's command would be: everything is imported and opened for it.
With null, a line of JSON tells that the codec is open, then every line of standard input is a request and gets a line
as its answer. Requests, by their `do`:

    copy    picture, shown            read a picture and write it: what the others do besides coding
    encode  picture, coded, quality   -> seconds, bytes; `coded` null writes no file
    decode  coded, shown              -> seconds; `shown` null writes no file
    search  picture, psnr             -> quality, bpp, psnr, encode_seconds, decode_seconds: nearest to `psnr` dB
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.codecs.catalog import catalog
from benchmarks.codecs.interface import AbsentError, ImageCodec

if TYPE_CHECKING:
    from benchmarks.raw import Pixels

EFFORTS = range(1, 10)
_HALVINGS = 4  # of the step between two qualities of the sweep
_NEAR = 0.2  # dB from the PSNR wanted


class CodecServer:
    """Answers requests with an open codec; the last picture and file stay in memory."""

    def __init__(self, codec: ImageCodec | None) -> None:
        self._codec = codec
        self._picture: tuple[str, Pixels] | None = None
        self._coded: tuple[str, bytes] | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what `request` says -> what to tell of it. Raises whatever the codec raises."""
        arguments = {key: value for key, value in request.items() if key != "do"}
        found: dict[str, Any] = getattr(self, f"_{request['do']}")(**arguments)
        return found

    @property
    def codec(self) -> ImageCodec:
        if self._codec is None:
            raise RuntimeError("this process has no codec")
        return self._codec

    def _copy(self, picture: str, shown: str) -> dict[str, Any]:
        _write_picture(shown, self._read(picture))
        return {}

    def _encode(self, picture: str, coded: str | None, quality: float) -> dict[str, Any]:
        pixels = self._read(picture)
        start = time.perf_counter()
        data = self.codec.encode(pixels, quality)
        seconds = time.perf_counter() - start
        if coded is not None:
            Path(coded).write_bytes(data)
        return {"seconds": seconds, "bytes": len(data)}

    def _decode(self, coded: str, shown: str | None) -> dict[str, Any]:
        if self._coded is None or self._coded[0] != coded:
            self._coded = (coded, Path(coded).read_bytes())
        start = time.perf_counter()
        pixels = self.codec.decode(self._coded[1])
        seconds = time.perf_counter() - start
        if shown is not None:
            _write_picture(shown, pixels)
        return {"seconds": seconds}

    def _search(self, picture: str, psnr: float) -> dict[str, Any]:
        """Bisection of the sweep, then between two of its qualities."""
        tried: dict[float, dict[str, Any]] = {}

        def reached(quality: float) -> float:
            if quality not in tried:
                tried[quality] = self._try_out(self._read(picture), quality)
            return float(tried[quality]["psnr"])

        sweep = self.codec.qualities
        low, high = 0, len(sweep) - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if reached(sweep[middle]) < psnr else (low, middle)
        whole = all(isinstance(quality, int) for quality in sweep)
        worse, better = sweep[low], sweep[high]
        reached(worse), reached(better)
        for _ in range(_HALVINGS):
            if min(abs(found["psnr"] - psnr) for found in tried.values()) <= _NEAR:
                break
            quality = (worse + better) / 2
            if whole and (quality := round(quality)) in (worse, better):
                break
            worse, better = (quality, better) if reached(quality) < psnr else (worse, quality)
        return min(tried.values(), key=lambda found: abs(found["psnr"] - psnr))

    def _try_out(self, pixels: Pixels, quality: float) -> dict[str, Any]:
        from codec.pixels.distortion import psnr

        start = time.perf_counter()
        data = self.codec.encode(pixels, quality)
        middle = time.perf_counter()
        shown = self.codec.decode(data)
        end = time.perf_counter()
        return {
            "quality": quality,
            "bpp": 8 * len(data) / (pixels.shape[0] * pixels.shape[1]),
            "psnr": psnr(shown, pixels),
            "encode_seconds": middle - start,
            "decode_seconds": end - middle,
            "command": self.codec.command(quality),
        }

    def _read(self, picture: str) -> Pixels:
        import numpy as np
        from PIL import Image

        if self._picture is None or self._picture[0] != picture:
            self._picture = (picture, np.asarray(Image.open(picture)))
        return self._picture[1]


def _write_picture(path: str, pixels: Pixels) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(path)


def keep_to(threads: int) -> None:
    """Let this process use no more than `threads` cores, whatever threads a library starts."""
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def _opened(job: dict[str, Any]) -> ImageCodec | None:
    if job["codec"] is None:
        return None
    codec = catalog(efforts=EFFORTS)[job["codec"]]
    codec.open(job["threads"])
    return codec


def _serve(job: dict[str, Any], answers: int) -> None:
    """Answer requests until standard input ends; what goes wrong is an answer, too."""
    with os.fdopen(answers, "w", buffering=1) as out:
        try:
            server = CodecServer(_opened(job))
        except AbsentError as error:
            print(json.dumps({"absent": [error.reason, error.remedy]}), file=out)
            return
        print(json.dumps({"version": server.codec.version, "title": server.codec.title}), file=out)
        for line in sys.stdin:
            try:
                told = server.answer(json.loads(line))
            except Exception as error:  # of the codec's libraries, each with its own
                told = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(told), file=out)


def main() -> None:
    """Do the job of the one argument."""
    job = json.loads(sys.argv[1])
    keep_to(job["threads"])
    if job["request"] is not None:
        CodecServer(_opened(job)).answer(job["request"])
        return
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print there is no answer
    _serve(job, answers)


if __name__ == "__main__":
    main()

"""Makes the golden sequences that are not there yet: `python -m tests.golden.sequences.make`.

As tests/golden/make.py does it. The picture of a sequence has its frames one below the other.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bitstream.sequence.audio import AudioPacket, AudioStream
from codec.api import Codec
from codec.jobs.describe_sequence import verify_sequence
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter
from tests.golden.make import METADATA, Pixels, crop, drawn, faded

FOLDER = Path(__file__).parent
SOUND = AudioStream(0, "pcm_s16le", Fraction(1, 8000), 8000, "mono", "s16", "eng", b"\1\2")
TIMES = (-40, 0, 40, 41, 500)


def panned(count: int, height: int, width: int) -> list[Pixels]:
    """A photograph that moves by three pixels a frame."""
    return [crop("sailing1", 200, 100 + 3 * number, height, width) for number in range(count)]


def clip(codec: Codec) -> bytes:
    """Tiles, repeats, qualities of their own, sound, metadata, uneven times."""
    frames = panned(3, 100, 150)
    file = io.BytesIO()
    with VideoWriter(
        file,
        (150, 100),
        time_base=Fraction(1, 1000),
        target_bitrate=300,
        tile=64,
        audio=[SOUND],
        metadata=METADATA,
        codec=codec,
    ) as writer:
        for number, (pts, shown) in enumerate(zip(TIMES, (0, 1, 1, 1, 2), strict=True)):
            writer.write_audio(AudioPacket(0, bytes([number]) * 8, number * 320, number * 320, 320))
            writer.write(frames[shown], pts, 40)
    return file.getvalue()


def transparent(codec: Codec) -> bytes:
    """With alpha, a frame that is lossless by itself among learned ones, at a rate of 30000/1001."""
    file = io.BytesIO()
    with VideoWriter(file, (80, 70), "29.97", mode="RGBA", quality=40, codec=codec) as writer:
        for frame in [*map(faded, panned(2, 70, 80)), drawn(70, 80)]:
            writer.write(frame)
    return file.getvalue()


MAKERS: dict[str, Callable[[Codec], bytes]] = {"clip": clip, "transparent": transparent}


def main() -> None:
    """Write files, pictures and hashes."""
    torch.set_num_threads(1)
    codec = Codec(device="cpu", precision="fp32")
    table = FOLDER / "golden.json"
    hashes = json.loads(table.read_text()) if table.exists() else {}
    for name, maker in MAKERS.items():
        path = FOLDER / f"{name}.wisp"
        if path.exists():
            continue
        path.write_bytes(maker(codec))
        with path.open("rb") as file:
            hashes[name] = verify_sequence(file, codec)[1]
        with open_video(path, codec=codec) as video:
            Image.fromarray(np.vstack([frame.pixels for frame in video])).save(FOLDER / f"{name}.png", optimize=True)
    table.write_text(json.dumps(hashes, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()

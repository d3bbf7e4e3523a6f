"""The golden sequences: every later version must decode them to the same latents, and to nearly the same pixels."""

from __future__ import annotations

import io
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bitstream.sequence.audio import AudioPacket
from codec.api import Codec
from codec.jobs.describe_sequence import described_frames, verify_sequence
from codec.sequence.video import open_video
from tests.golden.make import METADATA
from tests.golden.sequences.make import FOLDER, MAKERS, SOUND, TIMES
from tests.support.goldens import reference_model
from tests.support.reference_sequence import latents_sha256, read_sequence

HASHES: dict[str, str] = json.loads((FOLDER / "golden.json").read_text())
each_sequence = pytest.mark.parametrize("name", sorted(HASHES))


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.wisp"


def recorded(name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(FOLDER / f"{name}.png"))


def test_every_sequence_is_recorded() -> None:
    stems = [{path.stem for path in FOLDER.glob(f"*.{ending}")} for ending in ("wisp", "png")]
    assert stems == [set(MAKERS), set(MAKERS)] and set(HASHES) == set(MAKERS)


@each_sequence
def test_latents(wisp: Codec, name: str) -> None:
    with path_of(name).open("rb") as file:
        assert verify_sequence(file, wisp)[1] == HASHES[name]


@each_sequence
@pytest.mark.parametrize("workers", [1, 2])
def test_pixels(wisp: Codec, name: str, workers: int) -> None:
    with open_video(path_of(name), codec=wisp, workers=workers) as video:
        shown = np.vstack([frame.pixels for frame in video])
    assert shown.shape == recorded(name).shape
    assert np.abs(shown.astype(int) - recorded(name)).max() <= 1


@each_sequence
def test_an_independent_decoder_agrees(name: str) -> None:
    assert latents_sha256(read_sequence(path_of(name).read_bytes()), reference_model()) == HASHES[name]


def test_what_comes_with_the_clip(wisp: Codec) -> None:
    with open_video(path_of("clip"), codec=wisp) as video:
        assert (video.audio, video.metadata, video.time_base, video.rate) == (
            (SOUND,),
            METADATA,
            Fraction(1, 1000),
            None,
        )
        items = list(video.items())
        assert [item.data for item in items if isinstance(item, AudioPacket)] == [bytes([i]) * 8 for i in range(5)]
        assert tuple(video.times) == TIMES
    rows = list(described_frames(io.BytesIO(path_of("clip").read_bytes())))
    assert [row.kind for row in rows] == ["intra", "intra", "repeat", "repeat", "intra"]
    assert len({row.quality for row in rows}) > 2


def test_a_lossless_frame_among_learned_ones() -> None:
    rows = list(described_frames(io.BytesIO(path_of("transparent").read_bytes())))
    assert [row.lossless_tiles for row in rows] == [0, 0, 1]

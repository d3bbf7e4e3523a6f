"""Random damage behind right checksums: what only the latent check can tell, and chunks of all sorts."""

from __future__ import annotations

import constriction
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bitstream.errors import CorruptError, TruncatedError, WispError
from bitstream.tables import ESCAPED
from codec.api import Codec
from codec.files.source import read_file
from tests.support import damage
from tests.support.damage import Part, join, refuse, sealed, split, with_stream
from tests.support.goldens import golden_bytes

SMALL = golden_bytes("small")
# The same examples in every run: one random stream in 65536 has the right latent check.
EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def test_a_wrong_latent_check(wisp: Codec) -> None:
    check = int.from_bytes(split(SMALL)[1].payload[-2:], "little")
    for bit in range(16):
        refuse(wisp, with_stream(SMALL, damage.stream_of(SMALL), check ^ 1 << bit), CorruptError)


def test_an_escaped_value_that_no_encoder_writes(wisp: Codec) -> None:
    """Every symbol of the first table is escaped, to -32768."""
    model = wisp.load(wisp.model_info.id)
    index = model.z_table_index[(read_file(SMALL).header.quality + 128) >> 8]  # SMALL has one position of z
    table, count = model.tables["z"][index.min()], int((index == index.min()).sum())
    coder = constriction.stream.queue.RangeEncoder()
    coder.encode(np.full(count, table.escape, np.int32), table.model)
    coder.encode(np.zeros(count, np.int32), ESCAPED)
    stream = coder.get_compressed().astype("<u4").tobytes()
    assert "-32768" in refuse(wisp, with_stream(SMALL, stream), CorruptError)


def test_words_left_over_are_ignored(wisp: Codec) -> None:
    longer = with_stream(SMALL, damage.stream_of(SMALL) + b"\xff" * 8)
    assert wisp.decode_latents(longer).sha256 == wisp.decode_latents(SMALL).sha256


@EXAMPLES
@given(words=st.lists(st.integers(0, 2**32 - 1), max_size=100))
def test_random_streams_are_refused(wisp: Codec, words: list[int]) -> None:
    """Only the latent check tells most of them from good ones."""
    refuse(wisp, with_stream(SMALL, np.array(words, "<u4").tobytes()), CorruptError)


# Anything at all


@EXAMPLES
@given(rest=st.binary(max_size=300))
def test_random_bytes_after_the_signature(wisp: Codec, rest: bytes) -> None:
    refuse(wisp, damage.SIGNATURE + rest, TruncatedError, CorruptError)


def _header(values: dict[str, int], extra: bytes = b"") -> bytes:
    payload = split(SMALL)[0].payload
    for name, value in values.items():
        payload = damage.patched(payload, damage.HEADER[name], value)
    return payload + extra


# Pictures that are small if anything, for a large one of one random tile takes its time before it is refused.
_LEGAL = st.fixed_dictionaries(
    {"width": st.integers(1, 80), "height": st.integers(1, 80), "tile": st.integers(1, 3)},
    optional={"colour mode": st.integers(0, 1), "alpha": st.integers(0, 1)},
)
_WRONG = st.dictionaries(st.sampled_from(sorted(damage.HEADER)), st.integers(0, 3), min_size=1, max_size=2)
_HEADERS = st.one_of(
    st.just(split(SMALL)[0].payload),
    st.builds(_header, _LEGAL),
    st.builds(_header, _WRONG, st.sampled_from([b"", b"\0", bytes(8)])),
)
_UNIT = split(SMALL)[1].payload
_LOSSLESS = split(golden_bytes("rgba_lossless"))[1].payload
_UNITS = st.one_of(
    st.builds(damage.patched, st.just(_UNIT), st.just(damage.UNIT["tile index"]), st.integers(0, 4)),
    st.builds(damage.patched, st.just(_UNIT), st.just(damage.UNIT["kind and slot"]), st.integers(0, 255)),
    st.builds(damage.patched, st.just(_LOSSLESS), st.just(damage.UNIT["kind and slot"]), st.integers(0, 255)),
    st.binary(max_size=12),
    st.builds(bytes, st.integers(7, 60)),
)
_PARTS = st.one_of(
    st.just(Part(b"UNIT", _UNIT)),
    st.builds(Part, st.just(b"HEAD"), _HEADERS),
    st.builds(Part, st.just(b"UNIT"), _UNITS),
    st.builds(Part, st.sampled_from([b"iCCP", b"eXIF", b"xMPD"]), st.binary(max_size=8)),
    st.builds(Part, st.sampled_from([b"DONE", b"wHAT", b"WHAT", b"what"]), st.binary(max_size=2)),
)


@EXAMPLES
@given(head=_HEADERS, parts=st.lists(_PARTS, max_size=4), finished=st.booleans())
def test_random_chunks_with_right_checksums(wisp: Codec, head: bytes, parts: list[Part], finished: bool) -> None:
    """A whole file by chance is fine; else the error must be one of ours."""
    end = [Part(b"DONE")] if finished else []
    data = join(sealed([Part(b"HEAD", head), *parts, *end]))
    try:
        picture = wisp.decode_array(data)
    except WispError:
        return
    header = read_file(data).header
    assert picture.shape == (header.height, header.width, len(header.mode))


@pytest.mark.filterwarnings("ignore::codec.notes.WispNote")
@EXAMPLES
@given(
    name=st.sampled_from(["mixed", "rgba", "rgba_lossless", "metadata", "grey_alpha"]),
    edits=st.lists(
        st.tuples(st.sampled_from(["flip", "cut", "insert", "double"]), st.floats(0, 1), st.binary(max_size=9)),
        min_size=1,
        max_size=4,
    ),
)
@example(name="metadata", edits=[("cut", 0.0, b"")])
@pytest.mark.slow
def test_random_edits_give_a_picture_or_one_of_our_errors(
    wisp: Codec, name: str, edits: list[tuple[str, float, bytes]]
) -> None:
    data = golden_bytes(name)
    header = wisp.parsed(data).header
    for kind, where, extra in edits:
        at = int(where * (len(data) - 1))
        if kind == "flip" and data:
            data = data[:at] + bytes([data[at] ^ (1 << len(extra) % 8)]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at] + data[at + len(extra) * 4 + 1 :]
        elif kind == "insert":
            data = data[:at] + extra + data[at:]
        else:
            data = data[:at] + data[max(at - 100, 0) :]
    try:
        saved = wisp.salvage_picture(data)
        assert saved.picture.pixels.shape == (header.height, header.width, len(header.mode))
    except WispError:
        saved = None
    try:
        decoded = wisp.decode_array(data)
    except WispError:
        return
    assert saved is not None and not saved.report.damaged  # what decodes at all is not damaged
    assert np.abs(saved.picture.pixels.astype(int) - decoded).max() <= 1

"""What a sequence says of itself, as a whole and frame by frame, and its check to the last byte; without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bitstream.errors import CorruptError
from bitstream.limits import MAX_QUALITY
from bitstream.sequence.audio import AudioStream
from bitstream.sequence.clip import FULL, LIMITED
from bitstream.sequence.reader import SequenceReader
from bitstream.sequence.record import KINDS, REPEAT, CodedFrame
from codec.model.registry import known_quality
from codec.still.decode import Decoding

if TYPE_CHECKING:
    from codec.api import Codec

_RANGES = {LIMITED: "limited", FULL: "full"}
# Names of H.273's matrix coefficients.
_MATRICES = {0: "RGB", 1: "BT.709", 4: "FCC", 5: "BT.601 (625 lines)", 6: "BT.601 (525 lines)", 7: "SMPTE 240M"}


@dataclass(frozen=True)
class FrameDescription:
    """A frame of a sequence as `wisp info` lists it: `pts` and `duration` in units of the time base, `time` in seconds.

    `bytes` are those of record and units; `quality` is the mean of the learned tiles' 0..100, None where there are
    none, or their model is not here.
    """

    number: int
    kind: str
    pts: int
    duration: int
    time: float
    bytes: int
    quality: float | None
    lossless_tiles: int


@dataclass(frozen=True)
class SequenceDescription:
    """What `probe` finds of a sequence, and `wisp info` prints.

    Times are in seconds; `rate` (frames a second), `time_base` and `pixel_aspect` are fractions as text; `kbps` is
    1000 bits a second of frames and their records, `bpp` their bits a pixel; `damaged` names what cannot be read
    beside the frames. The rest is as in FileDescription.
    """

    version: int
    kind: str
    width: int
    height: int
    mode: str
    bit_depth: int
    lossless: bool
    quality: float | None
    model_quality: float
    tile: int
    model: str | None
    content_id: str
    frames: int
    repeats: int
    duration: float
    rate: str | None
    time_base: str
    pixel_aspect: str
    colour_range: str | None
    colour_matrix: str | None
    audio: list[dict[str, Any]]
    metadata: dict[str, int]
    damaged: list[str]
    bytes: int
    payload_bytes: int
    kbps: float
    bpp: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def described_frames(stream: BinaryIO, model: Path | None = None) -> Iterator[FrameDescription]:
    """Every frame's row, as it is read. Raises as SequenceReader, behind what came before."""
    reader = SequenceReader(stream)
    header, clip = reader.start.header, reader.start.header.clip
    assert clip is not None
    first: int | None = None
    for item in reader.items():
        if isinstance(item, CodedFrame):
            first = item.record.pts if first is None else first
            learned = [unit for unit in item.units if unit.learned]
            steps = [min(max(header.quality + unit.quality_delta, 0), MAX_QUALITY) for unit in learned]
            identity = header.model_ids[learned[0].model_slot].hex() if learned else None
            known = None if identity is None else known_quality(identity, round(sum(steps) / len(steps)), model)
            record = item.record
            yield FrameDescription(
                number=record.number,
                kind=KINDS[record.kind],
                pts=record.pts,
                duration=record.duration,
                time=round(float(clip.seconds(record.pts - first)), 6),
                bytes=item.size,
                quality=known,
                lossless_tiles=len(item.units) - len(learned),
            )


def describe_sequence(stream: BinaryIO, model: Path | None = None) -> SequenceDescription:
    """Read a whole sequence and test every checksum; nothing is decoded. Raises as SequenceReader."""
    return _Reading(stream, check_index=True).described(model, lambda _: None)


def verify_sequence(
    stream: BinaryIO, codec: Codec, model: Path | None = None, on_frame: Callable[[int], None] = lambda _: None
) -> tuple[SequenceDescription, str]:
    """Read every byte, decode every unit, make no pixels of latents -> facts, `latents_sha256` over the whole stream.

    Raises as SequenceReader and `decode_still`; CorruptError for damage beside the frames and for bytes behind the
    end, too.
    """
    reading = _Reading(stream, check_index=True)
    digest, header = hashlib.sha256(), reading.start.header

    def check(frame: CodedFrame) -> None:
        if frame.record.kind != REPEAT:
            job = Decoding(header, dict(enumerate(frame.units)), codec.load, digest=digest)
            try:
                with codec.working(networks=any(unit.learned for unit in frame.units)):
                    job.check()
            except CorruptError as error:
                raise CorruptError(f"frame {frame.record.number}: {error}") from None
        on_frame(frame.record.number)

    facts = reading.described(model, check)
    if facts.damaged:
        raise CorruptError(f"{' and '.join(facts.damaged)} damaged; the frames are not")
    extra = reading.reader.skip_rest()
    if extra:
        raise CorruptError(f"{extra} bytes follow the end chunk")
    return facts, digest.hexdigest()


class _Reading:
    """A pass over a whole sequence that counts."""

    def __init__(self, stream: BinaryIO, *, check_index: bool) -> None:
        self.reader = SequenceReader(stream, check_index=check_index)
        self.start = self.reader.start
        self._frames, self._repeats, self._payload, self._bytes = 0, 0, 0, 0
        self._first, self._last, self._last_pts, self._models = 0, 0, 0, set[str]()
        self._packets = dict.fromkeys((stream.index for stream in self.start.streams), 0)

    def described(self, model: Path | None, on_frame: Callable[[CodedFrame], None]) -> SequenceDescription:
        for item in self.reader.items():
            if isinstance(item, CodedFrame):
                self._count(item)
                on_frame(item)
            else:
                self._packets[item.stream] += 1
        return self._facts(model)

    def _count(self, frame: CodedFrame) -> None:
        header, record = self.start.header, frame.record
        if self._frames == 0:
            self._first = record.pts
        step = 0 if self._frames == 0 else record.pts - self._last_pts
        self._last_pts = record.pts
        self._last = record.pts + (record.duration or step)
        self._frames += 1
        self._repeats += record.kind == REPEAT
        self._payload += frame.payload_bytes
        self._bytes += frame.size
        for unit in frame.units:
            if unit.learned:
                self._models.add(header.model_ids[unit.model_slot].hex())

    def _facts(self, model: Path | None) -> SequenceDescription:
        header, clip, metadata = self.start.header, self.start.header.clip, self.start.metadata
        assert clip is not None
        identity = min(self._models, default=None)
        seconds = float(clip.seconds(self._last - self._first)) or float(1 / clip.rate if clip.rate else 0)
        bits = 8 * self._bytes
        return SequenceDescription(
            version=header.version,
            kind="sequence",
            width=header.width,
            height=header.height,
            mode=header.mode,
            bit_depth=header.bit_depth,
            lossless=identity is None,
            quality=None if identity is None else known_quality(identity, header.quality, model),
            model_quality=header.quality / 256,
            tile=header.tile,
            model=identity,
            content_id=header.content_id.hex(),
            frames=self._frames,
            repeats=self._repeats,
            duration=round(seconds, 6),
            rate=None if clip.rate is None else str(clip.rate),
            time_base=str(clip.time_base),
            pixel_aspect=str(clip.pixel_aspect),
            colour_range=_RANGES.get(clip.colour_range),
            colour_matrix=_MATRICES.get(clip.colour_matrix),
            audio=[self._sound(stream) for stream in self.start.streams],
            metadata={name: len(data) for name, data in metadata.items()},
            damaged=list(self.reader.damaged),
            bytes=self.reader.offset,
            payload_bytes=self._payload,
            kbps=round(bits / seconds / 1000, 2) if seconds else 0.0,
            bpp=round(bits / (header.width * header.height * self._frames), 4),
        )

    def _sound(self, stream: AudioStream) -> dict[str, Any]:
        return {
            "index": stream.index,
            "codec": stream.codec,
            "sample_rate": stream.sample_rate,
            "layout": stream.layout,
            "language": stream.language,
            "packets": self._packets[stream.index],
        }

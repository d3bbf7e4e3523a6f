"""Cutting and joining sequences without coding anything anew: units are copied, records written afresh."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm
from pathlib import Path
from typing import BinaryIO, TypeAlias

from bitstream.errors import LimitError, RequestError, WispError
from bitstream.header import MAX_MODELS, Header
from bitstream.limits import MAX_QUALITY
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from bitstream.sequence.reader import SequenceReader
from bitstream.sequence.record import REPEAT, CodedFrame
from bitstream.sequence.salvage import SequenceRemains
from bitstream.sequence.writer import SequenceWriter
from bitstream.units import Unit
from codec.files.output import Output, Writing
from codec.files.source import Source, opened
from codec.jobs.selection import Chooser, Selection
from codec.jobs.settings import EncodeReport
from codec.notes import note

Reader: TypeAlias = "SequenceReader | SequenceRemains"


def cut_file(
    source: Source, target: str, selection: Selection, writing: Writing, *, salvage: bool = False
) -> EncodeReport:
    """The frames and sound of a part of a sequence, their times counted from its beginning; frames stay as coded.

    Every frame of today's sequences is intra, or repeats one: the part begins where it is asked for. With `salvage`
    what is damaged is left out, and the end may be missing. Raises as SequenceReader; RequestError where nothing is
    left, OutputExistsError, FileAccessError.
    """
    if selection.scale is not None:
        raise RequestError("a sequence is cut as it is coded: it cannot be scaled")
    with opened(source) as stream:
        reader = SequenceRemains(stream) if salvage else SequenceReader(stream)
        with Output(target, writing, sources=[stream.path], part=True) as output:
            return _cut(reader, output, selection)


def _cut(reader: Reader, output: Output, selection: Selection) -> EncodeReport:
    start = reader.start
    clip = _clip(start.header)
    timing = selection.clip(clip)
    job = _Joining(output, replace(start.header, clip=replace(timing, frames=0)), start.streams, reader)
    chooser = Chooser(selection, clip)
    bases = {sound.index: sound.time_base for sound in start.streams}
    shown: CodedFrame | None = None
    for item in reader.items():
        if isinstance(item, AudioPacket):
            packet = chooser.packet(item, bases[item.stream])
            if packet is not None:
                job.packet(packet)
            continue
        shown = shown if item.record.kind == REPEAT else item
        if item.record.number - sum(item.record.references) != (shown.record.number if shown else None):
            continue  # with salvage: what it repeats is lost
        if chooser.takes(item.record.number, item.record.pts):
            for packet in chooser.begin():
                job.packet(packet)
            pts = item.record.pts - chooser.shift
            job.frame(item, shown, pts, item.record.duration * selection.step)
        elif chooser.over:
            break
    return job.finish("no frame is left", getattr(reader, "missing", 0))


def concat_files(sources: Sequence[str], target: str, writing: Writing) -> EncodeReport:
    """Sequences one after the other. Size, mode and tile must agree; sound stays where all have the same streams.

    Raises as SequenceReader; RequestError for sequences that do not go together.
    """
    with ExitStack() as held:
        readers = []
        for source in sources:
            with _named(source, sources):
                readers.append(SequenceReader(held.enter_context(opened(source))))
        output = held.enter_context(Output(target, writing, sources=[Path(source) for source in sources], part=True))
        headers = [reader.start.header for reader in readers]
        header = _common_header(headers, sources)
        job = _Joining(output, header, _common_sound([reader.start.streams for reader in readers]), readers[0])
        for source, reader in zip(sources, readers, strict=True):
            with _named(source, sources):
                job.append(reader)
        return job.finish("no frame is there")


class _Joining:
    """Records and units going over into a new sequence."""

    def __init__(
        self,
        output: Output,
        header: Header,
        sound: tuple[AudioStream, ...],
        first: Reader,
    ) -> None:
        self._begun = time.perf_counter()
        self._output, self._clip = output, _clip(header)
        stream: BinaryIO = output  # type: ignore[assignment]
        self._writer = SequenceWriter(stream, header, first.start.metadata, sound)
        self._sound = {part.index for part in sound}
        self._heard: dict[int, int | None] = {}  # time of each stream's last packet
        self._header, self._from = header, first.start.header
        self._number: int | None = None  # in its source, of the last coded frame that was written
        self._end = 0  # in units of the time base: when what is there has been shown
        self._last = (0, 0)

    def frame(self, item: CodedFrame, shown: CodedFrame | None, pts: int, duration: int) -> None:
        """A frame of the source, which shows `shown`; a repeat of what was left out is written as that."""
        if shown is None:
            raise RequestError(f"frame {item.record.number} repeats what is not there")
        if shown.record.number == self._number:
            self._writer.repeat(pts, duration)
        else:
            self._writer.frame([self._moved(unit) for unit in shown.units], pts, duration)
            self._number = shown.record.number
        step = pts - self._last[0] if len(self._writer.index) > 1 else self._default_step()
        self._last = (pts, duration)
        self._end = pts + (duration or step)

    def packet(self, packet: AudioPacket) -> None:
        """Sound whose times are the new sequence's; what overlaps with what is there is left out."""
        time = packet.dts if packet.dts is not None else packet.pts
        last = self._heard.get(packet.stream)
        if packet.stream not in self._sound or (time is not None and last is not None and time <= last):
            return
        self._heard[packet.stream] = time
        self._writer.packet(packet)

    def append(self, reader: SequenceReader) -> None:
        """All of a sequence behind what is there."""
        self._from, self._number = reader.start.header, None
        base = _clip(self._from).time_base
        ratio = base / self._clip.time_base
        offset: Fraction | None = None
        beginning, shown = self._end, None
        bases = {part.index: part.time_base for part in reader.start.streams}
        for item in self._in_order(reader):
            if isinstance(item, CodedFrame):
                shown = shown if item.record.kind == REPEAT else item
                if offset is None:
                    offset = beginning - item.record.pts * ratio
                duration = min(round(item.record.duration * ratio), (1 << 32) - 1)
                self.frame(item, shown, round(item.record.pts * ratio + offset), duration)
            elif offset is not None:
                self.packet(_later(item, offset * self._clip.time_base, bases[item.stream]))

    def finish(self, empty: str, lost: int = 0) -> EncodeReport:
        """Index and end. Raises RequestError, of the words `empty`, where no frame came."""
        if not len(self._writer.index):
            raise RequestError(empty)
        self._writer.finish()
        self._output.commit()
        header = self._header
        return EncodeReport(
            size=(header.width, header.height),
            mode=header.mode,
            bytes=self._writer.offset,
            seconds=time.perf_counter() - self._begun,
            frames=len(self._writer.index),
            duration=float(self._clip.seconds(self._end - self._writer.index.pts[0])),
            lost=lost,
        )

    def _in_order(self, reader: SequenceReader) -> Iterator[CodedFrame | AudioPacket]:
        """What is in a sequence, sound that comes before its first frame behind that."""
        waiting: list[AudioPacket] = []
        first = True
        for item in reader.items():
            if first and isinstance(item, AudioPacket):
                waiting.append(item)
                continue
            yield item
            if first:
                yield from waiting
                waiting, first = [], False

    def _default_step(self) -> int:
        return round(1 / self._clip.rate / self._clip.time_base) if self._clip.rate else 1

    def _moved(self, unit: Unit) -> Unit:
        """A unit with its quality and model told relative to the new header."""
        absolute = min(max(self._from.quality + unit.quality_delta, 0), MAX_QUALITY)
        slot = self._header.model_ids.index(self._from.model_ids[unit.model_slot])
        return replace(unit, quality_delta=absolute - self._header.quality, model_slot=slot)


def _clip(header: Header) -> Clip:
    assert header.clip is not None  # SequenceReader has seen to that
    return header.clip


def _later(packet: AudioPacket, seconds: Fraction, base: Fraction) -> AudioPacket:
    moved = round(seconds / base)
    pts, dts = (None if time is None else time + moved for time in (packet.pts, packet.dts))
    return replace(packet, pts=pts, dts=dts)


def _common_header(headers: Sequence[Header], names: Sequence[str]) -> Header:
    first = headers[0]
    for header, name in zip(headers[1:], names[1:], strict=True):
        for what in ("width", "height", "mode", "tile"):
            here, there = getattr(header, what), getattr(first, what)
            if here != there:
                raise RequestError(f"{name} has {what} {here}, {names[0]} has {there}: they cannot be joined")
        if _clip(header).pixel_aspect != _clip(first).pixel_aspect:
            raise RequestError(f"{name} has pixels of another aspect than {names[0]}: they cannot be joined")
    models = tuple(dict.fromkeys(identity for header in headers for identity in header.model_ids))
    if len(models) > MAX_MODELS:
        raise LimitError(f"{len(models)} models are needed, a sequence holds {MAX_MODELS}")
    clips = [_clip(header) for header in headers]
    rates = {clip.rate for clip in clips}
    timing = replace(clips[0], time_base=_common_base(clips), rate=rates.pop() if len(rates) == 1 else None, frames=0)
    return replace(first, model_ids=models, clip=timing)


def _common_base(clips: Sequence[Clip]) -> Fraction:
    """The largest unit of which all time bases are multiples; the first one where that is too small to be written."""
    bases = [clip.time_base for clip in clips]
    below = lcm(*(base.denominator for base in bases))
    common = Fraction(gcd(*(int(base * below) for base in bases)), below)
    if common.denominator >= 1 << 32:
        note("the time bases have no common unit: times are rounded to that of the first sequence")
        return bases[0]
    return common


def _common_sound(all_streams: Sequence[tuple[AudioStream, ...]]) -> tuple[AudioStream, ...]:
    first = all_streams[0]
    if all(streams == first for streams in all_streams):
        return first
    note("the sequences have sound of different kinds: it is left out")
    return ()


@contextmanager
def _named(source: str, sources: Sequence[str]) -> Iterator[None]:
    """Of several inputs an error says which one it is about."""
    try:
        yield
    except WispError as error:
        if len(sources) == 1:
            raise
        raise type(error)(f"{source}: {error}") from error

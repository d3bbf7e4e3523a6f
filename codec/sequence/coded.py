"""The coded frames of a sequence: forward, and where the source can seek from any frame on and one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeAlias

from bitstream.errors import NotSeekableError, RequestError, WispError
from bitstream.sequence.index import FrameIndex
from bitstream.sequence.reader import Item, SequenceReader
from bitstream.sequence.record import REPEAT, CodedFrame
from bitstream.sequence.salvage import SequenceRemains
from bitstream.sequence.seek import SequenceFile
from codec.files.source import Source, opened
from codec.notes import note
from codec.work.forks import ForkLock

Reader: TypeAlias = "SequenceReader | SequenceRemains"


class CodedFrames:
    """Reads a path or a binary file object; any number of threads may use it.

    With `salvage` damage is passed over, forward only. Raises as SequenceReader, FileAccessError, and NotSeekableError
    for what needs a source that can seek.
    """

    def __init__(self, source: Source, *, salvage: bool = False) -> None:
        self._lock = ForkLock()
        self._file: SequenceFile | None = None
        self._passed = False  # a source that only reads forward: its one pass has begun
        with ExitStack() as held:
            self._source = held.enter_context(opened(source))
            forward = self._forward()
            self._opening: Reader = SequenceRemains(forward) if salvage else SequenceReader(forward)
            self.close = held.pop_all().close  # a file that was opened here; nobody may be reading
        self._path = None if self._source.path is None else self._source.path.absolute()
        self.start = self._opening.start
        self.seekable, self.salvage = self._source.seekable() and not salvage, salvage

    @property
    def name(self) -> str:
        """The file's, empty where it was not opened by its path."""
        return "" if self._path is None else self._path.name

    def path_to_open_again(self) -> Path:
        """Where the same can be read elsewhere. Raises RequestError for a file object, NotSeekableError for a pipe."""
        if not self._source.seekable():
            raise NotSeekableError("the source only reads forward: a video of it does not go to another process")
        if self._path is None:
            raise RequestError("a video goes to another process only where it was opened by its path")
        return self._path

    @property
    def missing(self) -> int:
        """With salvage: frames that are known to be lost, as far as was read."""
        return self._opening.missing if isinstance(self._opening, SequenceRemains) else 0

    @property
    def whole(self) -> bool:
        """With salvage: whether nothing had to be passed over so far."""
        return not isinstance(self._opening, SequenceRemains) or self._opening.whole

    @property
    def index(self) -> FrameIndex:
        """Every frame's place and time, as far as the file is whole."""
        with self._lock:
            return self._leaps.index

    @property
    def fault(self) -> WispError | None:
        """What ends a file that is not whole."""
        with self._lock:
            return self._leaps.fault

    def frame(self, number: int) -> CodedFrame:
        """One frame, where it lies."""
        with self._lock:
            return self._leaps.frame(number)

    def look_again(self) -> None:
        """The file may have grown."""
        with self._lock:
            self._file = None

    def items_from(self, number: int) -> tuple[Reader, Iterator[Item]]:
        """What reads the frames and packets of sound from this frame on, or from an earlier one that it needs.

        A source that only reads forward is read from where it stands, once.
        """
        with self._lock:
            if not self.seekable:
                if self._passed:
                    raise NotSeekableError("the source only reads forward, and its one pass has begun")
                self._passed = True
                return self._opening, self._opening.items()
            if number == 0:
                reader = SequenceReader(self._forward())
                return reader, reader.items()
            file = self._leaps
            if number >= len(file.index):
                return self._opening, _nothing(file.fault)
            record = file.record(number)
            shown = file.shown_by(record)
            cursor = self._forward()
            cursor.seek(file.index.offsets[number])
            reader = SequenceReader.resumed(cursor, self.start, number, cursor.tell(), shown)
            return reader, chain([file.frame(shown)] if record.kind == REPEAT else [], reader.items())

    def tell_of_damage(self, reader: Reader) -> None:
        """Notes of what is odd about a file whose frames have all been read."""
        damaged = reader.start.damaged if isinstance(reader, SequenceRemains) else reader.tail and reader.damaged
        if damaged:
            note(f"{' and '.join(damaged)} damaged and left out")
        size = self._source.size()
        if isinstance(reader, SequenceRemains) or reader.tail is None or size is None:
            return
        if (extra := size - reader.offset) > 0:
            note(f"{extra} bytes after the end of the file are ignored")

    @property
    def _leaps(self) -> SequenceFile:
        if not self.seekable:
            raise NotSeekableError("the source only reads forward: frames cannot be counted, chosen or gone back to")
        if self._file is None:
            self._file = SequenceFile(self._source.cursor())
        return self._file

    def _forward(self) -> BinaryIO:
        return self._source.cursor() if self._source.seekable() else self._source


def _nothing(fault: WispError | None) -> Iterator[Item]:
    if fault is not None:
        raise fault
    yield from ()

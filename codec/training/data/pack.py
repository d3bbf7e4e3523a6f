"""Packs: tar files of training crops or clips in webdataset's layout, with a list of what was taken."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import numpy as np

from bitstream.errors import FileAccessError, RequestError
from codec.files.output import Output, Writing
from codec.notes import note
from codec.training.data.clips import ClipCutter
from codec.training.data.cutting import Cut, PictureCutter, Sample
from codec.training.data.hashes import ALIKE, Excluded, Hashes
from codec.training.data.settings import PackSettings
from codec.training.data.sources import TAR, Entry, find_pictures, find_videos
from codec.training.extra import needed
from codec.work.processes import in_order
from codec.work.progress import Progress

LIST = ".csv"


@dataclass
class PackReport:
    """What a pack holds and what was left out.

    Attributes:
        samples: crops or clips; `sources`: the pictures or videos that they are of.
        left_out: how many sources gave nothing, by the reason: "unreadable", "excluded" (to be tested with), "small",
            "flat", "still" and "short" (videos), "duplicate". Single crops that were left out count as "excluded
            crops" and "duplicate crops".
        bytes: of the pack.
    """

    samples: int = 0
    sources: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    bytes: int = 0


def make_pack(
    sources: Sequence[Path],
    output: Path,
    settings: PackSettings,
    *,
    exclude: Sequence[Path] = (),
    writing: Writing | None = None,
    jobs: int = 0,
    progress: Progress | None = None,
) -> PackReport:
    """Cut crops of pictures, or clips of videos, into the tar `output`, and list them in the CSV file beside it.

    The members are KEY.webp (or .avif) and KEY.json, which tells source, place, scale, hashes. A key is p_SOURCE_N, or
    g_ for graphics and v_ for clips, SOURCE the beginning of the source file's SHA-256. Sources come in an order by
    the seed; the same sources and settings give the same pack. A source that looks like an earlier one is left out, and
    so is a crop. What cannot be read is named in a note.

    Args:
        sources: as of `find_pictures`, or of `find_videos` where `settings.frames` is given.
        exclude: pictures and videos to test with, see Excluded.
        jobs: processes; 0 is this one alone.

    Raises:
        FileAccessError (nothing was found or taken, an input is missing, the output cannot be written),
        OutputExistsError, RequestError (`output` is no .tar), UnsupportedError (a library is missing).
    """
    if output.suffix != TAR:
        raise RequestError(f"output {output}: a pack's name ends in {TAR}")
    tar, listing = (Output(path, writing, sources=[*sources, *exclude]) for path in (output, output.with_suffix(LIST)))
    for library in ("webdataset", "imagehash"):
        needed(library)  # said before the work begins
    clips = settings.frames is not None
    entries = (find_videos if clips else find_pictures)(sources)
    order = np.random.default_rng(settings.seed).permutation(len(entries))
    cutter: Callable[[Entry], Cut] = (ClipCutter if clips else PictureCutter)(settings, Excluded(exclude))
    progress = progress or Progress()
    progress.begin(len(entries))
    with (
        _Pack(tar, listing, settings) as pack,
        closing(in_order(cutter, [entries[i] for i in order], min(jobs, len(entries)))) as cuts,
    ):
        for cut in cuts:
            progress.add(1)
            if cut.message:
                note(cut.message)
            pack.take(cut)
            if pack.is_full:
                break
    return pack.report


class _Pack:
    """The tar and the list while they are written; they get their names when both are whole."""

    def __init__(self, tar: Output, listing: Output, settings: PackSettings) -> None:
        self.report = PackReport()
        self._tar, self._list, self._settings = tar, listing, settings
        self._text = StringIO()
        self._rows: csv.DictWriter[str] | None = None
        self._sources, self._samples = Hashes(), Hashes()

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached."""
        return self.report.samples == self._settings.limit

    def take(self, cut: Cut) -> None:
        """Add what is new of one source's samples, and count what is left out. Raises FileAccessError."""
        report = self.report
        report.left_out["excluded crops"] += cut.excluded
        if cut.hash is not None and self._sources.has_near(cut.hash, ALIKE):
            report.left_out["duplicate"] += 1
            return
        if cut.why:
            report.left_out[cut.why] += 1
        elif cut.hash is not None:
            self._sources.add(cut.hash)
        before = report.samples
        for sample in cut.samples:
            if self._samples.has_near(sample.hash, ALIKE):
                report.left_out["duplicate crops"] += 1
            elif not self.is_full:
                self._samples.add(sample.hash)
                self._write(sample)
        report.sources += report.samples > before

    def __enter__(self) -> _Pack:
        self._tar.open()
        # Plain members and no times, so that the same crops make the same file.
        self._writer = needed("webdataset").TarWriter(
            self._tar, encoder=False, compress=False, mtime=0, user="", group="", mode=0o644
        )
        return self

    def _write(self, sample: Sample) -> None:
        facts = json.dumps(sample.facts).encode()
        self._writer.write({"__key__": sample.key, self._settings.picture_format: sample.data, "json": facts})
        if self._rows is None:
            self._rows = csv.DictWriter(self._text, ["key", *sample.facts], lineterminator="\n")
            self._rows.writeheader()
        self._rows.writerow({"key": sample.key, **sample.facts})
        self.report.samples += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
            self.report.left_out = +self.report.left_out  # without zeros
        finally:
            with suppress(Exception):  # what is begun must be ended before its file goes, or it complains when it goes
                self._writer.close()
            self._tar.discard()
            self._list.discard()

    def _finish(self) -> None:
        if not self.report.samples:
            reasons = ", ".join(f"{count} {why}" for why, count in (+self.report.left_out).items())
            raise FileAccessError(f"nothing was taken for the pack: {reasons}")
        self._writer.close()
        self.report.bytes = self._tar.tell()
        with self._list as listing:
            listing.write(self._text.getvalue().encode(errors="surrogateescape"))
            self._tar.commit()

"""What is here: codecs and measures are tried in processes of their own before anything is planned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.codecs.interface import AbsentError, ImageCodec
from benchmarks.measures.catalog import INFOS, open_measures
from benchmarks.rd.records import Absence, CodecInfo
from benchmarks.rd.worker import Setting, limit_threads, opened
from codec.work.processes import in_own_processes

_ENDED = "its library ended the process that loaded it"
_REMEDY = "install it again"


@dataclass(frozen=True)
class Found:
    """What one probe tells."""

    codecs: tuple[CodecInfo, ...] = ()
    measures: Mapping[str, str] = field(default_factory=dict)  # id: version
    absent: tuple[Absence, ...] = ()


class Probe(Protocol):
    """A question to a process."""

    def run(self) -> Found:
        """In the process."""

    def ended(self) -> Found:
        """In the parent, where the process ended before it had an answer."""


def tried(probes: Iterable[Probe], jobs: int) -> Found:
    """What all of them tell together, each tried in a process of its own: a library may end the one that loads it."""
    groups: list[list[Probe]] = [[probe] for probe in probes]
    codecs: list[CodecInfo] = []
    measures: dict[str, str] = {}
    absent: list[Absence] = []
    with closing(in_own_processes(run_probe, groups, jobs)) as answers:
        for group, _, answer in answers:
            found = groups[group][0].ended() if answer is None else answer
            codecs += found.codecs
            measures.update(found.measures)
            absent += found.absent
    return Found(tuple(codecs), measures, tuple(absent))


def run_probe(probe: Probe) -> Found:
    """What a process is started with."""
    return probe.run()


class Openable(Protocol):
    """What a probe asks of a codec; see ImageCodec."""

    id: str
    title: str
    qualities: tuple[float, ...]
    options: Mapping[str, object]

    @property
    def version(self) -> str: ...

    def command(self, quality: float) -> str: ...


@dataclass(frozen=True)
class ProbeAny(ABC):
    """Whether `codec` can be opened; how is the subclass's matter."""

    codec: Openable
    threads: int

    @abstractmethod
    def _opened(self) -> Openable:
        """Raises AbsentError."""

    def run(self) -> Found:
        """See Probe."""
        try:
            codec = self._opened()
        except AbsentError as error:
            return self._absent(error.reason, error.remedy)
        middle = codec.qualities[len(codec.qualities) // 2]
        info = CodecInfo(codec.id, codec.title, codec.version, dict(codec.options), codec.command(middle))
        return Found(codecs=(info,))

    def ended(self) -> Found:
        """See Probe."""
        return self._absent(_ENDED, _REMEDY)

    def _absent(self, reason: str, remedy: str) -> Found:
        return Found(absent=(Absence(self.codec.id, self.codec.title, "codec", reason, remedy),))


@dataclass(frozen=True)
class ProbeCodec(ProbeAny):
    """Whether a codec of pictures can be opened."""

    codec: ImageCodec

    def _opened(self) -> ImageCodec:
        return opened(self.codec, self.threads)


def measures_ended(names: Iterable[str], titles: Mapping[str, str]) -> Found:
    """What is told where the process that tried these measures ended."""
    return Found(absent=tuple(Absence(name, titles[name], "measure", _ENDED, _REMEDY) for name in names))


@dataclass(frozen=True)
class ProbeMeasures:
    """Which measures can run."""

    setting: Setting

    def run(self) -> Found:
        """See Probe."""
        limit_threads(self.setting.threads)
        found, absent = open_measures(self.setting.measures, lpips_weights=self.setting.lpips_weights)
        return Found(measures={measure.info.id: measure.version for measure in found}, absent=tuple(absent))

    def ended(self) -> Found:
        """See Probe."""
        return measures_ended(self.setting.measures, {name: info.title for name, info in INFOS.items()})

"""What is here: codecs and measures are tried in processes of their own before anything is planned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from benchmarks.codecs.interface import AbsentError, BaseCodec
from benchmarks.measures.catalog import INFOS, open_measures
from benchmarks.rd.jobs import Setting, info_of, limit_threads, opened
from benchmarks.rd.records import Absence, CodecInfo
from codec.work.processes import in_own_processes

_ENDED = "its library ended the process that loaded it"
_REMEDY = "install it again"


@dataclass(frozen=True)
class Found:
    """What one probe tells."""

    codecs: tuple[CodecInfo, ...] = ()
    measures: Mapping[str, str] = field(default_factory=dict)  # id: version
    absent: tuple[Absence, ...] = ()


class Probe(ABC):
    """A question to a process."""

    @abstractmethod
    def run(self) -> Found:
        """In the process."""

    @abstractmethod
    def ended(self) -> Found:
        """In the parent, where the process ended before it had an answer."""


def tried(probes: Iterable[Probe], jobs: int) -> Found:
    """What all of them tell together, each tried in a process of its own: a library may end the one that loads it."""
    groups = [[probe] for probe in probes]
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


@dataclass(frozen=True)
class ProbeCodec(Probe):
    """Whether `codec` can be opened."""

    codec: BaseCodec
    threads: int

    def run(self) -> Found:
        """See Probe."""
        try:
            codec = opened(self.codec, self.threads)
        except AbsentError as error:
            return self._absent(error.reason, error.remedy)
        return Found(codecs=(info_of(codec, codec.qualities[len(codec.qualities) // 2]),))

    def ended(self) -> Found:
        """See Probe."""
        return self._absent(_ENDED, _REMEDY)

    def _absent(self, reason: str, remedy: str) -> Found:
        return Found(absent=(Absence(self.codec.id, self.codec.title, "codec", reason, remedy),))


@dataclass(frozen=True)
class ProbeMeasures(Probe):
    """Which measures can run."""

    setting: Setting

    def run(self) -> Found:
        """See Probe."""
        limit_threads(self.setting.threads)
        found, absent = open_measures(self.setting.measures, lpips_weights=self.setting.lpips_weights)
        return Found(measures={measure.info.id: measure.version for measure in found}, absent=tuple(absent))

    def ended(self) -> Found:
        """See Probe."""
        names = self.setting.measures
        return Found(absent=tuple(Absence(name, INFOS[name].title, "measure", _ENDED, _REMEDY) for name in names))

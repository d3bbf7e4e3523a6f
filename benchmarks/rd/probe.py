"""What is here: codecs and measures are tried in processes of their own before anything is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.codecs.interface import AbsentError, ImageCodec
from benchmarks.measures.catalog import INFOS, open_measures
from benchmarks.rd.records import Absence, CodecInfo
from benchmarks.rd.worker import Setting, limit_threads, opened

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


def run_probe(probe: Probe) -> Found:
    """What a process is started with."""
    return probe.run()


@dataclass(frozen=True)
class ProbeCodec:
    """Whether `codec` can be opened."""

    codec: ImageCodec
    threads: int

    def run(self) -> Found:
        """See Probe."""
        try:
            codec = opened(self.codec, self.threads)
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
        return Found(
            absent=tuple(Absence(name, INFOS[name].title, "measure", _ENDED, _REMEDY) for name in self.setting.measures)
        )

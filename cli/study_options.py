"""Options that the studies share, and how each of them runs: progress, signals, and the words at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.command import say
from cli.gathered import Option, gathered
from cli.progress import Count, Display, ProgressKind, shown
from cli.stop import Stop

if TYPE_CHECKING:
    from benchmarks.studies.request import Request
    from benchmarks.studies.study import Study
    from codec.training.loop import Status


def _numbers(_: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """Whole numbers of at least 1, with commas between them."""
    try:
        numbers = tuple(map(int, value.split(",")))
    except ValueError:
        numbers = (0,)
    if min(numbers) < 1:
        raise click.BadParameter(f"{value!r} is not like 20,50", param=parameter)
    return numbers


def _names(known: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """Some of these, with commas between them."""

    def names(_: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
        chosen = tuple(filter(None, value.split(",")))
        if strange := [name for name in chosen if name not in known]:
            raise click.BadParameter(f"{', '.join(strange)}: there are {', '.join(known)}", param=parameter)
        return chosen

    return names


@dataclass(frozen=True)
class Running:
    """Where a study goes, and how, which changes nothing in what it finds."""

    out: Path
    resume: bool
    overwrite: bool
    device: str
    threads: int | None
    progress: ProgressKind


_PICTURES = (
    click.option(
        "--images",
        metavar="PATH",
        multiple=True,
        required=True,
        type=click.Path(path_type=Path),
        help="A folder, tar file or picture; files of CIFAR-10, CIFAR-100, MNIST or .npz; live. May be repeated.",
    ),
    click.option("--size", type=click.IntRange(16, 1024), metavar="N", help="Pixels a side of crops; 32 is usual."),
    click.option("--resize", "whole", is_flag=True, help="Resize whole pictures to --size instead of cropping them."),
    click.option(
        "--count", type=click.IntRange(0), default=2000, show_default=True, metavar="N",
        help="Pictures or crops at most; 0 is all, and one crop a picture.",
    ),
)  # fmt: skip
_TRAINING = (
    click.option("--batch", type=click.IntRange(1), metavar="N", help="Pictures a step."),
    click.option("--lr", "rate", type=click.FloatRange(0, min_open=True), metavar="RATE", help="Adam's learning rate."),
    click.option("--decay", type=click.Choice(["constant", "linear", "cosine"]), help="How the learning rate falls."),
    click.option(
        "--patience", type=click.IntRange(0), default=0, metavar="N", help="Stop after so many epochs without gain."
    ),
    click.option("--dropout", type=click.FloatRange(0, 1), default=0.0, metavar="SHARE", help="Of features, left out."),
    click.option("--flip", is_flag=True, help="Mirror pictures at random."),
    click.option(
        "--rotate",
        type=click.FloatRange(0, 180),
        default=0.0,
        metavar="DEGREES",
        help="Turn pictures by up to so much.",
    ),
    click.option("--loss", type=click.Choice(["mse", "l1"]), default="mse", show_default=True),
    click.option("--widths", default="32", callback=_numbers, metavar="N,N", help="A row for each width; 32 is usual."),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, metavar="N"),
    click.option("--quick", is_flag=True, help="A few pictures, epochs and channels, to see that it works."),
)
_RUNNING = (
    click.option(
        "-o", "--out", metavar="OUT", required=True, type=click.Path(path_type=Path), help="Folder of the study."
    ),
    click.option("--resume", is_flag=True, help="Go on with the study that is in OUT, or begin it."),
    click.option("--overwrite", is_flag=True, help="Replace the study that is in OUT."),
    click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True),
    click.option("--threads", type=click.IntRange(1, options.MAX_THREADS), metavar="N", help="Threads of a CPU."),
    click.option("--progress", type=click.Choice(["auto", "json", "none"]), default="auto", show_default=True),
)


def _choices(values: dict[str, Any]) -> dict[str, Any]:
    return {"choices": values}


def _running(values: dict[str, Any]) -> dict[str, Any]:
    return {"running": Running(**values)}


choices = gathered((*_PICTURES, *_TRAINING), _choices)  # handed over as one parameter `choices`
running = gathered(_RUNNING, _running)  # and one `running`


def epochs(usual: str) -> Option:
    """The option of when to look."""
    return click.option(
        "--epochs", default=usual, callback=_numbers, show_default=True, metavar="N,N",
        help="How long to train; and before that, when to look.",
    )  # fmt: skip


def networks(known: tuple[str, ...], usual: str) -> Option:
    """The option of which networks to train."""
    help_ = f"Of {', '.join(known)}. [default: {usual}]"
    return click.option("--networks", default="", callback=_names(known), metavar="NAME,NAME", help=help_)


class _Shown:
    """Hears how a study goes (benchmarks.studies.runs.Listener) and shows it."""

    def __init__(self, show: Display, stop: Stop) -> None:
        self._show, self._stop = show, stop
        self._row, self._rows = 0, 1

    def begin(self, title: str, row: int, rows: int) -> None:
        """See Listener."""
        self._row, self._rows = row, rows
        self._show.begin(0, title)

    def advance(self, status: Status) -> bool:
        """See Listener."""
        self._show.advance(0, (self._row + status.share) / self._rows, Count(status.step, status.steps, "steps"))
        return not self._stop()


def request_of(choices: dict[str, Any], **more: Any) -> Request:
    """What the options ask for. `live` is the set of the package; whole pictures have 224 pixels a side, crops 32."""
    from benchmarks.datasets import BUNDLED, LIVE
    from benchmarks.studies.request import Request
    from codec.training.data.small_sets import is_set
    from codec.training.data.sources import TAR

    images = [LIVE if str(path) == BUNDLED and not path.exists() else path for path in choices.pop("images")]
    alone = len(images) == 1 and images[0].is_file() and images[0].suffix != TAR and not is_set(images[0])
    size = choices.pop("size") or (224 if choices["whole"] or alone else 32)
    return Request(images=images, size=size, **choices, **more)


def run(study: Study, request: Request, running: Running) -> None:
    """Run the study, saying how far it is and where its page is. Exits with a signal's status where one stopped it."""
    from benchmarks.rd.outputs import PAGE, check_packages

    check_packages(PAGE)  # before an hour of training ends without a page
    options.prepare_networks(running.threads)
    from benchmarks.studies.study import REPORT, run_study

    label = str(running.out)
    with shown(running.progress, [1], command="study") as show:
        stop = Stop(lambda: show.say(f"wisp: {label}: stops after this step; again to break off"))
        with stop.listening():
            whole = run_study(
                study, request, running.out, _Shown(show, stop),
                device=running.device, resume=running.resume, overwrite=running.overwrite,
            )  # fmt: skip
        show.end(0, label, stop.status)
    if not whole:
        say(label, "stopped (--resume goes on)")
        click.get_current_context().exit(stop.status)
    click.echo(f"report: {running.out / REPORT}")

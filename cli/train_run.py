"""How every training command runs a recipe: progress, signals, and the words at the end."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.command import notes_to, say
from cli.gathered import gathered
from cli.progress import Count, ProgressKind, shown
from cli.stop import Stop

if TYPE_CHECKING:
    from codec.training.loop import Outcome, Status
    from codec.training.recipe import Recipe


@dataclass(frozen=True)
class RunOptions:
    """How a run goes, which changes nothing in what it makes."""

    resume: bool
    overwrite: bool
    device: str
    threads: int | None
    report: bool
    progress: ProgressKind

    def resumed(self, folder: Path) -> Path | None:
        """The folder, if its run is to go on."""
        return folder if self.resume else None


_OPTIONS = (
    click.option("--resume", is_flag=True, help="Go on with the run that is in RUN, by its recipe, or begin it."),
    click.option("--overwrite", is_flag=True, help="Replace the run that is in RUN."),
    options.device,
    options.threads,
    click.option("--report/--no-report", default=True, show_default=True, help="Write RUN/report.html at the end."),
    options.progress,
)


def _run_options(values: dict[str, Any]) -> dict[str, Any]:
    return {"run": RunOptions(**values)}


run_options = gathered(_OPTIONS, _run_options)  # handed over as one parameter `run`


def run_recipe(recipe: Recipe, data: Sequence[Path], out: Path, run: RunOptions) -> None:
    """Train, saying how far it is, and how it ended. Exits with the signal's status where one stopped it."""
    options.prepare_networks(run.threads)
    from codec.training.session import train

    first = int(os.environ.get("RANK", "0")) == 0  # of the processes that torchrun started, it speaks for all
    silence = nullcontext() if first else notes_to(lambda _: None)
    with silence, shown(run.progress if first else "none", [1], quiet=False, command="train") as show:
        stop = Stop(lambda: show.say(f"wisp: {out}: stops after this step; again to break off"))
        with stop.listening():
            show.begin(0, str(out))

            def watch(status: Status) -> bool:
                total = status.steps or None
                show.advance(0, status.share, Count(status.step, total, "steps"))
                return not stop()

            outcome = train(
                recipe, data, out, device=run.device, resume=run.resume, overwrite=run.overwrite, watch=watch
            )
        show.end(0, str(out), stop.status)
    if first:
        _tell(out, outcome)
        if run.report and outcome.ended != "stopped":
            _report(out, recipe)
    if outcome.ended == "stopped":
        click.get_current_context().exit(stop.status)


def _report(out: Path, recipe: Recipe) -> None:
    from codec.training.run import Run

    try:
        from benchmarks.report.training import write_report

        say(str(out), f"report written to {write_report(Run.open(out), f'Training: {recipe.task}')}")
    except ImportError:
        say(str(out), "no report: it needs pip install 'wisp-codec[bench]'")


def _tell(out: Path, outcome: Outcome) -> None:
    how = {
        "whole": "trained",
        "early": "stopped early, best weights kept, after",
        "stopped": "stopped (--resume goes on) after",
    }[outcome.ended]
    steps = "one step" if outcome.steps == 1 else f"{outcome.steps:,} steps"
    score = f"; best score {outcome.score:.4f}" if math.isfinite(outcome.score) else ""
    say(str(out), f"{how} {steps}, {outcome.seconds:.0f} s{score}")
    if outcome.step_seconds:
        parts = ", ".join(f"{part} {seconds * 1000:.0f} ms" for part, seconds in outcome.step_seconds.items())
        say(str(out), f"a step took {parts}")

"""The commands of `wisp train` that differ in their recipe and their words alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from cli import options, train_options
from cli.command import WispCommand
from cli.gathered import Option
from cli.train_options import Changes
from cli.train_run import RunOptions, run_options, run_recipe


def _command(
    recipe: str,
    summary: str,
    text: str,
    *,
    examples: Sequence[str],
    start: str,
    without: Sequence[str] = (),
    own: Sequence[Option] = (),
) -> click.Command:
    """The command that trains by the package's recipe of its name.

    `start` says what --start takes. `without` are shared options that the task has no use for, by their parameters'
    names; `own` are options of this command, each for the key of its parameter's name in the recipe's `[network]`.
    """

    def run_it(data: tuple[Path, ...], out: Path, changes: Changes, run: RunOptions, **network: object) -> None:
        fixed = {f"network.{key}": value for key, value in network.items() if value is not None}
        run_recipe(changes.apply(recipe, run.resumed(out), **fixed), data, out, run)

    changes = train_options.changes(without, start)
    decorators: list[Option] = [train_options.data, train_options.out, *own, changes, run_options, options.debug]
    command: Callable[..., Any] = run_it
    for decorate in reversed(decorators):
        command = decorate(command)
    epilog = "\n".join(("\b", "Examples:", *(f"  wisp train {recipe} {example}" for example in examples)))
    return click.command(recipe, cls=WispCommand, short_help=summary, help=text, epilog=epilog)(command)


synthesis = _command(
    "synthesis",
    "Train a faster decoder for a model's files.",
    """Train a smaller synthesis for the latents of a model, into the folder RUN.

    The latents are made once and kept in RUN (0.3 MB a crop). Files, latents and checks stay as they are:
    `wisp decode --fast` shows the same files sooner and a little worse, once `wisp train export` has made its file.
    """,
    examples=(
        "--data photos --out run",
        "--data photos --minutes 300 --set network.leave_out=[0,1,4,5] --out run",
    ),
    start="The model that it decodes for: a model, a file of weights, or a run's folder.",
    without=("dropout",),
)

detail = _command(
    "detail",
    "Train the prior of the detail layer.",
    """Train the prior of the detail layer, which codes what the image model leaves, into the folder RUN.

    Crops are coded by the image model once and kept in RUN (0.7 MB a crop). The table of the validation gives
    bits and PSNR by quantiser step.
    """,
    examples=("--data photos --out run", "--data photos --start detail.pt --minutes 60 --out run"),
    start="random, a file of weights, or a run's folder.",
    without=("loss", "dropout"),
)

predicted = _command(
    "predicted",
    "Train the network of predicted frames.",
    """Fine-tune the image model for frames that are predicted from others, into the folder RUN.

    DIR holds packs of clips of nine frames. Frames and vectors are kept in RUN (1.8 MB a clip); the search for
    vectors takes some seconds a clip.
    """,
    examples=(
        "--data clips.tar --out run",
        "--data clips.tar --vectors vectors.npz --start state.pt --minutes 600 --out run",
    ),
    start="random, a model, a file of weights, or a run's folder.",
    without=("dropout",),
    own=(click.option("--vectors", metavar="FILE", help="The clips' vectors (.npz), not searched for then."),),
)

denoise = _command(
    "denoise",
    "Train a denoiser.",
    """Train a denoiser on clean pictures, to which noise of every strength is added, into the folder RUN.

    The table of the validation gives PSNR before and after at sigma 15, 25 and 50, in levels of 0..255.
    """,
    examples=("--data photos --out run", "--data photos --start run --minutes 60 --lr 3e-4 --out further"),
    start="random, a file of weights, or a run's folder.",
    without=("dropout",),
)

colorize = _command(
    "colorize",
    "Train a colouriser.",
    """Train a colouriser on colour pictures, which it sees in grey, into the folder RUN.

    The table of the validation gives the mean chroma error in levels, and that of a grey picture. Loss mse counts
    squared errors, which learn sooner, l1 the errors themselves.
    """,
    examples=("--data photos --out run", "--data photos --start run --loss l1 --lr 3e-4 --muon 5e-4 --out further"),
    start="random, a file of weights, or a run's folder.",
    without=("dropout",),
)

"""`wisp train tune`: fit the packaged model to one's own kind of pictures."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options, train_options
from cli.command import WispCommand
from cli.train_options import Changes
from cli.train_run import RunOptions, run_options, run_recipe

EPILOG = """\b
Examples:
  wisp train tune --data scans --minutes 60 -o scans.model
  wisp train tune --data scans --decoder-only --minutes 60 -o scans.model
  wisp train tune --data scans --out run --resume -o scans.model
"""


@click.command(cls=WispCommand, short_help="Fit the model to your own kind of pictures.", epilog=EPILOG)
@train_options.data
@click.option("-o", "--output", metavar="MODEL", required=True, type=click.Path(path_type=Path), help="The model file.")
@click.option(
    "--out", metavar="RUN", type=click.Path(path_type=Path), help="Folder of the run; MODEL.run if none is named."
)
@click.option("--decoder-only", is_flag=True, help="Train the synthesis alone: the latents stay those of the model.")
@train_options.changes()
@run_options
@options.debug
def tune(
    data: tuple[Path, ...], output: Path, out: Path | None, decoder_only: bool, changes: Changes, run: RunOptions
) -> None:
    """Fine-tune the packaged model (or --start MODEL) on pictures of one kind, and make the model file MODEL.

    What it gains is measured on pictures of the same folder that are held out. With --decoder-only latents and tables
    stay those of the model that it came from, and only the network that makes pixels of latents is another.
    """
    from codec.files.output import Writing
    from codec.training.export.model import export_decoder, export_model
    from codec.training.gain import gain
    from codec.training.run import Run
    from codec.training.start import path_of

    Writing(run.overwrite).check(str(output))
    folder = out or output.with_name(f"{output.name}.run")
    recipe = changes.apply("tune", run.resumed(folder), **({"train": ("synthesis",)} if decoder_only else {}))
    run_recipe(recipe, data, folder, run)
    made = Run.open(folder)
    found = gain(made)
    if found is not None and found.step == 0:
        click.echo("no gain on the pictures that were held out: no model is written")
        return
    if found is not None and found.rate is not None:
        click.echo(f"{found.rate:+.2f} % rate at equal PSNR on pictures that were held out (step {found.step:,})")
    if recipe.train == ("synthesis",):
        base = path_of(recipe.start)
        info = export_decoder(made.best(), base, output, name=output.stem, overwrite=run.overwrite)
    else:
        info = export_model(folder, output, name=output.stem, overwrite=run.overwrite)
    click.echo(f"model {info.id} ({info.name}) written to {output}")

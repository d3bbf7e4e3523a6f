"""`wisp train export`: make the model file of a run."""

from __future__ import annotations

from pathlib import Path

import click

from bitstream.errors import RequestError
from cli import options
from cli.command import WispCommand
from cli.selection_options import given, listed

EPILOG = """\b
Examples:
  wisp train export run -o my.model
  wisp train export run -o my.model --name holiday
  wisp train export weights.safetensors -o my.model --data packs
  wisp train export faster -o my-fast.safetensors
"""
_OF_IMAGES = ("skip_below", "curve_crops")  # the options
_OF_MODELS = ("data", "skip_below", "table_crops", "curve_crops")  # the options


@click.command(cls=WispCommand, short_help="Make a model file of a run.", epilog=EPILOG)
@click.argument("input", metavar="RUN")
@click.option("-o", "--output", metavar="MODEL", required=True, type=click.Path(path_type=Path), help="The model file.")
@click.option(
    "--data",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Pictures that the tables are fitted to; those of the run if none are named. Never test pictures.",
)
@click.option("--name", metavar="NAME", help="Name of the model; that of the file if none is given.")
@click.option(
    "--skip-below", type=click.IntRange(0, 63), default=1, show_default=True, help="Scale indices below are not coded."
)
@click.option("--table-crops", type=click.IntRange(1), default=400, show_default=True, help="For the tables.")
@click.option("--curve-crops", type=click.IntRange(1), default=8, show_default=True, help="For the quality curve.")
@options.overwrite
@options.verbose
@options.debug
def export(
    input: str,
    output: Path,
    data: tuple[Path, ...],
    name: str | None,
    skip_below: int,
    table_crops: int,
    curve_crops: int,
    overwrite: bool,
    verbose: bool,
) -> None:
    """Make the model file MODEL of a run, or of a file of weights; or the file of a fast synthesis.

    The weights of the entropy path become integers, whose exactness is proved; frequency tables and the quality curve
    are fitted to the pictures. `wisp encode --model MODEL` uses it at once, and so does any command that finds it in
    a folder of $WISP_MODEL_PATH. A run of one of CompressAI's networks becomes a checkpoint in CompressAI's layout.

    A run of `wisp train synthesis` makes the file of a fast synthesis, for the model it started from: `wisp decode
    --fast` finds it in a folder of $WISP_MODEL_PATH, or beside the model that --model names. One of `wisp train detail`
    makes the file of a detail layer, found in the same places: with it `wisp encode` reaches high qualities.
    """
    from codec.training.export.compressai import export_checkpoint, is_compressai
    from codec.training.export.detail import export_detail, is_detail
    from codec.training.export.model import export_model
    from codec.training.export.restore import export_restore, is_restore
    from codec.training.export.synthesis import export_synthesis, is_synthesis
    from codec.training.run import Run

    if Path(input).is_dir() and is_compressai(run := Run.open(Path(input))):
        export_checkpoint(run, output, overwrite=overwrite)
        click.echo(f"checkpoint of {run.recipe().task} written to {output}")
        return
    report = (lambda line: click.echo(line, err=True)) if verbose else (lambda _: None)
    if is_detail(Path(input)):
        _refuse(_OF_IMAGES, "is a detail layer")
        layer = export_detail(
            Path(input), output, data, name=name, table_crops=table_crops, overwrite=overwrite, report=report
        )
        click.echo(f"detail layer {layer.id} for the pictures of model {layer.model} written to {output}")
        return
    if is_restore(Path(input)):
        _refuse(_OF_MODELS, "restores pictures")
        restorer = export_restore(Path(input), output, name=name, overwrite=overwrite)
        click.echo(f"{restorer.config.kind} model {restorer.id} written to {output}")
        return
    if is_synthesis(Path(input)):
        _refuse(_OF_MODELS, "is a fast synthesis")
        fast = export_synthesis(Path(input), output, name=name, overwrite=overwrite)
        click.echo(f"fast synthesis {fast.id} for the files of model {fast.model} written to {output}")
        return
    info = export_model(
        Path(input),
        output,
        data,
        name=name,
        skip_below=skip_below,
        table_crops=table_crops,
        curve_crops=curve_crops,
        overwrite=overwrite,
        report=report,
    )
    click.echo(f"model {info.id} ({info.name}) written to {output}")


def _refuse(unused: tuple[str, ...], what: str) -> None:
    """Raise RequestError for options of `unused` that were given: the run is something else than a whole model."""
    if found := given(unused):
        raise RequestError(f"{what}, and {listed(found)} for whole models")

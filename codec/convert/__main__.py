"""Command line of the converter."""

from __future__ import annotations

from pathlib import Path

import click

from bitstream.errors import WispError
from codec.convert.model import convert


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--crops", required=True, help="Glob of tar files of training pictures, never of test pictures.")
@click.option("--name", required=True, help="Name of the model, such as image-v1.")
@click.option("--skip-below", default=1, show_default=True, help="T: scale indices below are not coded.")
@click.option("--table-crops", default=1200, show_default=True, help="Crops that the tables are fitted to.")
@click.option("--curve-crops", default=64, show_default=True, help="Photographs that the curve is fitted to.")
def main(
    checkpoint: Path, output: Path, crops: str, name: str, skip_below: int, table_crops: int, curve_crops: int
) -> None:
    """Turn a training CHECKPOINT into the model file OUTPUT."""
    try:
        info = convert(
            checkpoint,
            output,
            crops,
            name=name,
            skip_below=skip_below,
            table_crops=table_crops,
            curve_crops=curve_crops,
            report=click.echo,
        )
    except WispError as error:
        click.echo(f"convert: {error}", err=True)
        raise SystemExit(error.exit_status) from None
    click.echo(f"model {info.id} ({info.name}) written to {output}")


if __name__ == "__main__":
    main()

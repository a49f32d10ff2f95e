"""The command line: answers photos, and shows and moves what is in production.

MLflow takes five seconds to import, so every command imports what it needs itself.
"""

import os
import sys
from pathlib import Path
from typing import Any

import click

from archstyle.common.console import full_disk_told, print_any_letters
from archstyle.errors import ArchstyleError
from archstyle.feedback import feedback

FORMATS = ("table", "jsonl", "csv", "parquet")  # of `archstyle predict`


class OneSentence(click.Group):
    """Turns an expected failure of a command into one sentence on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with full_disk_told():
                return super().invoke(ctx)
        except ArchstyleError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:  # `archstyle predict ... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            if not error.filename:
                raise
            told = f"{error.filename} cannot be used ({error.strerror}): look at its rights."
            raise click.ClickException(told) from error
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package in ("archstyle", "facades", "serving", "pipeline"):
                raise
            extra = "serving" if package in ("mlflow", "jinja2") else "pipeline"
            less = "; a bundle's folder as --model, and --format csv, need less"
            less *= extra == "serving" or package == "pyarrow"
            told = f"This needs {package}, which is not installed: `pip install archstyle[{extra}]`"
            raise click.ClickException(f"{told}{less}.") from error


@click.group(cls=OneSentence, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="archstyle")
def main() -> None:
    """Tell the architectural style of a building from a photo."""
    print_any_letters()


main.add_command(feedback)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--model", help="Bundle's folder, or models:/archstyle/3. Default: as served.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: as --output is named.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--resume", is_flag=True, help="Go on with --output where it ends.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="Photos at once. Default: one a core; on a cluster 2 a core.",
)
@click.option("--cluster", flag_value="auto", is_flag=False, help="Ray's address, or the one here.")
def predict(
    model: str | None, form: str | None, output: Path | None, resume: bool, **options: Any
) -> None:
    """Answer photos: files, folders, 'a/**/*.jpg', .zip, .tar, s3://bucket/a, a list on `-`.

    --output takes .jsonl, .csv and .parquet; after Ctrl-C the same command with --resume goes on.
    """
    from archstyle.predict.answering import predict_many
    from archstyle.registry.cache import load_model

    if not output and (resume or form == "parquet"):
        raise ArchstyleError("--resume and Parquet need --output FILE.")
    form = form or (output.suffix[1:].lower() if output else "table")
    if form not in FORMATS[1:] and output:
        raise ArchstyleError(f"{output} can be .jsonl, .csv or .parquet: name it so, or --format.")
    predict_many(load_model(model), form=form, path=output, resume=resume, **options)


@main.command()
def versions() -> None:
    """List the registered versions with their alias and accuracy."""
    from archstyle.registry.versions import versions_table

    click.echo(versions_table())


@main.command()
@click.argument("version")
@click.option("--reason", default="", help="Why; kept in the journal.")
def promote(version: str, reason: str) -> None:
    """Make VERSION (a number, or `challenger`) the champion."""
    from archstyle.registry.cache import answering
    from archstyle.registry.promotion import promote as promote_version

    change = promote_version(version, reason)
    click.echo(
        f"Version {change.version} is champion now, before it was {change.previous or 'none'}. A "
        f"running server takes {answering()} by itself; `archstyle rollback` goes back."
        if change
        else f"Version {version} is the champion already."
    )


@main.command()
@click.option("--reason", default="", help="Why; kept in the journal.")
def rollback(reason: str) -> None:
    """Make the champion before the present one champion again."""
    from archstyle.registry.cache import answering
    from archstyle.registry.promotion import rollback as roll_back

    change = roll_back(reason)
    click.echo(
        f"Version {change.version} is champion again, after version {change.previous}. A running "
        f"server takes {answering()} by itself."
    )


@main.command()
@click.argument("version")
@click.argument("other", required=False)
def lineage(version: str, other: str | None) -> None:
    """Show where VERSION (a number or an alias) came from; with OTHER, what differs in that."""
    from archstyle.registry.differences import differences_text
    from archstyle.registry.versions import lineage_text

    click.echo(differences_text(version, other) if other else lineage_text(version))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def register(folder: Path) -> None:
    """Register the bundle in FOLDER, made elsewhere; it is measured and judged like any."""
    from archstyle.config import compose
    from archstyle.registry.portable import register_folder

    made = register_folder(Path.cwd(), folder, compose(Path.cwd()))
    click.echo(f"Version {made['version']} is {made['alias']}: {' '.join(made['reasons'])}")


@main.command()
@click.argument("version")
def verify(version: str) -> None:
    """Check that VERSION's files are as registered and that it answers as when it was made."""
    from archstyle.registry.portable import verify as verify_version

    click.echo(verify_version(version))


@main.command()
@click.argument("version")
@click.argument("folder", type=click.Path(path_type=Path))
def export(version: str, folder: Path) -> None:
    """Write VERSION with its card, data sheet and licence into FOLDER."""
    from archstyle.registry.portable import export as export_version

    click.echo(export_version(version, folder))


@main.command()
@click.argument("model", required=False)
def card(model: str | None) -> None:
    """Tell people of MODEL, as the server's page /model does, in Markdown.

    MODEL is a bundle's folder, or models:/archstyle/3. Default: as served.
    """
    from archstyle.registry.model_card import markdown_card

    click.echo(markdown_card(model))


@main.command()
@click.option("--show", default=100, type=click.IntRange(min=0), help="Suspects on the page.")
def audit(show: int) -> None:
    """Look for wrong labels; writes reports/audit.html for a person to decide."""
    from archstyle.audit.auditing import audit as audit_labels

    audit_labels(Path.cwd(), show)


@main.command()
def renew() -> None:
    """Learn from the test photos that were looked at; photos that came since take their place."""
    from archstyle.data.previous import renew_test_photos

    click.echo(renew_test_photos(Path.cwd()))


@main.command()
@click.argument("overrides", nargs=-1)
@click.option("--space", default="default", help="File in conf/sweep/.")
@click.option("--trials", type=click.IntRange(min=1), help="In all. Default: as the file says.")
@click.option("--workers", default=1, type=click.IntRange(min=1), help="Trials at once.")
@click.option("--ray", help="Address of a Ray cluster to run trials on, or `auto`.")
@click.option("--storage", help="SQLAlchemy's address of a database. Default: a file.")
@click.option(
    "--take-over", is_flag=True, help="Go on with a sweep of another machine that is gone."
)
def sweep(
    overrides: tuple[str, ...], space: str, trials: int | None, storage: str | None, **options: Any
) -> None:
    """Search values of the recipe on the validation photos; writes reports/sweep/.

    OVERRIDES go before the file: train.epochs=4, or train.mixup='choice(0,0.2)' to search it. The
    same command goes on where it was interrupted.
    """
    from archstyle.search.plan import make_plan
    from archstyle.search.sweep import sweep as run_sweep

    run_sweep(make_plan(Path.cwd(), space, overrides, trials, storage), **options)


@main.command()
def release() -> None:
    """Make models/released, which a fresh clone answers with, of what was trained and measured."""
    from archstyle.registry.release import release as write_released

    click.echo(write_released(Path.cwd()))


@main.command()
def record() -> None:
    """Record a result that DVC restored from its cache but MLflow does not know."""
    from archstyle.registry.record import ensure_recorded

    ensure_recorded(Path.cwd())


if __name__ == "__main__":
    main()

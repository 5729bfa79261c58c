"""The command line: `trendhouse simulate | check | publish`.

Whatever goes wrong is told in one sentence, with exit code 2. `check` exits with 1 when it found something that stops a
build.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trendhouse.check import CheckError, collect_report, render_report
from trendhouse.publish import DATABASE_NAME, PublishError, publish

WIDTH_WITHOUT_TERMINAL = 140


class Sentence(click.ClickException):
    """An error as a person should read it."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trendhouse")
def main() -> None:
    """Trendhouse: from a shop's raw tables to trained, served and traceable predictions."""


@main.command("simulate")
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Size; 1 is about 100,000 raw rows.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed and scale, same bytes."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write to, one file per table.",
)
@click.option("--format", "file_format", type=click.Choice(["csv", "parquet"]), default="parquet", show_default=True)
@click.option("--table-prefix", default="", help="Put before the name of every raw table.")
@click.option("--no-rings", is_flag=True, help="Leave the brushing rings (planted fraud) out.")
@click.option("--force", is_flag=True, help="Write into a folder that is not empty.")
def simulate_command(
    scale: float, seed: int, out: Path, file_format: str, table_prefix: str, no_rings: bool, force: bool
) -> None:
    """Simulate a shop: raw tables as a shop would have them, and truth_* files with what was planted."""
    if out.is_dir() and any(out.iterdir()) and not force:
        raise Sentence(f"The folder {out} is not empty: name another with --out, or write into it with --force.")
    # Imported here: numpy and Arrow take a moment to load, which other commands need not wait for.
    from trendhouse.demo_shop import simulate

    with _progress() as show:
        try:
            row_counts = simulate(
                scale,
                seed,
                out,
                "csv" if file_format == "csv" else "parquet",
                lambda done, total: show("simulating", done, total),
                rings=not no_rings,
                table_prefix=table_prefix,
            )
        except OSError as error:
            raise Sentence(f"The shop could not be written to {out}: {error}.") from None
    raw = {name: count for name, count in row_counts.items() if not name.startswith("truth_")}
    _console().print(f"Wrote {sum(raw.values()):,} raw rows in {len(raw)} tables to {out}.")


@main.command("check")
@click.option("--project-dir", type=click.Path(path_type=Path), default=Path("."), help="Folder of dbt_project.yml.")
@click.option("--profiles-dir", type=click.Path(path_type=Path), default=None, help="Folder of profiles.yml.")
@click.option("--profile", default=None, help="Profile, when not the project's own.")
@click.option("--target", default=None, help="Target of the profile, when not its default.")
@click.option("--vars", "variables", default=None, help="Vars as YAML, as in `dbt build --vars`.")
def check_command(
    project_dir: Path, profiles_dir: Path | None, profile: str | None, target: str | None, variables: str | None
) -> None:
    """Report on the raw shop: what was found, what is missing and what it would switch on, what looks wrong.

    Exits with 1 when a build could not start.
    """
    try:
        report = collect_report(project_dir, profiles_dir, profile, target, variables)
    except CheckError as error:
        raise Sentence(str(error)) from None
    render_report(report, _console())
    if not report.is_ready:
        sys.exit(1)


@main.command("publish")
@click.option(
    "--warehouse",
    type=click.Path(path_type=Path),
    default=None,
    help="The build's DuckDB file; by default the profile's.",
)
@click.option("--project-dir", type=click.Path(path_type=Path), default=Path("."), help="Folder of dbt_project.yml.")
@click.option(
    "--target-path",
    type=click.Path(path_type=Path),
    envvar="DBT_TARGET_PATH",
    default=None,
    help="dbt's target folder of the build; by default `target` in the project.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder to publish to; by default `published` in the project.",
)
def publish_command(warehouse: Path | None, project_dir: Path, target_path: Path | None, to: Path | None) -> None:
    """Publish the last build for readers: one DuckDB file, Parquet beside it, swapped in at once.

    Only a whole and green `dbt build` is published, and of it only the models with public access.
    """
    project_path = project_dir.resolve()
    target_path = project_path / (target_path or "target")
    to = to or project_path / "published"
    with _progress() as show:
        try:
            publication = publish(
                target_path=target_path, to=to, warehouse=warehouse, project_path=project_path, progress=show
            )
        except PublishError as error:
            raise Sentence(str(error)) from None
        except OSError as error:
            raise Sentence(f"The new publication could not be written, so {to} stays as it is: {error}.") from None
    as_of = f", as of {publication.as_of_date}" if publication.as_of_date else ""
    what = f"{_counted(len(publication.tables), 'table')}, {_counted(publication.row_count, 'row')}{as_of}"
    warnings = len(publication.build["warnings"])
    noted = f" The build gave {_counted(warnings, 'warning')}." if warnings else ""
    _console().print(f"Published {what}, to {to / DATABASE_NAME}.{noted}", soft_wrap=True)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on the error stream, gone when done; nothing where there is no terminal."""
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(part: str, done: int, total: int) -> None:
            bar.update(task, description=part or "done", completed=done, total=total)

        yield show


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_WITHOUT_TERMINAL)


if __name__ == "__main__":
    main()

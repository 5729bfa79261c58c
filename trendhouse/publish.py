"""Publish a green build: copy its public tables to a fresh DuckDB file and to Parquet, and swap both in at once.

A DuckDB file has one writer, and a reader on it can make a build fail; so nobody but the build reads the build file.
The publication is a folder of its own::

    published/
        trendhouse.duckdb  -> current/trendhouse.duckdb
        parquet            -> current/parquet              <schema>/<table>.parquet
        published.json     -> current/published.json       which build, which tables, how many rows
        current            -> versions/<version>
        versions/<version>/                                the newest one and the one before

The three names in the first lines never change. Publishing writes a whole new version under a name that nobody reads,
flushes it to disk, reads it back, and then replaces the one link `current`. Replacing a link is atomic, so database,
Parquet and manifest change together: a crash at any moment leaves the old publication or the new one, never a mix.
Readers that hold the version before keep it until the publish after the next.
"""

import contextlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

DATABASE_NAME = "trendhouse.duckdb"
PARQUET_NAME = "parquet"
MANIFEST_NAME = "published.json"
CURRENT_NAME = "current"
VERSIONS_NAME = "versions"
UNFINISHED_PREFIX = ".unfinished-"

# dbt closes the warehouse, which may write its last pages, a moment after it wrote its results.
CLOSING_TIME = timedelta(seconds=60)

GREEN_STATUSES = frozenset({"success", "pass", "warn", "no-op"})
# The kinds of nodes that `dbt build` reports on when nothing is left out.
BUILT_RESOURCES = frozenset({"model", "seed", "snapshot", "test"})

Progress = Callable[[str, int, int], None]


class PublishError(Exception):
    """Why nothing was published, in one sentence that says what to do."""


@dataclass(frozen=True)
class PublicTable:
    """One public model: where the build keeps it and what the publication calls it."""

    model: str
    database: str
    build_schema: str
    build_name: str
    schema: str
    name: str
    description: str = ""
    column_descriptions: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The published name, `schema.table`."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Build:
    """A whole, green `dbt build`, as its artifacts tell."""

    invocation_id: str
    project: str
    dbt_version: str
    started_at: str
    finished_at: str
    warnings: tuple[str, ...]
    tables: tuple[PublicTable, ...]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class PublishedTable:
    """One table of a publication."""

    schema: str
    table: str
    model: str
    row_count: int
    parquet: str


@dataclass(frozen=True)
class Publication:
    """What `published.json` says."""

    format: int
    version: str
    published_at: str
    as_of_date: str | None
    build: Mapping[str, Any]
    tables: tuple[PublishedTable, ...]

    @property
    def row_count(self) -> int:
        """Rows over all tables."""
        return sum(table.row_count for table in self.tables)


# ---- which build -----------------------------------------------------------------------------------------------------


def read_green_build(target_path: Path) -> Build:
    """The build that dbt's artifacts in `target_path` tell of.

    Raises:
        PublishError: the last dbt command there was no whole `dbt build`, or not all of it was green.
    """
    results = _read_artifact(target_path / "run_results.json")
    manifest = _read_artifact(target_path / "manifest.json")
    arguments: dict[str, Any] = results["args"]
    command = str(arguments.get("which", "?")).replace("generate", "docs generate")
    if command != "build":
        raise PublishError(
            f"The last dbt command in {target_path} was `dbt {command}`, not `dbt build`: run a whole `dbt build` and "
            "publish right after it (other commands leave its results alone when given a --target-path of their own)."
        )

    statuses: dict[str, str] = {result["unique_id"]: str(result["status"]) for result in results["results"]}
    bad = [node for node, status in statuses.items() if status not in GREEN_STATUSES]
    if bad:
        raise PublishError(_red_sentence(bad, results["results"]))

    # Unit tests may be left out: they say nothing of tonight's tables.
    expected = [
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in BUILT_RESOURCES and node["config"].get("materialized") != "ephemeral"
    ]
    left_out = sorted(set(expected) - set(statuses), key=lambda node: (not node.startswith("model."), node))
    if left_out:
        raise PublishError(
            f"The last `dbt build` was partial: it left out {len(left_out)} of {len(expected)} nodes, "
            f"{_spoken(left_out[0])} among them; run `dbt build` without --select, --exclude or --selector, "
            "then publish."
        )
    for option in ("empty", "sample"):
        if arguments.get(option):
            raise PublishError(
                f"The last `dbt build` ran with --{option}, so its tables do not hold the shop's whole data; "
                "run `dbt build` without it, then publish."
            )
    if manifest["metadata"]["invocation_id"] != results["metadata"]["invocation_id"]:
        raise PublishError(
            f"A dbt command started at {manifest['metadata']['generated_at']}, after the last green build, and left no "
            "results of a build (stopped, killed, or no build at all): run `dbt build` again, then publish."
        )

    tables = tuple(_public_tables(manifest))
    if not tables:
        raise PublishError("The project has no model with `access: public`, so there is nothing to publish.")
    return Build(
        invocation_id=results["metadata"]["invocation_id"],
        project=manifest["metadata"]["project_name"],
        dbt_version=results["metadata"]["dbt_version"],
        started_at=results["metadata"].get("invocation_started_at") or manifest["metadata"]["generated_at"],
        finished_at=results["metadata"]["generated_at"],
        warnings=tuple(sorted(node for node, status in statuses.items() if status == "warn")),
        tables=tables,
        arguments=arguments,
    )


def _read_artifact(path: Path) -> dict[str, Any]:
    try:
        artifact: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PublishError(
            f"There is no {path}, so no finished build to publish: run `dbt build` first, or say where its artifacts "
            "are with --target-path."
        ) from None
    except (OSError, ValueError) as error:
        raise PublishError(f"{path} cannot be read ({error}): run `dbt build` again, then publish.") from None
    return artifact


def _spoken(unique_id: str) -> str:
    """`model core.dim_dates` from `model.trendhouse.dim_dates`."""
    kind, _, rest = unique_id.partition(".")
    name = rest.partition(".")[2] or rest
    return f"{kind.replace('_', ' ')} {name}"


def _red_sentence(bad: Sequence[str], results: Sequence[Mapping[str, Any]]) -> str:
    by_id = {result["unique_id"]: result for result in results}
    failed = [node for node in bad if by_id[node]["status"] != "skipped"]
    first = (failed or list(bad))[0]
    message = re.sub(r"\s+", " ", str(by_id[first].get("message") or "")).strip()
    reason = f" ({message[:200]})" if message else ""
    others = len(bad) - 1
    also = f" and {others} other node{'s' if others != 1 else ''} did not end well" if others else ""
    return (
        f"The last `dbt build` is not green: {_spoken(first)} ended with '{by_id[first]['status']}'{reason}{also}; "
        "mend it, run `dbt build` again, then publish."
    )


def _public_tables(manifest: Mapping[str, Any]) -> Iterator[PublicTable]:
    """The models with public access, under the schema that the project names, without the prefix dbt puts before it."""
    seen: dict[tuple[str, str], str] = {}
    for unique_id, node in sorted(manifest["nodes"].items()):
        config = node["config"]
        if node["resource_type"] != "model" or (node.get("access") or config.get("access")) != "public":
            continue
        if config.get("materialized") == "ephemeral":
            continue
        table = PublicTable(
            model=unique_id,
            database=node["database"],
            build_schema=node["schema"],
            build_name=node["alias"],
            schema=(config.get("schema") or node["schema"]).lower(),
            name=node["alias"].lower(),
            description=node.get("description") or "",
            column_descriptions={
                name.lower(): column.get("description") or "" for name, column in node["columns"].items()
            },
        )
        other = seen.setdefault((table.schema, table.name), unique_id)
        if other != unique_id:
            raise PublishError(
                f"{_spoken(other)} and {_spoken(unique_id)} would both be published as {table.label}: rename one."
            )
        yield table


def find_warehouse(project_path: Path, arguments: Mapping[str, Any]) -> Path:
    """The DuckDB file of the profile that the build used.

    Args:
        project_path: folder of dbt_project.yml.
        arguments: the arguments of the build, from run_results.json.

    Raises:
        PublishError: the profile cannot be read or its warehouse is no DuckDB file.
    """
    # Imported here: dbt takes a second to load, and `--warehouse` does without it.
    from argparse import Namespace

    from dbt.config.runtime import load_profile
    from dbt.flags import set_from_args
    from dbt_common.context import set_invocation_context

    try:
        set_invocation_context(os.environ)
        profiles_path = str(arguments.get("profiles_dir") or project_path)
        set_from_args(Namespace(PROFILES_DIR=profiles_path, profiles_dir=profiles_path), None)
        variables = arguments.get("vars") or {}
        profile = load_profile(str(project_path), variables, arguments.get("profile"), arguments.get("target"), None)
        path = str(getattr(profile.credentials, "path", "") or "")
    except Exception as error:
        sentence = re.sub(r"\s+", " ", str(error)).strip()
        raise PublishError(
            f"The project's profile cannot be read ({sentence[:200]}): say where the build file is with --warehouse."
        ) from None
    if not path or re.match(r"^(:memory:|md:|motherduck:|[a-z0-9]+://)", path):
        raise PublishError(f"The warehouse '{path}' is no DuckDB file on this machine, so it cannot be published.")
    return (project_path / path).resolve()


# ---- the copy --------------------------------------------------------------------------------------------------------


def publish(
    target_path: Path,
    to: Path,
    warehouse: Path | None = None,
    project_path: Path | None = None,
    progress: Progress | None = None,
) -> Publication:
    """Publish the green build whose artifacts are in `target_path`.

    Args:
        target_path: dbt's target folder of the build.
        to: folder of the publication; made when it is not there.
        warehouse: the build's DuckDB file; by default the one of the project's profile.
        project_path: folder of dbt_project.yml, to find the profile.
        progress: called with (table, tables done, tables in all) before each table and once at the end.

    Raises:
        PublishError: nothing was published, and the publication is what it was.
    """
    _read_artifact(target_path / "run_results.json")  # before anything is made on disk
    with _only_publisher(to):
        _refuse_foreign(to)
        _remove_unfinished(to)
        if warehouse is None:
            warehouse = find_warehouse(project_path or Path.cwd(), read_green_build(target_path).arguments)
        if not warehouse.is_file():
            raise PublishError(
                f"There is no build file {warehouse}: run `dbt build` first, or say where it is with --warehouse."
            )
        with duckdb.connect(":memory:") as connection:
            # Opened before the artifacts are read: while we hold the file no build writes, so all belongs together.
            database = _open_build(connection, warehouse, target_path)
            build = read_green_build(target_path)
            _refuse_changed(warehouse, build)
            version = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
            unfinished = to / VERSIONS_NAME / f"{UNFINISHED_PREFIX}{version}"
            # Not a temporary folder of the system's: that one no other user could read.
            unfinished.mkdir(parents=True)
            try:
                row_counts = _copy_tables(connection, database, build.tables, unfinished, progress)
                publication = Publication(
                    format=1,
                    version=version,
                    published_at=_utc_now(),
                    as_of_date=_as_of_date(unfinished / DATABASE_NAME, build.tables),
                    build={
                        "invocation_id": build.invocation_id,
                        "project": build.project,
                        "dbt_version": build.dbt_version,
                        "started_at": build.started_at,
                        "finished_at": build.finished_at,
                        "warnings": list(build.warnings),
                    },
                    tables=tuple(
                        PublishedTable(
                            schema=table.schema,
                            table=table.name,
                            model=table.model,
                            row_count=row_counts[table.label],
                            parquet=f"{PARQUET_NAME}/{table.schema}/{table.name}.parquet",
                        )
                        for table in build.tables
                    ),
                )
                manifest = json.dumps(asdict(publication), indent=2) + "\n"
                (unfinished / MANIFEST_NAME).write_text(manifest, encoding="utf-8")
                problems = _problems_of(unfinished)
                if problems:
                    raise PublishError(
                        f"The copy is not what was built ({problems[0]}), so nothing was published: try again."
                    )
                _flush_tree(unfinished)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
        _swap_in(to, unfinished, version)
        if progress is not None:
            progress("", len(build.tables), len(build.tables))
        return publication


@contextlib.contextmanager
def _only_publisher(to: Path) -> Iterator[None]:
    """Hold the folder's lock; the system gives it back however the process ends."""
    import fcntl

    to.mkdir(parents=True, exist_ok=True)
    handle = os.open(to / ".publish.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PublishError(f"Another `trendhouse publish` is writing to {to}: wait until it has ended.") from None
        yield
    finally:
        os.close(handle)


def _open_build(connection: duckdb.DuckDBPyConnection, warehouse: Path, target_path: Path) -> str:
    """Attach the build file, read-only, under the name that the build gave it (views in it may use that name)."""
    manifest = _read_artifact(target_path / "manifest.json")
    databases = sorted({table.database for table in _public_tables(manifest)}) or [warehouse.stem]
    if len(databases) > 1:
        raise PublishError(
            f"The public models lie in several databases ({', '.join(databases)}), but only one file can be published: "
            "let them share one."
        )
    try:
        connection.execute(f"attach {_literal(str(warehouse))} as {_quoted(databases[0])} (read_only)")
    except duckdb.Error as error:
        text = str(error)
        if "lock" in text.lower():
            holder = re.search(r"PID (\d+)", text)
            process = f" (process {holder.group(1)})" if holder else ""
            raise PublishError(
                f"The build file {warehouse} is in use by a running build{process}: publish when it has ended."
            ) from None
        raise PublishError(
            f"The build file {warehouse} cannot be opened ({text.splitlines()[0]}): "
            "run `dbt build` again, then publish."
        ) from None
    return databases[0]


def _refuse_changed(warehouse: Path, build: Build) -> None:
    """Refuse when something wrote to the build file after the build: a partial run with another target folder, say."""
    finished = datetime.fromisoformat(build.finished_at.replace("Z", "+00:00"))
    if finished.tzinfo is None:
        finished = finished.replace(tzinfo=UTC)
    files = [path for path in (warehouse, warehouse.with_name(warehouse.name + ".wal")) if path.exists()]
    changed = max(datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in files)
    if changed > finished + CLOSING_TIME:
        raise PublishError(
            f"The build file {warehouse} was written to at {changed:%Y-%m-%d %H:%M:%S} UTC, after the green build "
            f"ended at {finished:%Y-%m-%d %H:%M:%S} UTC: run `dbt build` again, then publish."
        )


def _copy_tables(
    connection: duckdb.DuckDBPyConnection,
    database: str,
    tables: Sequence[PublicTable],
    folder: Path,
    progress: Progress | None,
) -> dict[str, int]:
    """Copy the tables to a fresh DuckDB file and to Parquet; returns rows per table, as counted in the build file."""
    copy = "published_copy" if database != "published_copy" else "published_copy_2"
    # What does not fit in memory is parked beside the copy, where the next publish finds it after a crash.
    connection.execute(f"set temp_directory = {_literal(str(folder) + '-spill')}")
    connection.execute(f"attach {_literal(str(folder / DATABASE_NAME))} as {copy}")
    row_counts: dict[str, int] = {}
    for done, table in enumerate(tables):
        if progress is not None:
            progress(table.label, done, len(tables))
        source = f"{_quoted(database)}.{_quoted(table.build_schema)}.{_quoted(table.build_name)}"
        target = f"{copy}.{_quoted(table.schema)}.{_quoted(table.name)}"
        parquet = folder / PARQUET_NAME / table.schema / f"{table.name}.parquet"
        parquet.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection.execute(f"create schema if not exists {copy}.{_quoted(table.schema)}")
            connection.execute(f"create table {target} as select * from {source}")
            _copy_comments(connection, database, table, target)
            connection.execute(f"copy {target} to {_literal(str(parquet))} (format parquet, compression zstd)")
            row_counts[table.label] = _count(connection, source)
        except duckdb.CatalogException:
            raise PublishError(
                f"The build file has no table {table.build_schema}.{table.build_name} ({_spoken(table.model)}): "
                "is it the file that this build wrote? Say which one with --warehouse."
            ) from None
        except duckdb.Error as error:
            raise PublishError(
                f"{table.label} could not be copied ({str(error).splitlines()[0]}), so nothing was published."
            ) from None
    connection.execute(f"checkpoint {copy}")
    connection.execute(f"detach {copy}")
    return row_counts


def _copy_comments(connection: duckdb.DuckDBPyConnection, database: str, table: PublicTable, target: str) -> None:
    """Carry the descriptions over: the build file's, or the manifest's where the build could not keep them (views)."""
    place = [database, table.build_schema, table.build_name]
    found = connection.execute(
        """
        select comment from duckdb_tables() where (database_name, schema_name, table_name) = (?, ?, ?)
        union all
        select comment from duckdb_views() where (database_name, schema_name, view_name) = (?, ?, ?)
        """,
        place + place,
    ).fetchone()
    comment = (found[0] if found else None) or table.description
    if comment:
        connection.execute(f"comment on table {target} is {_literal(comment)}")
    columns = connection.execute(
        "select column_name, comment from duckdb_columns() where (database_name, schema_name, table_name) = (?, ?, ?)",
        place,
    ).fetchall()
    for name, column_comment in columns:
        text = column_comment or table.column_descriptions.get(name.lower(), "")
        if text:
            connection.execute(f"comment on column {target}.{_quoted(name)} is {_literal(text)}")


def _as_of_date(database: Path, tables: Sequence[PublicTable]) -> str | None:
    """The as-of date of the build, from its one-row table `dim_as_of`; none in a project that lacks it."""
    for table in tables:
        if table.name == "dim_as_of":
            with duckdb.connect(str(database), read_only=True) as connection:
                row = connection.execute(f"select max(as_of_date) from {_quoted(table.schema)}.dim_as_of").fetchone()
            return None if row is None or row[0] is None else str(row[0])[:10]
    return None


# ---- the swap --------------------------------------------------------------------------------------------------------


def _swap_in(to: Path, unfinished: Path, version: str) -> None:
    """Make the finished version the current one, with one rename, and drop what nobody needs any more."""
    versions = to / VERSIONS_NAME
    before = current_version(to)
    os.rename(unfinished, versions / version)
    _flush(versions)
    _replace_link(to / CURRENT_NAME, f"{VERSIONS_NAME}/{version}")
    for name in (DATABASE_NAME, PARQUET_NAME, MANIFEST_NAME):
        wanted = f"{CURRENT_NAME}/{name}"
        link = to / name
        if not link.is_symlink() or os.readlink(link) != wanted:
            _replace_link(link, wanted)
    _flush(to)
    _remove_old_versions(to, keep={version, before})


def _refuse_foreign(to: Path) -> None:
    """Refuse to replace what no publish made."""
    for name in (CURRENT_NAME, DATABASE_NAME, PARQUET_NAME, MANIFEST_NAME):
        link = to / name
        if link.exists() and not link.is_symlink():
            raise PublishError(f"`trendhouse publish` did not make {link}: move it away, then publish.")


def _replace_link(link: Path, wanted: str) -> None:
    """Point a link elsewhere, atomically."""
    fresh = link.with_name(f"{UNFINISHED_PREFIX}{link.name}")
    fresh.unlink(missing_ok=True)
    os.symlink(wanted, fresh)
    os.replace(fresh, link)


def current_version(to: Path) -> str | None:
    """Name of the version that readers see; none before the first publish."""
    link = to / CURRENT_NAME
    return Path(os.readlink(link)).name if link.is_symlink() else None


def _remove_unfinished(to: Path) -> None:
    """Remove what publishes that crashed left behind; nobody reads it."""
    for path in [*to.glob(f"{UNFINISHED_PREFIX}*"), *(to / VERSIONS_NAME).glob(f"{UNFINISHED_PREFIX}*")]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove_old_versions(to: Path, keep: set[str | None]) -> None:
    for path in (to / VERSIONS_NAME).iterdir():
        if path.name not in keep:
            shutil.rmtree(path)


def _flush_tree(folder: Path) -> None:
    """Make sure that files and folders are on the disk, not only in its cache."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _flush(Path(parent) / name)
        _flush(Path(parent))


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- reading it back -------------------------------------------------------------------------------------------------


def read_publication(to: Path) -> Publication:
    """What the publication in `to` says of itself.

    Raises:
        PublishError: there is none.
    """
    return _read_manifest((to / CURRENT_NAME).resolve())


def publication_problems(to: Path) -> list[str]:
    """What is wrong with the publication in `to`: database and Parquet must open and hold the rows of the manifest."""
    return _problems_of((to / CURRENT_NAME).resolve())


def _read_manifest(folder: Path) -> Publication:
    try:
        content = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        content["tables"] = tuple(PublishedTable(**table) for table in content["tables"])
        return Publication(**content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PublishError(
            f"There is no readable publication in {folder} ({error}): run `trendhouse publish`."
        ) from None


def _problems_of(folder: Path) -> list[str]:
    problems: list[str] = []
    try:
        publication = _read_manifest(folder)
        with duckdb.connect(str(folder / DATABASE_NAME), read_only=True) as connection:
            for table in publication.tables:
                rows = _count(connection, f"{_quoted(table.schema)}.{_quoted(table.table)}")
                in_parquet = _count(connection, f"read_parquet({_literal(str(folder / table.parquet))})")
                if not rows == in_parquet == table.row_count:
                    found = f"{rows} rows in DuckDB and {in_parquet} in Parquet"
                    problems.append(f"{table.schema}.{table.table} has {found} instead of {table.row_count}")
    except (PublishError, duckdb.Error) as error:
        problems.append(str(error).splitlines()[0])
    return problems


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

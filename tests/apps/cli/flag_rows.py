"""Rows of the table of options, and those that many commands share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One option: what the command line says with it and not without it, or the other way round.

    Attributes:
        option: Its first name.
        args: How it is given; braces name an issue.
        base: What stands before it in both command lines; None for what the command has by default.
        new: Text that is there with the option only.
        gone: Text that is there without the option only.
        on: Where the text is looked for: stdout, stderr, rows of the tracker, names and modes of files, settings of
            the engine, notices of the stores that are opened, or settings of mail.
        status: Exit status with the option; None for any but 0.
        base_status: Exit status without it.
        before: Command line that is run before.
    """

    option: str
    args: str
    base: str | None = None
    new: str | None = None
    gone: str | None = None
    on: str = "stdout"
    status: int | None = 0
    base_status: int | None = 0
    before: str | None = None


#: Inside the folder of the index that is used by default: a run with it shows what --no-cache leaves out.
CACHE_DIR = Row("--cache-dir", "--cache-dir cache/elsewhere", new="cache/elsewhere/", on="files")


def formats(header: str, key: str) -> list[Row]:
    """Return rows for the formats of a list.

    Args:
        header: Start of its CSV.
        key: A key of its rows.
    """
    return [
        Row("--format", "--format jsonl", new=f'"{key}": '),
        Row("--table", "--json --table", new="exclude each other", on="stderr", status=2),
        Row("--json", "--json", new=f'"{key}": '),
        Row("--jsonl", "--jsonl", new=f'"{key}": '),
        Row("--csv", "--csv", new=f"{header},"),
        Row("--markdown", "--markdown", new="| --- |"),
        *times(),
    ]


def times() -> list[Row]:
    """Return rows for how tables show times."""
    return [
        Row("--tz", "--tz Mars/Olympus", new="no time zone 'Mars/Olympus'", on="stderr", status=2),
        Row("--tz", "--tz Europe/Berlin", new="(Europe/Berlin)"),
        Row("--relative", "--relative", gone="(UTC)"),
    ]


def answers(header: str, key: str, damaged: str | None = None) -> list[Row]:
    """Return rows for what all answers of ``stormlog query`` share; ``damaged`` is as of `reading`."""
    count = '--sql "SELECT count(*) AS n FROM tracking.issues"'
    return [
        *formats(header, key),
        Row("--sql", '--sql "SELECT 5 AS five"', new="five\n----\n   5\n"),
        Row("--db", "--db tracker.db", f"runs {count}", new="n\n-\n7\n"),
        *reading(damaged),
    ]


def place(gone: str, base: str = "runs", job: str = "j2", *, has: tuple[str, ...] = ()) -> list[Row]:
    """Return rows for the filters of time and place that all lists share.

    Args:
        gone: Text that only rows have which are neither of job j2 nor of rank 1.
        base: What stands before an option.
        job: Job that the other rows have.
        has: Options that the list has rows for already.
    """
    rows = [
        Row("--since", "--since 2026-01-02T03:04:08.5", gone=gone),
        Row("--until", "--until 2001-01-01", new=": 0 of ", on="stderr"),
        Row("--run", f"--run {job}", gone=gone),
        Row("--job-id", f"--job-id {job}", gone=gone),
        Row("--rank", "--rank 1", gone=gone),
        Row("--host", "--host nowhere", new="has host 'nowhere'", on="stderr"),
        Row("--app", "--app nowhere", new="has app 'nowhere'", on="stderr"),
        Row("--dev", "--dev", new=": 0 of ", on="stderr"),
        Row("--prod", "--prod", f"{base} --dev".strip(), new="exclude each other", on="stderr", status=2),
        Row("--search", "--search 'out of memory'", gone=gone),
        Row("--page", "--page 2", new="there is no page 2", on="stderr"),
    ]
    return [row for row in rows if row.option not in has]


def reading(damaged: str | None = None) -> list[Row]:
    """Return rows for what all commands share that open paths.

    Args:
        damaged: A folder with something that is skipped; None where the usual paths have a bundle that is.
    """
    return [
        Row(
            "--project", "--project nowhere", "runs --db tracker.db", new="nowhere", on="stderr", status=None
        ),
        Row("--strict", "--strict", damaged, status=3, new=f"Error: {damaged or ''}", on="stderr"),
        *limits(),
        Row("--spill-dir", "--spill-dir spilled", new="'spilled/", on="engine"),
        Row("--spill-limit", "--spill-limit 2GB", new="'2GB'", on="engine"),
        Row("--unpack-limit", "--unpack-limit 1KB", new="blank.jsonl.gz", on="notices"),
        Row("--no-cache", "--no-cache", gone="\ncache/", on="files"),
        CACHE_DIR,
        Row("--quiet", "-q", damaged, gone=damaged or "oom_dump_c", on="stderr"),
    ]


def limits(base: str | None = None) -> list[Row]:
    return [
        Row("--threads", "--threads 3", base, new="'threads': 3", on="engine"),
        Row("--memory-limit", "--memory-limit 300MB", base, new="'300MB'", on="engine"),
    ]


def stores(*, writes: bool = False, project: str | None = "nowhere") -> list[Row]:
    """Return rows for what names a tracker and who acts on it."""
    rows = [
        Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3),
        Row(
            "--allow", f"--allow issues:{'read' if writes else 'write'}", new="issues:", on="stderr", status=5
        ),
    ]
    if project is not None:
        rows.append(Row("--project", f"--project {project}", new=project, on="stderr", status=None))
    if writes:
        rows.append(Row("--as-agent", "--as-agent bot", new="'agent', 'bot'", on="tracker"))
    return rows


JSON = Row("--json", "--json", new="{")
SAYS_EVIDENCE = '"code_version"'


def verbs(
    where: str = "title LIKE 'Alert%'",
    said: str = "(Alert",
    more: str = "",
    yes: tuple[int, str, str] = (0, "31 more", "stdout"),
) -> list[Row]:
    """Return rows for what all verbs share.

    Args:
        where: Condition that issues fit which the verb may change.
        said: What it says of them.
        more: What the verb needs besides.
        yes: Status if the verb may change any number, and what it says then.
    """
    return [
        *stores(writes=True),
        JSON,
        Row("--where", f'--where "{where}"', more, new=said, base_status=2),
        Row("--dry-run", "--dry-run", f'{more} --where "{where}"', new="Dry run: "),
        Row(
            "--yes",
            "--yes",
            f"{more} --where true --db many.db",
            status=yes[0],
            new=yes[1],
            on=yes[2],
            base_status=2,
        ),
        Row("--revision", "--revision 99", new="revision", on="stderr", status=4),
    ]

"""Every option of every command does something that can be seen: a table of command lines without and with it.

Most command lines only read and print: they share stores that stay open (tests/apps/cli/flag_world.py). What options do
to the engine and to the index is looked at in a store of its own, which opens as they say. Command lines that change
files run in a copy of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import click
import pytest

from stormlog.apps.cli.app import root
from tests.apps.cli.flag_rows import (
    CACHE_DIR,
    JSON,
    Row,
    answers,
    limits,
    place,
    reading,
    stores,
    times,
)
from tests.apps.cli.flag_rows_of_questions import BASES as BASES_OF_QUESTIONS
from tests.apps.cli.flag_rows_of_questions import TABLE as ROWS_OF_QUESTIONS
from tests.apps.cli.flag_rows_of_the_tracker import BASES as BASES_OF_THE_TRACKER
from tests.apps.cli.flag_rows_of_the_tracker import TABLE as ROWS_OF_THE_TRACKER
from tests.apps.cli.flag_world import Seen, World, make_world
from tests.apps.cli.samples import START_NS
from tests.query.sinks import SECOND

#: Options without a row, and why.
EXCEPTIONS = {
    "--help": "prints the help: tests/apps/cli/test_help.py has that of every command",
    "--no-color": "colours are printed on terminals only: tests/apps/cli/test_terminal.py",
}
READS = "who reads is written nowhere"
EXCEPTIONS_OF = {
    **{
        ("run", option): "tests/capture/test_run.py runs commands with it"
        for option in (
            *("--sink", "--interval", "--job-id", "--app", "--code-version", "--environment", "--no-alerts"),
            "--quiet",
        )
    },
    ("issues merge", "--yes"): "taken as by the other verbs, but two issues are never too many",
    ("issues unmerge", "--yes"): "taken as by the other verbs, but two issues are never too many",
    ("cache verify", "--quiet"): "progress is shown on terminals only",
    ("db purge", "--as-agent"): "removes what was deleted, as nobody",
    **{
        ("gate", option): "tests/apps/cli/test_filters.py has what gates leave out by it"
        for option in ("--kind", "--severity", "--run", "--job-id", "--rank", "--host")
    },
    ("scan", "--as-agent"): "what scans change is said to be changed by scans",
    ("notify", "--as-agent"): READS,
    ("gate", "--as-agent"): READS,
    ("projects list", "--as-agent"): READS,
    ("issues list", "--as-agent"): READS,
    ("issues show", "--as-agent"): READS,
    ("issues history", "--as-agent"): READS,
    ("issues stats", "--as-agent"): READS,
    ("issues comments", "--as-agent"): READS,
    ("issues export", "--as-agent"): READS,
    **{
        ("tui", option): "it needs a terminal: tests/apps/tui/test_command.py has all of its options"
        for option in (
            *("--interval", "--allow", "--db", "--project", "--strict", "--threads", "--memory-limit"),
            *("--spill-dir", "--spill-limit", "--unpack-limit", "--cache-dir", "--no-cache", "--quiet"),
        )
    },
}


#: What stands behind a command where a row says nothing else.
BASES = {
    **{f"query {name}": "runs" for name in ("issues", "sessions", "events", "ooms")},
    "why": "runs",
    "scan": "more --settle 0s",
    "gate": "runs --settle 0s",
    "compact": "sink",
    "cache info": "runs",
    "cache clear": "runs",
    "cache verify": "runs",
    **BASES_OF_QUESTIONS,
    **BASES_OF_THE_TRACKER,
}

#: What makes an index: of a copy, which has other files than those whose index is in the world.
REMEMBER = "query sessions damaged -q --cache-dir other-cache"

TABLE: dict[str, list[Row]] = {
    "query issues": [
        *answers("fingerprint_id", "fingerprint_id"),
        Row("--fingerprint-id", "--fingerprint-id {alert_fingerprint}", gone="Collector degradation"),
        Row("--kind", "--kind oom", gone="Collector degradation"),
        Row("--state", "--state resolved", "runs --db tracker.db", gone="Collector degradation"),
        Row("--severity", "--severity critical", gone="Collector degradation"),
        Row("--session-id", "--session s-2", gone="Collector degradation"),
        *place("Collector degradation"),
        Row("--hide-ignored", "--hide-ignored", "runs --state ignored", new="exclude", on="stderr", status=2),
        Row("--sort", "--sort colour", new="'colour' is not one of", on="stderr", status=2),
        Row("--limit", "--limit 1", gone="Collector degradation"),
        Row("--fields", "--fields title", gone="critical"),
        Row("--follow", "--follow", "runs --csv", new="--follow", on="stderr", status=2),
        Row("--interval", "--interval 1s", new="--follow", on="stderr", status=2),
    ],
    "query sessions": [
        *answers("session_id", "session_id"),
        Row("--session-id", "--session-id s-2", gone="s-1"),
        Row("--status", "--status completed", gone="s-2"),
        *place("s-1", has=("--search",)),
        Row("--search", "--search S-2", gone="s-1"),
        Row("--sort", "--sort rank", "runs --csv --limit 1", gone="s-2"),
        Row("--limit", "--limit 1", gone="s-1"),
        Row("--fields", "--fields session_id", gone="completed"),
        Row("--world-size", "--world-size 2", gone="s-1"),
        Row("--source-kind", "--source-kind sink", "runs sink", gone="s-1"),
        Row("--has-oom-bundle", "--has-oom-bundle", gone="s-1"),
        Row("--has-oom-bundle", "--no-has-oom-bundle", gone="s-2"),
    ],
    "query events": [
        *answers("session_id", "session_id", "damaged"),
        Row("--unpack-limit", "--unpack-limit 1KB", "packed", new="events.jsonl.gz", on="stderr"),
        Row("--session-id", "--session-id s-2", gone="s-1"),
        Row("--event-type", "--event-type error", gone="collector_degraded"),
        *place("s-1", has=("--since",)),
        Row("--since", "--since 2026-01-02T03:04:08.5", gone="s-1"),
        Row("--severity", "--severity loud", new="has severity 'loud'", on="stderr"),
        Row("--sort", "--sort newest", "runs --csv --limit 1", gone="s-1"),
        Row("--fields", "--fields rank", gone="s-1"),
        Row("--collector", "--collector other", gone="s-1"),
        Row("--status", "--status completed", gone="s-2"),
        Row("--time-start-ns", f"--time-start-ns {START_NS + 1}", "runs --csv", gone=f",{START_NS},sample"),
        Row("--time-end-ns", f"--time-end-ns {START_NS}", "runs --csv", gone=f",{START_NS + SECOND},warning"),
        Row("--has-alert", "--has-alert", gone="sample"),
        Row("--has-alert", "--no-has-alert", gone="warning"),
        Row("--collector-health-status", "--collector-health-status degraded", gone="sample"),
        Row("--backend", "--backend rocm", gone="s-1"),
        Row("--limit", "--limit 1", gone="warning"),
        Row("--follow", "--follow", "runs --markdown", new="--follow", on="stderr", status=2),
        Row("--interval", "--interval 1s", new="--follow", on="stderr", status=2),
    ],
    "query ooms": [
        *answers("bundle_path", "bundle_path"),
        Row("--session-id", "--session-id s-9", gone="oom_dump_a"),
        Row("--backend", "--backend rocm", gone="oom_dump_a"),
        Row("--reason", "--reason r2", gone="oom_dump_a"),
        *place("oom_dump_b", has=("--since", "--search")),
        Row("--since", "--since 2026-01-15", gone="oom_dump_a"),
        Row("--search", "--search R1", gone="oom_dump_b"),
        Row("--sort", "--sort newest", "runs --csv --limit 1", gone="oom_dump_a"),
        Row("--limit", "--limit 1", gone="oom_dump_b"),
        Row("--fields", "--fields reason", gone="oom_dump_a"),
        Row("--created-after", "--created-after 2026-02-01", gone="oom_dump_a"),
        Row("--created-before", "--created-before 2026-01-01", gone="oom_dump_b"),
    ],
    "why": [
        Row("--run", "--run nowhere", new="nowhere", on="stderr", status=4),
        Row("--attempt", "--attempt 7", new="has no attempt 7", on="stderr", status=4),
        Row("--session-id", "--session s-1", gone="Run session:s-9"),
        Row("--issue", "--issue nowhere", new="nowhere", on="stderr", status=4),
        Row("--at", "--at 2030-01-01", new="Memory at 2030-01-01 00:00:00 UTC"),
        Row("--format", "--format markdown", new="## "),
        Row("--json", "--json", new='"first_failure": '),
        Row("--brief", "--brief", gone="\nWhen "),
        Row("--schema", "--schema", new='"$defs": '),
        Row("--db", "--db no-such.db", new="no-such.db", on="stderr", status=3),
        *reading(),
    ],
    "scan": [
        Row("--db", "--db {out}/fresh.db", new="fresh.db", on="files"),
        Row("--allow", "--allow issues:read", new="issues:write", on="stderr", status=5),
        Row("--project", "--project fresh", new="'fresh'", on="tracker"),
        Row("--app", "--app trainer7", new="'trainer7'", on="tracker"),
        Row("--dev", "--dev", new="'default', 1,", on="fingerprints"),
        Row("--code-version", "--code-version 7.8.9", new="'7.8.9'", on="tracker"),
        Row("--repo", "--repo no-such-folder", new="no-such-folder", on="stderr", status=2),
        Row("--min-severity", "--min-severity info", new="4 new issues"),
        Row("--group-shared", "--group-shared", "more --db {out}/fresh.db", new="fresh.db 660", on="files"),
        Row("--since", "--since 2030-01-01", gone="new issue"),
        Row("--settle", "--settle 99999h", new="1 new issue,"),
        Row("--full", "--full", "runs --settle 0s", gone="nothing changed"),
        Row("--dry-run", "--dry-run", new="--dry-run"),
        Row("--dry-run", "--dry-run", gone="Disk is low", on="tracker"),
        Row("--watch", "--watch", "more --dry-run", new="--watch", on="stderr", status=2),
        Row("--interval", "--watch --interval never", new="--interval", on="stderr", status=2),
        Row("--notify", "--notify", new="NotifySettings", on="mail"),
        Row("--fail-on", "--fail-on new", status=10),
        Row("--wait", "--wait never", new="--wait", on="stderr", status=2),
        Row("--strict", "--strict", "damaged", status=3, new="malformed", on="stderr"),
        *limits(),
        Row("--no-cache", "--no-cache", gone="\ncache/", on="files"),
        CACHE_DIR,
        JSON,
        Row("--quiet", "-q", "damaged", gone="damaged.jsonl", on="stderr"),
    ],
    "gate": [
        Row("--budget", "--budget '* peak_used < 1KB'", new="| over |", status=10),
        Row(
            "--since",
            "--since 2026-01-02T03:04:08.5",
            "runs --baseline empty.json",
            gone="Collector degradation",
            status=10,
            base_status=10,
        ),
        Row("--baseline", "--baseline empty.json", new="gate failed", status=10),
        *stores(project=None),
        Row("--project", "--project other", new="gate failed", status=10),
        Row("--fail-on", "--fail-on none", "more --settle 0s", new="passed", base_status=10),
        Row("--app", "--app trainer", new="gate failed", status=10),
        Row("--dev", "--dev", "more --settle 0s", new="(development)", status=10, base_status=10),
        Row("--code-version", "--code-version 99", new="gate failed", status=10),
        Row("--repo", "--repo no-such-folder", new="no-such-folder", on="stderr", status=2),
        Row(
            "--min-severity",
            "--min-severity info",
            "more --settle 0s",
            new="Alert: hum",
            status=10,
            base_status=10,
        ),
        Row("--settle", "--settle 99999h", "more --settle 0s", new="2 pending", status=10, base_status=10),
        Row(
            "--version-order",
            "--version-order string",
            "runs --code-version 10",
            gone="gate failed",
            base_status=10,
        ),
        Row("--summary", "--summary {out}/summary.md", new="summary.md", on="files"),
        Row("--strict", "--strict", "damaged", status=3, new="malformed", on="stderr"),
        Row("--no-cache", "--no-cache", gone="\ncache/", on="files"),
        CACHE_DIR,
        JSON,
        Row("--quiet", "-q", "damaged", gone="damaged.jsonl", on="stderr"),
    ],
    "compact": [
        Row("--output", "--output packed-sink", new="packed-sink/", on="files"),
        Row("--replace", "--replace", new="is the compacted sink now"),
        JSON,
        *limits(),
        Row("--quiet", "-q", "half-open", gone="copied as written", on="stderr"),
    ],
    "cache list": [
        Row("--cache-dir", "--cache-dir other-cache", new="damaged"),
        Row("--json", "--json", "--cache-dir other-cache", new="{"),
        *(replace(row, base="--cache-dir other-cache") for row in times()),
    ],
    "cache info": [
        Row("--cache-dir", "--cache-dir other-cache", "damaged", new="Answers"),
        Row("--json", "--json", "damaged --cache-dir other-cache", new="{"),
    ],
    "cache clear": [
        Row("--all", "--all", "--cache-dir other-cache", new="Removed 1 index", base_status=2),
        Row("--cache-dir", "--cache-dir other-cache", "damaged", new="Removed 1 index", before=REMEMBER),
        JSON,
    ],
    "cache verify": [
        *(
            replace(row, base="damaged --cache-dir other-cache")
            for row in (
                *limits(),
                Row("--spill-dir", "--spill-dir spilled", new="'spilled/", on="engine"),
                Row("--spill-limit", "--spill-limit 2GB", new="'2GB'", on="engine"),
                Row("--unpack-limit", "--unpack-limit never", new="never", on="stderr", status=2),
                JSON,
            )
        ),
        Row("--cache-dir", "--cache-dir other-cache", "damaged", new="all equal"),
    ],
    "doctor": [JSON],
    **ROWS_OF_THE_TRACKER,
    **ROWS_OF_QUESTIONS,
    "": [Row("--version", "--version", "", new="stormlog 1", base_status=0)],
}


def commands() -> dict[str, dict[str, click.Option]]:
    """Return the options of every command, by its name and by their first names."""
    found: dict[str, dict[str, click.Option]] = {}

    def walk(command: click.Command, name: str, context: click.Context) -> None:
        found[name] = {
            next(name for name in option.opts if name.startswith("--")): option
            for option in command.params
            if isinstance(option, click.Option)
        }
        if isinstance(command, click.Group):
            for part in command.list_commands(context):
                member = command.get_command(context, part)
                assert member is not None
                walk(member, f"{name} {part}".strip(), click.Context(member, parent=context, info_name=part))

    walk(root, "", click.Context(root, info_name="stormlog"))
    return found


def test_every_option_has_a_row() -> None:
    there_are = {(command, option) for command, options in commands().items() for option in options}
    rows = {(command, row.option) for command, of_command in TABLE.items() for row in of_command}
    excepted = {pair for pair in there_are if pair[1] in EXCEPTIONS or pair in EXCEPTIONS_OF}

    assert there_are - rows - excepted == set(), "these options need a row"
    assert rows - there_are == set(), "no command has these options"
    assert EXCEPTIONS_OF.keys() - there_are == set()
    assert rows & excepted == set()
    assert all(row.new or row.gone or row.status != row.base_status for of in TABLE.values() for row in of)


# ---- command lines -------------------------------------------------------------------------------------------

#: Commands that write to no file in the folder, but a tracker or an output: they run where the files are.
IN_PLACE = {
    *(f"query {name}" for name in ("issues", "sessions", "events", "ooms")),
    *(f"query {name}" for name in ("runs", "attachments", "summary", "correlate")),
    *("why", "report", "diff", "top", "shell", "sql", "export", "issues show", "scan", "gate", "mcp"),
    *("describe", "cache list", "cache info", "cache verify", "rollups"),
}
#: Those among them that change a tracker.
OWN_TRACKER = {"scan", "mcp"}
#: Options that do not get into each other's way: one command line shows what all of them do to the engine and files.
TOGETHER = (
    "--threads",
    "--memory-limit",
    "--spill-dir",
    "--spill-limit",
    "--unpack-limit",
    "--cache-dir",
    "--output",
    "--summary",
)
#: What command lines do besides, and what is looked at where one does it by itself.
BESIDES = ("engine", "files", "notices")


def is_in_place(command: str, row: Row) -> bool:
    writes = (command, row.option) == ("rollups", "--output")
    # A table that a store was given stays there.
    changes_store = row.option == "--attach"
    return command in IN_PLACE and row.before is None and not writes and not changes_store


def arguments(command: str, row: Row) -> tuple[str, str]:
    """Return what the command lines with an option and without it have besides the base.

    Options that are seen at once stand in one line. It reads with an index, so the line without them is the one that
    has none, where a command has a choice.
    """
    beside = [other for other in TABLE[command] if (other.base, other.before) == (row.base, row.before)]
    together = [other for other in beside if other.option in TOGETHER and other.on in BESIDES]
    without_index = next((other for other in beside if other.option == "--no-cache"), None)
    joined = " ".join(other.args for other in together)
    if row in together:
        return joined, without_index.args if without_index else ""
    if row == without_index:
        return row.args, joined
    return row.args, ""


def line_of(command: str, row: Row, more: str) -> str:
    base = BASES.get(command, "") if row.base is None else row.base
    return f"{command} {base} {more}".rstrip()


class Runs:
    """Runs each command line once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._seen: dict[tuple[str, str, Any], Seen] = {}
        self._change_trackers = {
            line_of(command, row, more)
            for command, row in ROWS
            if row.on in ("tracker", "fingerprints")
            for more in arguments(command, row)
        }

    def of(self, command: str, row: Row, more: str) -> Seen:
        line = line_of(command, row, more)
        if not is_in_place(command, row):
            return self._once(self.world.run_in_copy, line, row.before)
        run = self.world.run_traced if row.on in BESIDES else self.world.run_in_place
        return self._once(run, line, command in OWN_TRACKER)

    def _once(self, run: Callable[..., Seen], line: str, how: Any) -> Seen:
        key = run.__name__, line, how
        if key not in self._seen:
            self._seen[key] = run(line, how, line in self._change_trackers)
        return self._seen[key]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with make_world(tmp_path_factory.mktemp("flags")) as world:
        yield Runs(world)


ROWS = [(command, row) for command, of_command in TABLE.items() for row in of_command]


@pytest.mark.parametrize(("command", "row"), ROWS, ids=[f"{command} {row.args}" for command, row in ROWS])
def test_an_option_has_an_effect(runs: Runs, command: str, row: Row) -> None:
    given, left_out = (runs.of(command, row, more) for more in arguments(command, row))

    for seen, wanted in ((given, row.status), (left_out, row.base_status)):
        printed = seen.texts["stdout"], seen.texts["stderr"]
        assert seen.status != 0 if wanted is None else seen.status == wanted, (seen.status, *printed)
    if row.gone is not None and row.on == "stdout":
        # A filter that lets nothing pass would do as well.
        assert "No rows." not in given.texts["stdout"]
    for text, there, elsewhere in (
        (row.new, given.texts, left_out.texts),
        (row.gone, left_out.texts, given.texts),
    ):
        if text is not None:
            text = text.format(**runs.world.names) if text in ("{first}",) else text
            assert text in there[row.on], (there[row.on], there["stderr"])
            assert text not in elsewhere[row.on], elsewhere[row.on]

"""Shared fixtures and the closing line that counts intended differences."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.vectors.harness import differences

#: Tests that ``make test-quick`` leaves out, files or folders of them: they start processes, kill them or wait for
#: them, read whole captures, or open hundreds of stores. A single test of another file is marked ``@pytest.mark.slow``.
SLOW = (
    "compaction",
    "engine",
    "explaining",
    "exporting",
    "reporting",
    "rollups",
    "stories",
    "test_benchmarks.py",
    "test_cookbook.py",
    "test_docs.py",
    "test_examples.py",
    "test_launchers.py",
    "test_opening.py",
    "test_packaging.py",
    "test_recipes.py",
    "test_shipped_job.py",
    "workflows",
    "apps/cli/test_cache.py",
    "apps/cli/test_cli_imports.py",
    "apps/cli/test_closed_streams.py",
    "apps/cli/test_compact.py",
    "apps/cli/test_configuration.py",
    "apps/cli/test_describe.py",
    "apps/cli/test_diff.py",
    "apps/cli/test_empty_answers.py",
    "apps/cli/test_exits.py",
    "apps/cli/test_export.py",
    "apps/cli/test_filters.py",
    "apps/cli/test_flags.py",
    "apps/cli/test_follow.py",
    "apps/cli/test_follow_events.py",
    "apps/cli/test_gate.py",
    "apps/cli/test_interrupted.py",
    "apps/cli/test_issue_files.py",
    "apps/cli/test_issue_page.py",
    "apps/cli/test_message_bounds.py",
    "apps/cli/test_messages.py",
    "apps/cli/test_report.py",
    "apps/cli/test_scan.py",
    "apps/cli/test_shell.py",
    "apps/cli/test_sql.py",
    "apps/cli/test_tables.py",
    "apps/cli/test_terminal.py",
    "apps/cli/test_top.py",
    "apps/cli/test_why.py",
    "apps/mcp",
    "apps/tui",
    "capture/test_compacting.py",
    "capture/test_hostile_jobs.py",
    "capture/test_run.py",
    "capture/test_tracker.py",
    "capture/test_training.py",
    "query/test_arrivals.py",
    "query/test_invariance.py",
    "query/test_issue_tables.py",
    "query/test_live.py",
    "query/test_python_calls.py",
    "query/test_run_questions.py",
    "query/test_streams.py",
    "query/test_threads.py",
    "query/test_vectors.py",
    "specification/test_answers.py",
    "specification/test_specification.py",
    "sql/test_headers.py",
    "sql/test_issue_views.py",
    "sql/test_table_macros.py",
    "sql/test_twins.py",
    "tracking/database",
    "tracking/digest/test_deadlines.py",
    "tracking/gate",
    "tracking/reading/test_conditions.py",
    "tracking/scanning",
    "tracking/test_sidecar_exchange.py",
    "tracking/triage/test_ignore_rules.py",
    "tracking/triage/test_merging.py",
)

#: Settings of the tests themselves.
_OF_TESTS = ("STORMLOG_CAPTURES", "STORMLOG_REPORT_PYTHON", "STORMLOG_SOAK")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure.
settings.register_profile("stormlog", deadline=None)
settings.load_profile("stormlog")

# Trackers wait for the disk at each commit, and there are thousands of commits. Memory does not make them wait.
_MEMORY = Path("/dev/shm")
_MEMORY_BYTES = 2 << 30
if (
    os.access(_MEMORY, os.W_OK | os.X_OK)
    and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES
    # Some tests write programs.
    and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Keep all tests, processes they start included, away from the user's index, tracker and settings."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("STORMLOG_") and name not in _OF_TESTS]:
        del os.environ[name]
    os.environ["STORMLOG_CACHE"] = folder = str(tmp_path_factory.mktemp("cache"))
    # The folder in which tests run has a pyproject.toml that speaks of Stormlog.
    os.environ["STORMLOG_CONFIG"] = "off"
    os.environ["STORMLOG_DB"] = str(tmp_path_factory.mktemp("tracker") / "tracker.db")
    yield folder
    os.environ.clear()
    os.environ.update(before)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    slow = tuple(folder / name for name in SLOW)
    assert [path for path in slow if not path.exists()] == [], "SLOW names what is not there"
    # Thousands of tests lie in a hundred files.
    is_slow = {path: any(map(path.is_relative_to, slow)) for path in {item.path for item in items}}
    for item in items:
        if is_slow[item.path]:
            item.add_marker(pytest.mark.slow)
    # Processes take one file after the other: with short ones at the end, they are done at the same time.
    items.sort(key=lambda item: not is_slow[item.path])


def pytest_collection_finish() -> None:
    # Thousands of collected tests stay until the end: looking for garbage among them again and again finds none.
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"intended differences asserted from differences.toml: {len(differences())}")

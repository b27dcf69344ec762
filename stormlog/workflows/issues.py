"""Joins what telemetry says of an issue with what a tracker knows of it: explain a run by an issue, show an issue."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from stormlog.errors import LifecycleError, SourceError, UnknownIdError

if TYPE_CHECKING:
    from stormlog.explaining import Explanation, IssueAccount
    from stormlog.presenting import ShownIssue
    from stormlog.query import QueryStore
    from stormlog.tracking import IssueDetail, Tracker

__all__ = ["explain", "fingerprints_of_issue", "show_issue"]

#: Digits of a whole fingerprint id.
_WHOLE_DIGITS: Final = 24

_Opening = Callable[[Sequence[str]], AbstractContextManager["QueryStore"]]
_Watching = Callable[["QueryStore"], AbstractContextManager[None]]


def _unwatched(_: QueryStore) -> AbstractContextManager[None]:
    return nullcontext()


def explain(
    store: QueryStore,
    *,
    tracker: str | None = None,
    project: str | None = None,
    run_id: str | None = None,
    session_id: str | None = None,
    issue: str | None = None,
    attempt: int | None = None,
    at_ns: int | None = None,
) -> Explanation:
    """Explain a run, as `QueryStore.explain` does; issues may be named as their tracker names them.

    Args:
        store: What was opened, with the same tracker and project.
        tracker: File of the tracker, if there is one.
        project: Its project; the usual one by default.
        run_id: See `QueryStore.explain`.
        session_id: Likewise.
        issue: A fingerprint id, or whatever `Tracker.issue` takes, such as a number.
        attempt: See `QueryStore.explain`.
        at_ns: Likewise.

    Raises:
        UnknownIdError: no such run or session under the opened paths, or no evidence of the issue.
        LifecycleError: code ``not_found`` or ``ambiguous_id``: see `Tracker.issue`.
        SourceError: there is no telemetry.
    """
    ask = partial(store.explain, run_id=run_id, session_id=session_id, attempt=attempt, at_ns=at_ns)
    if issue is None:
        return ask(issue=None)
    for fingerprint_id in fingerprints_of_issue(store, issue, tracker=tracker, project=project):
        try:
            return ask(issue=fingerprint_id)
        except UnknownIdError as error:
            # An issue that was merged has several fingerprints, and evidence of some of them may lie elsewhere.
            if error.kind != "issue" or issue.startswith("issue:"):
                raise
    raise UnknownIdError("issue", issue)


def fingerprints_of_issue(
    store: QueryStore, issue: str, *, tracker: str | None = None, project: str | None = None
) -> list[str]:
    """Return the fingerprint ids that are an issue, the one with the latest evidence first.

    Args:
        store: What was opened, for an issue that is named by the first digits of its fingerprint.
        issue: A fingerprint id, or whatever `Tracker.issue` takes, such as a number.
        tracker: File of the tracker, if there is one.
        project: Its project; the usual one by default.

    Raises:
        LifecycleError: code ``not_found`` or ``ambiguous_id``: see `Tracker.issue`.
        SourceError: there is no telemetry.
    """
    if _may_be_fingerprint(issue):
        if len(issue) == _WHOLE_DIGITS:
            # A fingerprint as people copy it.
            issue = f"issue:{issue}"
        elif tracker is None:
            issue = _found_fingerprint(store, issue)
    return [issue] if issue.startswith("issue:") else _fingerprints(issue, tracker, project)


def _found_fingerprint(store: QueryStore, digits: str) -> str:
    try:
        return store.find_fingerprint(digits)
    except UnknownIdError as error:
        raise _no_tracker(digits, str(error)) from error


def _no_tracker(issue: str, problem: str) -> LifecycleError:
    return LifecycleError(
        f"{problem}: without a tracker (--db, STORMLOG_DB) an issue is named by its fingerprint, issue:...",
        code="not_found",
        details={"issue_id": issue},
    )


def _may_be_fingerprint(issue: str) -> bool:
    """Return whether a text may be digits of a fingerprint; decimal digits alone are the number of an issue."""
    return re.fullmatch(f"[0-9a-f]{{6,{_WHOLE_DIGITS}}}", issue) is not None and not issue.isdecimal()


def _fingerprints(issue: str, tracker: str | None, project: str | None) -> list[str]:
    if tracker is None:
        raise _no_tracker(issue, f"no issue {issue!r}")
    from stormlog.tracking import Tracker

    with Tracker(tracker, project=project or "default", read_only=True) as opened:
        return opened.fingerprints(issue)


def show_issue(
    issue: str,
    paths: Sequence[str] = (),
    *,
    tracker: Tracker | None = None,
    repo: str | None = None,
    with_rule: bool = False,
    opening: _Opening | None = None,
    watching: _Watching = _unwatched,
) -> ShownIssue:
    """Return what a tracker and the telemetry know of an issue; one of them is enough.

    Args:
        issue: Whatever `Tracker.issue` takes, or a fingerprint id or its first 6 digits or more, if paths are given.
        paths: Telemetry to read. By default, what the scans of the tracker have read and what is still there.
        tracker: The tracker.
        repo: A git repository: name the command that lists the changes between two versions.
        with_rule: Whether to add the rule that made the issue.
        opening: Opens paths for the time of the question; by default `stormlog.query.open`.
        watching: Wraps the time in which files are read.

    Raises:
        LifecycleError: code ``not_found`` or ``ambiguous_id``: neither tracker nor telemetry has the issue.
        UnknownIdError: without a tracker that knows it, no evidence of the issue lies below the paths.
        SourceError: there is no telemetry below the paths, and no tracker knows the issue.
    """
    from stormlog.explaining import rule_of
    from stormlog.presenting import ShownIssue

    detail = None if tracker is None else _tracked_detail(tracker, issue, is_needed=not paths)
    if detail is None:
        if not paths:
            raise LifecycleError(
                f"no issue {issue!r}: name a tracker, or the paths of its telemetry",
                code="not_found",
                details={"issue_id": issue},
            )
        account = _account(issue, paths, opening, watching)
        shown = ShownIssue(None, account, next=account.next)
    else:
        assert tracker is not None
        shown = _shown_with_tracker(tracker, detail, paths, opening, watching)
    kind = detail.issue.kind if detail is not None else shown.account.kind if shown.account else ""
    return replace(
        shown,
        rule=rule_of(kind) if with_rule else None,
        git_command=None if repo is None else _git_command(repo, shown.account),
    )


def _tracked_detail(tracker: Tracker, issue: str, *, is_needed: bool) -> IssueDetail | None:
    """Return what a tracker knows; None for what it does not know, if telemetry may."""
    word = issue.strip()
    digits = word.removeprefix("issue:")
    try:
        # A fingerprint as people copy it.
        is_whole = _may_be_fingerprint(digits) and len(digits) == _WHOLE_DIGITS
        return tracker.issue(f"issue:{digits}" if is_whole else word)
    except LifecycleError as error:
        may_be_in_paths = _may_be_fingerprint(digits) or (word != digits and digits.isdecimal())
        if is_needed or error.code != "not_found" or not may_be_in_paths:
            raise
        return None


def _account(
    issue: str | Sequence[str],
    paths: Sequence[str],
    opening: _Opening | None,
    watching: _Watching,
) -> IssueAccount:
    if opening is None:
        import stormlog.query

        opening = stormlog.query.open
    with opening(paths) as store, watching(store):
        return store.issue_account(issue)


def _shown_with_tracker(
    tracker: Tracker,
    detail: IssueDetail,
    paths: Sequence[str],
    opening: _Opening | None,
    watching: _Watching,
) -> ShownIssue:
    import os

    from stormlog.presenting import ShownIssue

    issue = detail.issue
    history = tracker.history(issue.issue_id, limit=50)
    gone: tuple[str, ...] = ()
    opened = list(paths)
    if not paths:
        sources = tracker.sources(issue.issue_id)
        gone = tuple(path for path in sources.with_evidence if not os.path.exists(path))
        there = [path for path in sources.with_evidence if path not in set(gone)]
        # Without evidence of the issue, nothing else has to be read.
        opened = [*there, *filter(os.path.exists, sources.others)] if there else []
    account, problem = None, None
    if opened:
        try:
            account = _account(list(issue.fingerprint_ids), opened, opening, watching)
        except (SourceError, UnknownIdError) as error:
            if isinstance(error, UnknownIdError):
                problem = (
                    f"no evidence of it was found in {'the paths' if paths else 'what the scans have read'}"
                )
            else:
                problem = str(error)
    else:
        problem = (
            f"its telemetry is not there any more ({len(gone):,} {'source' if len(gone) == 1 else 'sources'}, such as "
            f"{gone[0]})"
            if gone
            else "no scan has read telemetry of it"
        )
    if account is not None:
        account = _as_tracked(account, detail)
    return ShownIssue(
        tracked=detail.as_dict(),
        account=account,
        history=[activity.as_dict() for activity in history.activities],
        has_more_history=history.has_more,
        gone=gone,
        account_problem=problem,
        next=_next_steps(tracker, detail, account, paths),
    )


def _as_tracked(account: IssueAccount, detail: IssueDetail) -> IssueAccount:
    """Return an account with what only the tracker knows: the state, and that the issue is older than the files."""
    issue, versions = detail.issue, account.versions
    if issue.first_seen_ns is not None and (
        account.first_ns is None or issue.first_seen_ns < account.first_ns
    ):
        # Earlier runs had it: the first run that is left says nothing of when it came in.
        versions = replace(versions, last_without=None, first_with=None)
    return replace(account, state=issue.state, versions=versions)


#: Status -> the verbs that people use next, as they are typed behind the id.
_VERBS: Final = {
    "new": ("claim {}", "resolve {} --version VERSION", "ignore {}"),
    "regressed": ("claim {}", "resolve {} --version VERSION", "ignore {}"),
    "in_progress": ("resolve {} --version VERSION", "ignore {}"),
    "resolved": ("reopen {}",),
    "silenced": ("reopen {}", "resolve {} --version VERSION"),
}


def _next_steps(
    tracker: Tracker, detail: IssueDetail, account: IssueAccount | None, paths: Sequence[str]
) -> tuple[str, ...]:
    """Return commands that lead on from a tracked issue, as they are typed into a shell."""
    import os
    import shlex

    from stormlog.tracking import default_store_path

    issue = detail.issue
    store = os.fspath(tracker.store.path)
    options = "" if store == os.fspath(default_store_path()) else f" --db {shlex.quote(store)}"
    project = "" if issue.project == "default" else f" --project {shlex.quote(issue.project)}"
    name = str(issue.number)
    opened = list(paths) or ([] if account is None else _common_folder([p.path for p in account.evidence]))
    steps = []
    if opened and account is not None:
        named = " ".join(map(shlex.quote, dict.fromkeys(opened)))
        tracked = options or f" --db {shlex.quote(store)}"
        steps.append(f"stormlog why {named} --issue {name}{tracked}{project}")
    steps += [
        f"stormlog issues {verb.format(name)}{options}{project}" for verb in _VERBS.get(issue.status, ())
    ]
    steps.append(f"stormlog issues comment {name} TEXT{options}{project}")
    steps.append(f"stormlog issues history {name}{options}{project}")
    return tuple(steps)


def _common_folder(paths: Sequence[str]) -> list[str]:
    """Return the folder that holds all of some files, unless that is the root."""
    import os

    if not paths:
        return []
    if len(set(map(os.path.isabs, paths))) > 1:
        # Scans of other directories may have named some of the files from there.
        paths = list(map(os.path.abspath, paths))
    folder = os.path.commonpath([os.path.dirname(path) for path in paths])
    return [folder] if os.path.dirname(folder) != folder else list(paths)


def _git_command(repo: str, account: IssueAccount | None) -> str | None:
    """Return the command that lists the changes with which the issue came in; None where they cannot be told."""
    change = None if account is None else account.versions.latest_change
    if change is None:
        return None
    from stormlog.tracking.repository import Repository

    repository = Repository(repo)
    before, after = map(repository.name, change)
    if before is None or after is None or before == after:
        return None
    return f"git log {before}..{after}"

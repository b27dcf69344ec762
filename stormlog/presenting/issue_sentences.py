"""What the page of an issue says, in sentences: used by the screen and by Markdown.

Promise: what is not known is left out or said to be not known. Text of telemetry stands in the sentences as it was
recorded; who prints them makes it safe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stormlog.explaining import EvidencePlace, FirstFailure, IssueAccount, IssueRun, ValueSpread
from stormlog.presenting.issue_history import status_sentence, until_text
from stormlog.presenting.issue_page import ShownIssue
from stormlog.presenting.quantities import counted, human_bytes, human_count, human_time
from stormlog.presenting.texts import listed, ranges
from stormlog.presenting.why_headline import FAILURE_WORDS
from stormlog.presenting.why_sentences import device_number, run_name

__all__ = [
    "absent_account",
    "dimensions",
    "facts",
    "issue_names",
    "place",
    "span",
    "spread",
    "timeline_title",
    "title",
    "what",
]

_RANGE = "last without .. first with"


def title(shown: ShownIssue) -> str:
    """Return the title of the issue."""
    if shown.tracked is not None:
        return str(shown.tracked["issue"]["title"])
    return "" if shown.account is None else shown.account.title


def what(shown: ShownIssue) -> str:
    """Return what tells the issue from others of its title; empty where nothing does."""
    if shown.account is not None:
        return shown.account.what
    # Late: most pages have an account.
    from stormlog.issues.what import what_of

    fingerprints = [] if shown.tracked is None else shown.tracked["fingerprints"]
    return what_of(fingerprints[0]["kind"], fingerprints[0]["dimensions"], {}) if fingerprints else ""


def issue_names(shown: ShownIssue) -> list[str]:
    """Return what the issue may be called, the shortest name first."""
    names = []
    if shown.tracked is not None:
        issue = shown.tracked["issue"]
        if issue.get("number") is not None:
            names.append(f"#{issue['number']}")
        names.append(str(issue["issue_id"]))
        names += [str(found["fingerprint_id"]) for found in shown.tracked["fingerprints"]]
    elif shown.account is not None:
        names += shown.account.fingerprint_ids
    return names


def facts(shown: ShownIssue) -> Iterator[tuple[str, str]]:
    """Yield labels and texts of what is known of the issue; texts may be long."""
    if shown.tracked is not None:
        yield from _tracked_facts(shown.tracked["issue"], shown.history)
    account = shown.account
    if account is not None and shown.tracked is None:
        if account.state != "open":
            yield "State", account.state
        yield "Severity", f"{account.severity}, {account.kind}"
        seen = [
            counted(account.hit_count, "hit"),
            counted(account.session_count, "session"),
            counted(account.run_count, "run"),
        ]
        yield "Seen", f"{listed(seen)}{_of_time(account.first_ns, account.last_ns)}"
    versions = _versions(shown)
    if versions is not None:
        yield "Versions", versions
    if shown.git_command is not None:
        yield "Changes", shown.git_command
    if account is not None:
        yield from _account_facts(account)
    else:
        for fingerprint in () if shown.tracked is None else shown.tracked["fingerprints"]:
            yield "Dimensions", dimensions(fingerprint["dimensions"])


def _tracked_facts(
    issue: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    yield "Status", status_sentence(issue, history)
    if issue["recurred_count"]:
        last = issue["recurred_last_ns"]
        when = "" if last is None else f", last {human_time(last)} UTC"
        yield "Recurring", f"in {counted(issue['recurred_count'], 'session')} while resolved{when}"
    until = until_text(issue["ignore_until"])
    if until is not None:
        yield "Ignored", until
    if issue["assignee"] is not None:
        yield "Assignee", issue["assignee"]
    yield "Severity", f"{issue['severity']}, {issue['kind']}"
    app = f"{issue['app']} (dev)" if issue["is_dev"] else issue["app"]
    yield "App", f"{app}, project {issue['project']}"
    seen = [
        counted(issue["hit_count"], "hit"),
        counted(issue["occurrence_count"], "session"),
        counted(issue["run_count"], "run"),
    ]
    if issue["unique_user_count"]:
        seen.append(counted(issue["unique_user_count"], "user"))
    yield "Seen", f"{listed(seen)}{_of_time(issue['first_seen_ns'], issue['last_seen_ns'])}"


def _of_time(first_ns: int | None, last_ns: int | None) -> str:
    return "" if first_ns is None or last_ns is None else f", {span(first_ns, last_ns)}"


def span(first_ns: int, last_ns: int) -> str:
    """Return a stretch of time; one time where both are of the same second."""
    first, last = human_time(first_ns), human_time(last_ns)
    return f"{first} UTC" if first == last else f"{first} to {last} UTC"


def _versions(shown: ShownIssue) -> str | None:
    """Return the versions with the issue, and the last one before that had it not."""
    issue = None if shown.tracked is None else shown.tracked["issue"]
    found = None if shown.account is None else shown.account.versions
    first = None if found is None else found.first_with
    last = None if found is None else found.latest_with
    if issue is not None:
        first, last = issue["first_seen_version"] or first, issue["last_seen_version"] or last
    parts = [" - ".join(dict.fromkeys(version for version in (first, last) if version))]
    if found is not None and found.last_without is not None and found.first_with is not None:
        parts.append(f"{found.last_without} .. {found.first_with} ({_RANGE})")
    if found is not None and found.gone_in is not None:
        back = "in a version that is not known" if found.back_in is None else f"in {found.back_in}"
        parts.append(f"not in {found.gone_in}, back {back}")
    return ", ".join(part for part in parts if part) or None


def _account_facts(account: IssueAccount) -> Iterator[tuple[str, str]]:
    if account.latest_run is not None:
        yield from _run_facts(account.latest_run)
    error = account.exception
    if error.message is not None or error.exception_type is not None:
        message = error.message or ""
        named = error.exception_type if error.exception_type and error.exception_type not in message else None
        label = "Error" if account.kind in ("oom", "error") else "Message"
        yield label, ": ".join(part for part in (named, message) if part)
    if error.requested_bytes is not None:
        free = "" if error.free_bytes is None else f", while {human_bytes(error.free_bytes)} was free"
        yield "Asked for", f"{human_bytes(error.requested_bytes)}{free}"
    yield "Dimensions", dimensions(account.dimensions)


def _run_facts(run: IssueRun) -> Iterator[tuple[str, str]]:
    version = "" if run.code_version is None else f", version {run.code_version}"
    hits = counted(run.hit_count, "hit")
    yield "Latest run", f"{run_name(run.run_id, run.attempt)[4:]}{version}: {hits}"
    failure = run.first_failure
    if failure is None:
        return
    if run.is_of_issue:
        yield "First rank", _failure(failure, run.is_first)
    else:
        # An alert or a degradation is no failure: what the run failed of is another issue.
        yield "Run failed", f"of another issue: {_failure(failure, True)}"


def _failure(failure: FirstFailure, is_first: bool) -> str:
    if failure.rank is None:
        several = len(failure.candidates) > 1
        who = f"one of the ranks {ranges(failure.candidates)}" if several else "not known"
    else:
        who = f"rank {failure.rank}"
    if not failure.certain and failure.rank is not None:
        who += " (as it seems)"
    device = device_number(failure.device_id)
    parts = [
        who,
        None if failure.host is None else f"host {failure.host}",
        None if device is None or failure.rank is None else f"device {device}",
        f"in {failure.phase}" if failure.phase is not None else None,
        None if failure.timestamp_ns is None else f"{human_time(failure.timestamp_ns)} UTC",
        None if is_first else "after a failure of another issue",
        f"{FAILURE_WORDS.get(failure.kind, 'failed')} and went on" if failure.survived else None,
    ]
    return ", ".join(part for part in parts if part is not None)


def dimensions(values: Mapping[str, Any]) -> str:
    """Return the dimensions of an issue on one line."""
    return "; ".join(f"{name}: {_dimension(value)}" for name, value in values.items()) or "none"


def _dimension(value: Any) -> str:
    if value is None:
        return "not known"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def spread(found: ValueSpread, hit_count: int) -> str | None:
    """Return how hits spread over the values of a field: ``rank 3: 94 % of 17 hits, rank 5: 6 %``.

    Returns:
        None where no value is known.
    """
    if not found.value_count:
        return None
    texts = []
    for number, entry in enumerate(found.values):
        name = "not known" if entry.value is None else f"{found.field} {entry.value}"
        of = f" of {counted(hit_count, 'hit')}" if number == 0 else ""
        texts.append(f"{name}: {_percent(entry.hit_count, hit_count)}{of}")
    hidden = found.value_count - sum(entry.value is not None for entry in found.values)
    if hidden > 0:
        texts.append(f"{human_count(hidden)} more: {_percent(found.rest_hit_count, hit_count)}")
    return ", ".join(texts)


def _percent(count: int, total: int) -> str:
    """Return a share; 100 % is said of all hits only, and 0 % of none."""
    if count * 100 < total:
        return "under 1 %" if count else "0 %"
    return f"{min((count * 200 + total) // (2 * total), 100 if count == total else 99)} %"


def place(found: EvidencePlace) -> str:
    """Return where a hit is recorded, as editors take it: ``path:line``."""
    return found.path if found.line_number is None else f"{found.path}:{found.line_number}"


def timeline_title(account: IssueAccount) -> str:
    """Return whose memory a timeline shows, and around which time."""
    timeline = account.timeline
    assert timeline is not None
    number = device_number(timeline.device_id)
    device = "" if number is None else f", device {number}"
    size = "" if timeline.total_bytes is None else f" ({human_bytes(timeline.total_bytes)})"
    return f"Memory of rank {timeline.rank}{device}{size} around the hit of {human_time(timeline.timestamp_ns)} UTC"


def absent_account(shown: ShownIssue) -> str | None:
    """Return why parts of the page are missing; None where none is."""
    if shown.account is None:
        reason = shown.account_problem or "its telemetry was not read"
        return f"Only what the tracker knows is shown: {reason}."
    if not shown.gone:
        return None
    sources = counted(len(shown.gone), "source")
    return f"Read is what is left: {sources} with evidence not found, such as {shown.gone[0]}."

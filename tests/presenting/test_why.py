"""What holds for every explanation, whatever is known and whatever its texts are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from stormlog.explaining.models import EarlierGrowth, Explanation, OtherRun, SameIssue
from stormlog.presenting.texts import cell_width
from stormlog.presenting.why_brief import brief
from stormlog.presenting.why_headline import headline
from stormlog.presenting.why_markdown import markdown
from stormlog.presenting.why_sentences import error, growth_since_last_good, other_runs_note
from stormlog.presenting.why_text import screen, screen_text
from tests.presenting.issue_samples import timeline
from tests.presenting.samples import (
    FAILED,
    SAMPLES,
    S,
    account,
    accounts_at_a_time,
    ambiguous,
    clean,
    error_then_out_of_memory,
    explained_run,
    first_failure,
    hostile,
    levels,
    lost_only,
    many_ranks,
    neither_ended_nor_failed,
    nothing_known,
    out_of_memory,
    state,
    survived,
)

WIDTHS = (60, 72, 80, 120)


def lines_of(explanation: Explanation, width: int = 80) -> list[str]:
    return screen_text(explanation, width=width).splitlines()


def everywhere(explanation: Explanation, now_ns: int | None = None) -> list[str]:
    """Return the screen, Markdown and the one line, without line breaks and in lower case."""
    texts = (
        screen_text(explanation, now_ns=now_ns),
        markdown(explanation, now_ns=now_ns),
        brief(explanation, now_ns=now_ns),
    )
    return [" ".join(text.split()).lower() for text in texts]


def sentences(explanation: Explanation) -> str:
    """Return the screen as one text, so that it does not matter where its lines break."""
    return " ".join(screen_text(explanation).split())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SAMPLES)
def test_only_commands_and_paths_are_wider_than_the_screen(name: str, width: int) -> None:
    lines = [
        line for line in lines_of(replace(SAMPLES[name](), next=()), width) if not line.startswith("Recorded")
    ]
    assert max(map(cell_width, lines)) <= width


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_one_screen_with_wrapped_commands_counted(name: str, width: int) -> None:
    rows = sum(max(1, -(-cell_width(line) // width)) for line in lines_of(SAMPLES[name](), width))
    assert rows <= 40


@pytest.mark.parametrize("name", SAMPLES)
def test_no_control_character_gets_through(name: str) -> None:
    explanation = SAMPLES[name]()
    for text in (screen_text(explanation), markdown(explanation), brief(explanation)):
        assert all(line.isprintable() for line in text.split("\n"))
    assert "\n" not in brief(explanation)


def test_hostile_markdown_makes_no_links_no_html_and_no_tables_of_its_own() -> None:
    text = markdown(hostile())
    assert "<script>" not in text
    assert "](http" not in text.replace("\\]", "")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables} == {3, 6}


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ("hostile", "bundles_only")])
def test_in_ascii_everything_that_stormlog_draws_is_ascii(name: str) -> None:
    assert screen_text(SAMPLES[name](), ascii_only=True).isascii()


def test_without_styles_the_screen_says_the_same() -> None:
    joined = ["".join(piece.text for piece in line).rstrip() for line in screen(out_of_memory())]
    assert joined == lines_of(out_of_memory())


def test_the_first_failure_stands_at_the_top() -> None:
    assert lines_of(out_of_memory())[0] == "Rank 3 of 8 ran out of memory first."
    assert lines_of(nothing_known())[0] == "Rank 0 failed with an error; no other failure was recorded."


def test_what_is_not_known_is_said_to_be_not_known() -> None:
    text = sentences(nothing_known())
    for part in (
        "version not known",
        "When not known",
        "Phase not known",
        "Error not known",
        "Memory: not known",
    ):
        assert part in text


def test_the_most_important_of_ten_thousand_ranks_are_shown_and_the_others_counted() -> None:
    lines = lines_of(many_ranks())
    shown = [line for line in lines if "node-" in line and "GiB" in line]
    assert "failed first" in shown[0]
    assert "+30.0 GiB allocated" in shown[1]
    assert len(shown) <= 8
    assert any(line.startswith("  and ") and "; 3,449 others used 40.0 GiB" in line for line in lines)


def test_doubt_about_the_order_is_said_with_its_reason() -> None:
    two = explained_run(ranks_failed=(3, 4), clock_spread_ns=1_500_000_000)
    clocks = Explanation(run=two, first_failure=first_failure(certain=False))
    assert "first, as it seems" in sentences(clocks)
    assert "their clocks seem to be up to 1.5 s apart" in sentences(clocks)
    unknown = Explanation(run=replace(two, clock_spread_ns=None), first_failure=first_failure(certain=False))
    assert "how far their clocks are apart is not known" in sentences(unknown)
    bundle = Explanation(run=two, first_failure=first_failure(certain=False, time_source="bundle"))
    assert "only OOM bundles tell, in whole seconds" in sentences(bundle)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "Allocated memory grew by 34.0 GiB, steadily."),
        ({"pattern": "sudden"}, "grew by 34.0 GiB, suddenly: half of it or more came at once."),
        ({"pattern": None}, "Allocated memory grew by 34.0 GiB."),
        ({"largest_growth": "request"}, "Nothing grew: the request of 2.00 GiB would not have fitted"),
        (
            {"largest_growth": None},
            "Nothing that the samples show grew; the last sample was taken 120 ms before.",
        ),
        (
            {"largest_growth": None, "growth": None, "note": "failed during warm-up"},
            "Growth: not known (failed during warm-up).",
        ),
        ({"largest_growth": None, "growth": None}, "Growth: not known."),
    ],
)
def test_what_grew_is_said_in_a_sentence(fields: dict[str, object], expected: str) -> None:
    explanation = Explanation(
        run=explained_run(ranks_failed=(3,)), first_failure=first_failure(), memory=account(**fields)
    )
    assert expected in sentences(explanation)
    assert expected in " ".join(markdown(explanation).split())


def test_components_that_are_not_known_are_left_out_and_contradictions_shown() -> None:
    memory = account(outside_allocator_bytes=None, free_bytes=None, unexplained_bytes=5 << 20)
    text = screen_text(Explanation(run=explained_run(), first_failure=first_failure(), memory=memory))
    assert "outside the allocator" not in text
    assert "not explained" in text and "5.00 MiB" in text


def test_a_rank_without_memory_has_no_bar() -> None:
    explanation = Explanation(
        run=explained_run(ranks_failed=(3, 4)),
        first_failure=first_failure(),
        memory=account(),
        ranks=(state(3, None, failed_after=0), state(4, 40.0, failed_after=1)),
    )
    (line,) = (line for line in lines_of(explanation) if "failed first" in line)
    assert "█" not in line and "░" not in line


def test_a_failure_before_the_start_that_is_known_has_no_negative_duration() -> None:
    explanation = Explanation(run=explained_run(started_ns=2**62), first_failure=first_failure())
    assert "into the run" not in sentences(explanation)


def test_a_time_beyond_the_calendar_is_shown_as_it_is() -> None:
    late = first_failure(timestamp_ns=10**30)
    assert str(10**30) in screen_text(Explanation(run=explained_run(started_ns=None), first_failure=late))


def test_an_issue_seen_here_only_is_said_to_be() -> None:
    same = SameIssue("8d0c6a4e", None, "new", None, None, 1)
    explanation = Explanation(run=explained_run(), first_failure=first_failure(), same_as=same)
    assert "Issue 8d0c6a4e (new): seen in this run only." in sentences(explanation)


def test_many_accounts_are_cut_after_those_that_use_most() -> None:
    accounts = tuple(account(rank=rank, allocated_bytes=rank << 30) for rank in range(1000))
    lines = lines_of(replace(accounts_at_a_time(), accounts=accounts))
    assert next(line for line in lines if "GiB" in line).split()[0] == "999"
    assert "  and 980 more" in lines


def test_a_path_is_kept_in_one_piece_unless_it_never_ends() -> None:
    long = "runs/" + "a-long-name/" * 12 + "segment-000001.jsonl"
    explanation = Explanation(run=explained_run(), first_failure=first_failure(source_path=long))
    assert f"Recorded  {long}, line 812" in lines_of(explanation)
    endless = Explanation(run=explained_run(), first_failure=first_failure(source_path="x" * 10**6))
    assert max(map(len, lines_of(endless))) < 400


def test_a_request_that_is_too_large_without_a_baseline_says_nothing_of_the_beginning() -> None:
    memory = account(largest_growth="request", growth=None, baseline=None, note="failed during warm-up")
    text = sentences(Explanation(run=explained_run(), first_failure=first_failure(), memory=memory))
    assert "The request of 2.00 GiB was larger than what was free or held unused." in text
    assert "Growth: not known (failed during warm-up)." in text
    assert "at the beginning" not in text


def test_an_event_that_is_no_out_of_memory_says_its_own_text() -> None:
    failure = first_failure(kind="error", exception_type=None, exception_message=None, context="NCCL timeout")
    assert "Error NCCL timeout" in sentences(Explanation(run=explained_run(), first_failure=failure))


def test_an_exception_without_text_is_its_type() -> None:
    failure = first_failure(exception_type="MemoryError", exception_message="", context=None)
    assert error(failure) == "MemoryError"


def test_the_same_failure_in_another_attempt_is_said_to_be_there() -> None:
    same = SameIssue("issue:63b1", None, None, None, None, 1)
    explanation = Explanation(run=explained_run(), first_failure=first_failure(), same_as=same)
    assert "This failure, issue:63b1: seen in other attempts of this run." in sentences(explanation)


def test_differences_that_are_noise_are_left_out_of_the_sentence() -> None:
    good = EarlierGrowth("r-0", None, levels(30.0, 0.01, -5.0, -25.0))
    explanation = Explanation(run=explained_run(), first_failure=first_failure(), against_last_good=good)
    assert growth_since_last_good(explanation) == (
        "Against run r-0, the last that did not fail: "
        "at the end, allocated was 30.0 GiB more and outside the allocator was 5.00 GiB less."
    )
    same = replace(explanation, against_last_good=EarlierGrowth("r-0", None, levels(0, 0, 0, 0)))
    assert growth_since_last_good(same) == "Against run r-0, the last that did not fail: no difference."
    unknown = replace(explanation, against_last_good=EarlierGrowth("r-0", None, {"allocated": None}))
    assert growth_since_last_good(unknown) == "Against run r-0, the last that did not fail: not known."


def test_at_a_time_asked_for_nothing_is_said_of_failures_and_losses() -> None:
    failed = replace(
        accounts_at_a_time(),
        run=explained_run(ranks_failed=(0,), ranks_lost=(1,)),
        ranks=(state(0, 40.0, failed_after=5), state(1, 40.0)),
    )
    for text in (screen_text(failed), markdown(failed)):
        assert "failed" not in text
        assert "lost" not in text.lower()


def test_a_time_before_all_samples_is_no_run_that_did_not_fail() -> None:
    early = replace(accounts_at_a_time(), accounts=())
    assert lines_of(early)[0] == "Memory at 2026-11-20 09:45:34 UTC: not known (no sample up to then)."


@pytest.mark.parametrize("age_s", [None, -5, 30, 600, 601, 12 * 86400])
def test_ranks_that_neither_ended_nor_failed_are_never_said_to_run(age_s: int | None) -> None:
    explanation = neither_ended_nor_failed()
    last_ns = explanation.run.last_ns
    assert last_ns is not None
    for text in everywhere(explanation, None if age_s is None else last_ns + age_s * S):
        assert "running" not in text
        assert "no failure was recorded; ranks 0-7 neither ended nor failed" in text
        assert ("telemetry ends at 2026-11-20 09:45:38 utc" in text) == (age_s is not None and age_s > 600)
    if age_s == 12 * 86400:
        assert headline(explanation, last_ns + age_s * S).endswith("09:45:38 UTC, 12 days ago.")


def test_without_a_newest_record_nothing_is_said_of_its_age() -> None:
    explanation = replace(neither_ended_nor_failed(), run=explained_run(ranks_running=(0,), last_ns=None))
    assert headline(explanation, FAILED * 2) == "No failure was recorded; rank 0 neither ended nor failed."


def test_ranks_that_neither_ended_nor_failed_are_named_beside_lost_ones() -> None:
    for text in everywhere(lost_only()):
        assert "neither ended nor failed: rank 6." in text


def test_of_sessions_that_overlap_nothing_but_the_one_explained_is_said_to_be_absent() -> None:
    went_on = replace(ambiguous(), first_failure=first_failure(rank=0, survived=True, session_id="s-2"))
    for explanation in (ambiguous(), went_on):
        for text in everywhere(explanation):
            assert "sessions of a rank overlap in time; only session s-2 is explained." in text
            assert "no other failure" not in text
            assert "no rank failed" not in text
    nothing = replace(ambiguous(), run=explained_run(ambiguous=True), first_failure=None)
    for text in everywhere(nothing):
        assert "no failure was recorded in session s-2." in text


def test_a_rank_that_went_on_after_it_ran_out_of_memory_has_not_failed() -> None:
    rows = [line for line in lines_of(survived()) if "node-a  " in line]
    assert [row.partition("GiB  ")[2] for row in rows] == [
        "ran out of memory first, went on",
        "ran out of memory 8.7 s later, went on",
    ]
    for text in everywhere(survived()):
        assert "failed first" not in text
        assert "failed 8.7 s later" not in text


def test_a_run_with_lost_ranks_is_not_said_to_have_no_rank_that_failed_for_good() -> None:
    explanation = replace(
        survived(), run=explained_run(ranks_failed=(0, 1), ranks_lost=(2,), failed_ns=FAILED)
    )
    assert "no failure for good was recorded" in headline(explanation)


def test_that_a_rank_ran_out_of_memory_after_an_error_is_said_at_the_top() -> None:
    for text in everywhere(error_then_out_of_memory()):
        assert (
            "rank 1 of 8 failed with an error first, as it seems; "
            "3 more ranks failed, rank 5 out of memory 200 ms later."
        ) in text
    (row,) = (line for line in lines_of(error_then_out_of_memory()) if line.startswith("  5  "))
    assert row.endswith("ran out of memory 200 ms later")


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([(2, "oom", 0.2)], "; rank 2 ran out of memory 200 ms later."),
        # The second of a bundle may be cut below the time of the first failure.
        ([(2, "oom", -0.2)], "; rank 2 ran out of memory."),
        (
            [(2, "error", 0.1), (4, "oom", 3), (5, "oom", 4)],
            "; 3 more ranks failed, 2 of them out of memory (first rank 4, 3 s later).",
        ),
        ([(2, "error", 0.1)], "failed with an error first."),
        ([(2, None, 0.1)], "failed with an error first."),
    ],
)
def test_ranks_out_of_memory_after_an_error(
    later: list[tuple[int, str | None, float]], expected: str
) -> None:
    explanation = Explanation(
        run=explained_run(ranks_failed=(1, *(rank for rank, _, _ in later))),
        first_failure=first_failure(rank=1, kind="error"),
        ranks=(
            state(1, 70.0, failed_after=0, kind="error"),
            *(state(rank, 70.0, failed_after=after, kind=kind) for rank, kind, after in later),
        ),
    )
    assert headline(explanation).endswith(expected)


def test_doubt_names_the_rank_that_failed_soon_after_and_how_soon() -> None:
    explanation = replace(
        error_then_out_of_memory(),
        ranks=(
            state(1, 70.0, failed_after=0),
            state(3, 70.0, failed_after=0.1),
            state(2, 70.0, failed_after=0.5, host="gpu-node-01"),
        ),
    )
    assert (
        "rank 2 on gpu-node-01 failed 500 ms later; differences of 1 s or less between hosts are not trusted "
        "(their clocks seem to be up to 5 ms apart)."
    ) in sentences(explanation)


def test_the_age_of_the_last_sample_is_the_same_in_both_sentences_about_it() -> None:
    text = sentences(error_then_out_of_memory())
    assert text.count("4.7 s before") == 2
    assert "4699" not in text and "4.6 s" not in text


def test_the_one_line_names_lost_and_missing_ranks() -> None:
    lost = replace(
        out_of_memory(), run=explained_run(ranks_failed=(3, 4), ranks_lost=(6,), ranks_missing=(7,))
    )
    assert "Lost: rank 6; telemetry ends with neither a stop nor a failure." in brief(lost)
    assert "Missing: rank 7 of 8; nothing of it was found." in brief(lost)
    assert brief(lost_only()).count("2 and 5") == 1
    alone = brief(lost, of_one_rank=True)
    assert "Missing" not in alone
    assert "of 8" not in alone


@pytest.mark.parametrize("run", [{"ranks_lost": (2,)}, {"ranks_running": (1, 2)}])
def test_what_grew_is_said_of_ranks_that_ended_without_a_failure(run: dict[str, tuple[int, ...]]) -> None:
    explanation = replace(lost_only(), run=explained_run(**run))
    for text in everywhere(explanation):
        assert "up to the peak of rank 1, allocated memory grew by 34.0 gib, steadily." in text
    assert any(line.endswith("+34.0 GiB  grew most") for line in lines_of(explanation))


def test_a_run_that_ended_well_has_no_growth_at_its_peak() -> None:
    explanation = replace(clean(), memory=account(age_ns=None))
    for text in everywhere(explanation):
        assert "grew" not in text
    unknown = replace(lost_only(), memory=account(age_ns=None, largest_growth=None))
    assert all("grew" not in text for text in everywhere(unknown))


def test_growth_of_which_nothing_is_known_is_no_growth_of_nothing() -> None:
    unknown = dict.fromkeys(levels(0, 0, 0, 0))
    memory = account(baseline=unknown, growth=unknown, largest_growth=None)
    assert "Growth: not known." in sentences(replace(out_of_memory(), memory=memory))


@pytest.mark.parametrize(("then", "is_said"), [(61.4, False), (65.3, False), (65.5, True), (57.0, True)])
def test_growth_that_is_not_the_difference_to_the_last_sample_is_explained(
    then: float, is_said: bool
) -> None:
    explanation = replace(out_of_memory(), memory=account(allocated_bytes=int(then * (1 << 30))))
    for text in everywhere(explanation)[:2]:
        assert ("growth compares usual levels, early and at the end" in text) == is_said


def test_a_phase_that_does_not_fit_is_left_out_of_the_row_of_a_rank() -> None:
    rows = [line for line in lines_of(many_ranks()) if "node-" in line and "GiB" in line]
    assert all(row.endswith(("allocated", "in train/forward")) for row in rows)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], None),
        ([("r-1", 1)], "also failed: r-1 (see it with --run ID)"),
        ([("r-1", 1), ("r-2", 1)], "also failed: r-1, r-2 (see one with --run ID)"),
        ([("r-1", 2)], "also failed: attempt 2 of r-1 (see it with --run ID --attempt N)"),
        ([("llm-pretrain", 1)], "also failed: attempt 1 of llm-pretrain (see it with --run ID --attempt N)"),
    ],
)
def test_other_runs_are_named_with_the_options_that_they_need(
    others: list[tuple[str, int]], expected: str | None
) -> None:
    runs = tuple(OtherRun(run_id, attempt, FAILED, None) for run_id, attempt in others)
    assert other_runs_note(replace(clean(), other_runs=runs)) == expected


def test_other_runs_are_said_to_be_the_latest_where_there_may_be_more() -> None:
    runs = tuple(OtherRun(f"run-{number}", 1, FAILED, None) for number in range(10))
    note = other_runs_note(replace(clean(), other_runs=runs))
    assert note is not None and note.startswith("also failed, the latest 10: run-0, ")


@pytest.mark.parametrize(
    ("ages_s", "expected"),
    [
        ([None, None], "2 devices."),
        ([0, 59], "2 devices."),
        ([7 * 86400, 7 * 86400 + 1], "2 devices; the last samples are 7 days older."),
        ([7 * 86400, 3 * 86400], "2 devices; the last samples are 3 days to 7 days older."),
        ([5, 3600], "2 devices; the last sample of 1 of them is 60 minutes older."),
        ([5, 3600, 86400], "3 devices; the last samples of 2 of them are up to 24 hours older."),
        ([86400 * 2], "1 device; the last sample is 2 days older."),
    ],
)
def test_samples_that_are_much_older_than_the_time_asked_for_are_said_to_be(
    ages_s: list[int | None], expected: str
) -> None:
    accounts = tuple(account(age_ns=None if age is None else age * S) for age in ages_s)
    explanation = replace(accounts_at_a_time(), accounts=accounts)
    assert headline(explanation) == f"Memory at 2026-11-20 09:45:34 UTC: {expected}"


@pytest.mark.parametrize("name", SAMPLES)
def test_every_column_of_a_markdown_table_has_a_name(name: str) -> None:
    lines = markdown(SAMPLES[name]()).splitlines()
    headers = [before for before, line in pairwise(lines) if line.startswith("| ---")]
    assert all(cell.strip() for header in headers for cell in header.strip("|").split("|"))


def test_memory_over_time_is_a_line_of_the_screen_and_a_plot_in_markdown() -> None:
    explanation = replace(out_of_memory(), timeline=timeline())
    for width in (120,):
        lines = screen_text(explanation, width=width).splitlines()
        (line,) = [line for line in lines if line.startswith("  over 10 min")]
        assert len(line) == width and line.endswith("█")
        # A peak of one sample in the first half is not lost.
        assert "█" in line[: width // 2]
        assert len(lines) <= 40
    assert all(
        line.isascii() for line in screen_text(explanation, ascii_only=True).splitlines() if "over " in line
    )
    assert "80.0 GiB ┤" in markdown(explanation)
    assert "over 10 min" not in screen_text(replace(explanation, first_failure=None))
    without = screen_text(out_of_memory(), width=60)
    assert screen_text(explanation, width=60) == without, "there is no room for more"

"""What holds for every explanation, whatever is known and whatever its texts are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stormlog.explaining.models import EarlierGrowth, Explanation, SameIssue
from stormlog.presenting.texts import cell_width
from stormlog.presenting.why_brief import brief
from stormlog.presenting.why_markdown import markdown
from stormlog.presenting.why_sentences import growth_since_last_good
from stormlog.presenting.why_text import screen, screen_text
from tests.presenting.samples import (
    SAMPLES,
    account,
    accounts_at_a_time,
    explained_run,
    first_failure,
    hostile,
    levels,
    many_ranks,
    nothing_known,
    out_of_memory,
    state,
)

WIDTHS = (60, 72, 80, 120)


def lines_of(explanation: Explanation, width: int = 80) -> list[str]:
    return screen_text(explanation, width=width).splitlines()


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
    assert lines_of(nothing_known())[0] == "Rank 0 failed with an error; no other rank failed."


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
    assert "clocks of the hosts are up to 1.5 s apart" in sentences(clocks)
    unknown = Explanation(run=replace(two, clock_spread_ns=None), first_failure=first_failure(certain=False))
    assert "how far the clocks of the hosts are apart is not known" in sentences(unknown)
    bundle = Explanation(run=two, first_failure=first_failure(certain=False, time_source="bundle"))
    assert "only OOM bundles tell, in whole seconds" in sentences(bundle)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "Allocated memory grew by 34.0 GiB, steadily."),
        ({"pattern": "sudden"}, "grew by 34.0 GiB, suddenly: half of it or more came at once."),
        ({"pattern": None}, "Allocated memory grew by 34.0 GiB."),
        ({"largest_growth": "request"}, "Nothing grew: the request of 2.00 GiB would not have fitted"),
        ({"largest_growth": None}, "Nothing that the samples show grew; the last sample is 120 ms older"),
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


def test_the_same_failure_in_another_attempt_is_said_to_be_there() -> None:
    same = SameIssue("issue:63b1", None, None, None, None, 1)
    explanation = Explanation(run=explained_run(), first_failure=first_failure(), same_as=same)
    assert "This failure, issue:63b1: seen in other attempts of this run." in sentences(explanation)


def test_differences_that_are_noise_are_left_out_of_the_sentence() -> None:
    good = EarlierGrowth("r-0", None, levels(30.0, 0.01, -5.0, -25.0))
    explanation = Explanation(run=explained_run(), first_failure=first_failure(), against_last_good=good)
    assert growth_since_last_good(explanation) == (
        "Against run r-0, the last that did not fail: allocated +30.0 GiB and outside the allocator -5.00 GiB."
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

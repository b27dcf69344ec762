"""Versions: which of two is newer, what that rests on, and when nobody can tell."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormlog.tracking.projects import VERSION_ORDERS
from stormlog.tracking.versions import Comparison, compare_versions, repository_for, seen_among

CASES = tomllib.loads((Path(__file__).parent / "vectors" / "versions.toml").read_text(encoding="utf-8"))[
    "case"
]
OPPOSITE = {"newer": "older", "older": "newer", "equal": "equal", None: None}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['fix']} then {case['evidence']}")
def test_table(case: dict[str, Any]) -> None:
    result = case["auto"] or None
    assert compare_versions(case["evidence"], case["fix"]) == Comparison(result, case["basis"])
    assert compare_versions(case["fix"], case["evidence"]) == Comparison(OPPOSITE[result], case["basis"])
    assert compare_versions(case["evidence"], case["fix"], order="string") == Comparison(
        case["string"], "string"
    )


@pytest.mark.parametrize("order", VERSION_ORDERS)
@pytest.mark.parametrize("missing", [None, "", "  "])
def test_a_missing_version_gives_no_answer(order: str, missing: str | None) -> None:
    assert compare_versions(missing, "1.0", order=order) == Comparison(None, "missing")
    assert compare_versions("1.0", missing, order=order) == Comparison(None, "missing")


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown version order 'newest'"):
        compare_versions("1", "2", order="newest")


def test_orders_that_people_choose_look_at_nothing_else() -> None:
    def result(evidence: str, fix: str, order: str) -> str | None:
        return compare_versions(evidence, fix, order=order).result

    assert result("1.0.0-1", "1.0.0", "pep440") == "newer"
    assert result("1.0.0-1", "1.0.0", "semver") == "older"
    assert result("1.0", "1.0.1", "semver") is None
    assert result("1.0.0-x.1", "1.0.0-x.2", "pep440") is None
    assert result("2.4.0+cu121", "2.4.0+cu118", "pep440") == "equal"
    assert result("9f8e7d6", "0a1b2c3", "pep440") is None
    assert result("build-100", "build-99", "pep440") is None


def test_commits_are_in_the_order_in_which_they_were_seen() -> None:
    seen = {"0a1b2c3": 100, "9f8e7d6": 200, "5555555a": 200}

    def result(evidence: str, fix: str, order: str = "auto") -> Comparison:
        return compare_versions(evidence, fix, order=order, first_seen=seen.get)

    assert result("9f8e7d6", "0a1b2c3") == Comparison("newer", "observed")
    assert result("0a1b2c3", "9f8e7d6") == Comparison("older", "observed")
    assert result("5555555a", "9f8e7d6") == Comparison(None, "observed")
    assert result("5555555b", "9f8e7d6") == Comparison(None, "observed")
    assert result(" 9f8e7d6 ", "0a1b2c3") == Comparison("newer", "observed")
    assert result("0A1B2C3D", "0a1b2c3") == Comparison("equal", "commit")


def test_any_name_may_be_in_observed_order() -> None:
    seen = {"blue": 1, "amber": 2, "1.0": 3}.get
    assert compare_versions("amber", "blue", order="observed", first_seen=seen).result == "newer"
    assert compare_versions("1.0", "blue", order="observed", first_seen=seen).result == "newer"
    assert compare_versions("blue", "blue", order="observed").result == "equal"
    assert compare_versions("amber", "blue", order="observed").result is None


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A repository with commits one, two and, on a branch from one, side."""
    folder = tmp_path_factory.mktemp("repo")

    def git(*arguments: str) -> str:
        options = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(folder), *options, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    commits = {}
    git("init", "--quiet")
    for name in ("one", "two", "side"):
        if name == "side":
            git("checkout", "--quiet", "-b", "side", commits["one"])
        git("commit", "--quiet", "--allow-empty", "-m", name)
        commits[name] = git("rev-parse", "HEAD")
        git("tag", f"release-{name}")
    return folder, commits


def test_a_repository_knows_which_commit_came_first(repo: tuple[Path, dict[str, str]]) -> None:
    folder, commits = repo

    def compare(evidence: str, fix: str, order: str = "auto") -> Comparison:
        return compare_versions(evidence, fix, order=order, repo=folder, first_seen={"release-two": 1}.get)

    assert compare(commits["two"], commits["one"]) == Comparison("newer", "git")
    assert compare(commits["one"], commits["two"]) == Comparison("older", "git")
    assert compare(commits["side"], commits["two"]) == Comparison(None, "git")
    assert compare(commits["two"], commits["two"][:12]) == Comparison("equal", "commit")
    assert compare("release-two", "release-one", "observed") == Comparison("newer", "git")
    assert compare("release-two", commits["two"], "observed") == Comparison("equal", "git")


def test_without_git_or_the_commit_what_was_seen_counts(
    repo: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, commits = repo
    seen = {commits["one"]: 2, commits["two"]: 1, "a" * 40: 3, "--output=x1": 1, "y": 2}.get

    def compare(evidence: str, fix: str, where: Path, order: str = "auto") -> Comparison:
        return compare_versions(evidence, fix, order=order, repo=where, first_seen=seen)

    assert compare("a" * 40, commits["two"], folder) == Comparison("newer", "observed")
    assert compare(commits["two"], commits["one"], tmp_path / "none") == Comparison("older", "observed")
    assert compare("y", "--output=x1", folder, "observed") == Comparison("newer", "observed")
    assert not (folder / "x1").exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compare(commits["two"], commits["one"], folder) == Comparison("older", "observed")


# ---- hashes of digits, tags and names that are none ----------------------------------------------------------


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A repository of 120 commits in a line, of which some have a hash that begins with seven digits."""
    folder = tmp_path_factory.mktemp("line")
    run_git(folder, "init", "--quiet")
    tree = run_git(folder, "mktree")
    commits: list[str] = []
    for number in range(120):
        parent = f"parent {commits[-1]}\n" if commits else ""
        who = f"a <a@b> {number} +0000"
        text = f"tree {tree}\n{parent}author {who}\ncommitter {who}\n\nm\n"
        commits.append(run_git(folder, "hash-object", "-t", "commit", "-w", "--stdin", text=text))
    run_git(folder, "update-ref", "refs/heads/main", commits[-1])
    return folder, commits


def run_git(folder: Path, *arguments: str, text: str = "") -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.strip()


def digits(commits: list[str], least: int = 2) -> list[str]:
    found = [commit for commit in commits if commit[:7].isdigit()]
    assert len(found) >= least
    return found


def test_a_hash_of_digits_alone_is_a_commit_where_the_repository_knows_it(
    line: tuple[Path, list[str]],
) -> None:
    folder, commits = line
    for number in map(commits.index, digits(commits)):
        older, commit, newer = commits[number - 1][:9], commits[number][:7], commits[(number + 1) % 120][:12]
        for fix, evidence in ((older, commit), (commit, newer)):
            assert compare_versions(evidence, fix, repo=folder) == Comparison("newer", "git")
            assert compare_versions(fix, evidence, repo=folder) == Comparison("older", "git")
        assert compare_versions(commit, commits[number], repo=folder) == Comparison("equal", "git")
        assert compare_versions(f" {commit}-dirty ", commits[number - 1], repo=folder).result == "newer"
        assert compare_versions(commit, "1.2.0", repo=folder) == Comparison(None, "incomparable")
        # Without a repository nobody can know.
        assert compare_versions(commit, "1.2.0") == Comparison("newer", "pep440")


def test_digits_that_are_no_commit_are_numbers(line: tuple[Path, list[str]]) -> None:
    folder, commits = line
    for evidence, fix in (("20241101", "20241015"), ("2024110", "2024101"), ("1234568", "1234567")):
        if not any(commit.startswith((evidence, fix)) for commit in commits):
            assert compare_versions(evidence, fix, repo=folder) == Comparison("newer", "pep440")


def test_what_git_lacks_is_compared_by_when_it_was_seen(line: tuple[Path, list[str]]) -> None:
    folder, commits = line
    commit = digits(commits)[0][:7]
    seen = {commit: 1, "0000000": 2}.get
    assert compare_versions("0000000", commit, repo=folder, first_seen=seen) == Comparison(
        "newer", "observed"
    )


def test_a_branch_or_tag_called_like_a_number_is_no_hash(
    tmp_path: Path, line: tuple[Path, list[str]]
) -> None:
    folder, commits = line
    run_git(folder, "branch", "20241015", commits[5])
    run_git(folder, "tag", "20241016", commits[4])
    try:
        assert compare_versions("20241016", "20241015", repo=folder) == Comparison("newer", "pep440")
        # A branch names another commit every day.
        assert compare_versions("20241015", commits[3], repo=folder).result is None
    finally:
        run_git(folder, "branch", "-D", "20241015")
        run_git(folder, "tag", "-d", "20241016")


def test_a_tag_is_compared_with_a_hash_by_ancestry_and_with_a_tag_by_its_number(
    line: tuple[Path, list[str]],
) -> None:
    folder, commits = line
    run_git(folder, "tag", "v2.0.0", commits[10])
    run_git(folder, "tag", "-a", "-m", "x", "1.0.0", commits[20])
    try:
        assert compare_versions(commits[11], "v2.0.0", repo=folder) == Comparison("newer", "git")
        assert compare_versions("refs/tags/v2.0.0", commits[11], repo=folder) == Comparison("older", "git")
        assert compare_versions(commits[20], "1.0.0", repo=folder) == Comparison("equal", "git")
        described = f"v2.0.0-5-g{commits[15][:8]}"
        assert compare_versions(described, commits[14], repo=folder) == Comparison("newer", "git")
        # What was released from another branch later is older all the same.
        assert compare_versions("2.0.0", "1.0.0", repo=folder) == Comparison("newer", "pep440")
        assert compare_versions("2.0.0", "1.0.0", order="observed", repo=folder) == Comparison("older", "git")
    finally:
        run_git(folder, "tag", "-d", "v2.0.0", "1.0.0")


@pytest.mark.parametrize(
    "name",
    [
        "--help",
        "-x",
        "--output=here",
        "@{-1}",
        "HEAD",
        ":/m",
        "main",
        "a b",
        "a\nb",
        "\x00",
        "..",
        "^",
        "*",
        "é",
    ],
)
@pytest.mark.parametrize("order", ["auto", "observed"])
def test_no_text_is_an_option_or_a_question_for_git(
    name: str, order: str, line: tuple[Path, list[str]]
) -> None:
    folder, commits = line
    before = sorted(path.name for path in folder.iterdir())
    for pair in ((name, commits[3]), (commits[3], name)):
        assert compare_versions(*pair, order=order, repo=folder).result is None
    assert sorted(path.name for path in folder.iterdir()) == before


def test_many_versions_are_few_processes(
    line: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, commits = line
    started = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: started.append(a) or run(*a, **k))
    repository = repository_for(
        folder, [*(commit[:16] for commit in commits), *(f"{n:040x}" for n in range(5000)), commits[60], None]
    )
    assert len(started) == 1
    for number, commit in enumerate(commits):
        found = compare_versions(commit[:16], commits[60], repo=repository).result
        assert found == ("newer" if number > 60 else "older" if number < 60 else "equal")
    assert len(started) <= 4


@pytest.mark.parametrize("broken", ["merge-base", "rev-list", "cat-file"])
@pytest.mark.parametrize("is_known", [False, True])
def test_trouble_of_git_is_not_an_answer_of_git(
    broken: str, is_known: bool, line: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not that branches went apart: when the commits were seen counts then."""
    folder, commits = line
    git = shutil.which("git")
    wrapper = tmp_path / "git"
    wrapper.write_text(f'#!/bin/sh\ncase "$*" in *{broken}*) exit 128;; esac\nexec {git} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    is_asked = {"cat-file": True, "merge-base": not is_known, "rev-list": is_known}[broken]
    repository = repository_for(folder, commits) if is_known else folder
    seen = {commits[8]: 1, commits[5]: 2}.get
    found = compare_versions(commits[5], commits[8], repo=repository, first_seen=seen)
    assert found == (Comparison("newer", "observed") if is_asked else Comparison("older", "git"))


TEXTS = st.one_of(
    st.text(max_size=20),
    st.from_regex(r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}(-?(rc|dev|alpha\.)[0-9])?(\+[a-z]+)?", fullmatch=True),
    st.from_regex(r"[0-9a-f]{7,12}", fullmatch=True),
    st.from_regex(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]", fullmatch=True),
)


@given(TEXTS, TEXTS, st.sampled_from(VERSION_ORDERS))
def test_turned_round_the_answer_turns_round(one: str, other: str, order: str) -> None:
    there = compare_versions(one, other, order=order)
    assert compare_versions(other, one, order=order) == Comparison(OPPOSITE[there.result], there.basis)


def test_numbers_of_any_length_are_no_trouble() -> None:
    long = "9" * 5000
    assert compare_versions(f"1.0.{long}", "1.0.1-a.b").result == "newer"
    assert compare_versions(f"1.0.{long}", "1.0.1").result in ("newer", None)


def test_commits_are_found_by_a_part_of_their_hash() -> None:
    first_seen = seen_among({"abc1234ff00112233445566778899aabbccddee0": 5, "0a1b2c3": 7, "1.2": 9})
    assert first_seen("ABC1234") == 5
    assert first_seen("0a1b2c3d4e5f60718293a4b5c6d7e8f901234567") == 7
    assert [first_seen(text) for text in ("abc", "1.2", "1", "fffffff")] == [None, 9, None, None]

"""What a git repository knows of commits.

The promise: git is asked about texts as data, never as options, and in a few processes however many they are. What
it cannot tell, for whatever reason, is no answer.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from typing import Final, Literal

__all__ = ["Order", "Repository"]

Order = Literal["newer", "older", "equal", "diverged"]

_TIMEOUT_S: Final = 10
#: For no more commits than these, git looks at the history between two of them; for more it lists all of it once.
_FEW: Final = 4

_TAG: Final = "refs/tags/"
_HASH: Final = re.compile(r"[0-9a-f]{7,40}", re.IGNORECASE)
_DESCRIBED: Final = re.compile(r".+-[0-9]{1,9}-g([0-9a-f]{4,40})", re.IGNORECASE)
#: Names that tags may have and that mean nothing else to git.
_TAG_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]*")
_FOUND: Final = re.compile(r"([0-9a-f]{40,64}) commit [0-9]+")


class Repository:
    """A git repository; what it answered is kept.

    Args:
        path: Its directory.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._commits: dict[str, str | None] = {}
        self._lines: dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]] | None] = {}

    def learn(self, texts: Iterable[str]) -> None:
        """Ask for all of some texts at once."""
        questions = [q for text in dict.fromkeys(texts) for q in _questions(text) if q not in self._commits]
        if not questions:
            return
        said = self._git(
            "cat-file", "--batch-check", lines=[f"{question}^{{commit}}" for question in questions]
        )
        answers = said.stdout.splitlines() if said is not None and said.returncode == 0 else []
        if len(answers) != len(questions):
            answers = [""] * len(questions)
        for question, answer in zip(questions, answers, strict=True):
            found = _FOUND.fullmatch(answer)
            # A branch or tag may be called like the beginning of a hash; it is no hash for that.
            is_it = found is not None and (question.startswith(_TAG) or found[1].startswith(question))
            self._commits[question] = found[1] if found is not None and is_it else None

    def has_hash(self, text: str) -> bool:
        """Tell whether a text is the hash of a commit, or enough of its beginning; digits alone may be one."""
        if _HASH.fullmatch(text) is None:
            return False
        self.learn([text])
        return self._commits[text.lower()] is not None

    def commit(self, text: str) -> str | None:
        """Return the hash of the commit that a text names: by its hash, as a tag, or as ``git describe`` does.

        A branch names another commit every day, and so none here.
        """
        self.learn([text])
        return next((commit for q in _questions(text) if (commit := self._commits[q]) is not None), None)

    def name(self, text: str) -> str | None:
        """Return how git calls the commit that a text names: a tag, or a hash; see `commit`."""
        self.learn([text])
        question = next((q for q in _questions(text) if self._commits[q] is not None), None)
        return None if question is None else question.removeprefix(_TAG)

    def order(self, ours: str, theirs: str) -> Order | None:
        """Say what the commit ``ours`` is to the commit ``theirs``: its descendant is newer.

        Args:
            ours: A hash that `commit` returned.
            theirs: Likewise.

        Returns:
            None if git cannot tell.
        """
        if ours == theirs:
            return "equal"
        known = frozenset(commit for commit in self._commits.values() if commit is not None)
        if len(known) <= _FEW:
            return self._order_of_two(ours, theirs)
        line = self._lines.get(theirs)
        if theirs not in self._lines or (line is not None and ours not in line[0]):
            line = self._lines[theirs] = self._list_history(theirs, known | {ours})
        if line is None:
            return None
        _, older, newer = line
        return "newer" if ours in newer else "older" if ours in older else "diverged"

    def _order_of_two(self, ours: str, theirs: str) -> Order | None:
        orders: tuple[tuple[Order, str, str], ...] = (("newer", theirs, ours), ("older", ours, theirs))
        for order, before, after in orders:
            said = self._git("merge-base", "--is-ancestor", before, after)
            # 1 means no. Anything else is trouble.
            if said is None or said.returncode not in (0, 1):
                return None
            if said.returncode == 0:
                return order
        return "diverged"

    def _list_history(
        self, commit: str, known: frozenset[str]
    ) -> tuple[frozenset[str], frozenset[str], frozenset[str]] | None:
        """Return which commits were asked about, and which of them are ancestors and descendants of one."""
        before = self._git("rev-list", "--stdin", lines=[commit])
        after = self._git("rev-list", "--ancestry-path", "--stdin", lines=[f"^{commit}", *sorted(known)])
        if before is None or after is None or before.returncode != 0 or after.returncode != 0:
            return None
        return known, known.intersection(before.stdout.split()), known.intersection(after.stdout.split())

    def _git(self, *arguments: str, lines: Iterable[str] = ()) -> subprocess.CompletedProcess[str] | None:
        environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
        # The repository that was named counts, not one that a hook or a shell points to.
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            environment.pop(name, None)
        try:
            return subprocess.run(
                ["git", "-C", self._path, *arguments],
                env=environment,
                input="".join(f"{line}\n" for line in lines),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None


def _questions(text: str) -> list[str]:
    """Return the names by which git may know what a text means, the best first."""
    name = text.strip().removeprefix(_TAG)
    found = []
    if _HASH.fullmatch(name):
        found.append(name.lower())
    described = _DESCRIBED.fullmatch(name)
    if _TAG_NAME.fullmatch(name):
        found += [f"{_TAG}{name}"]
        if name[0].isdigit():
            found.append(f"{_TAG}v{name}")
    if described:
        found.append(described[1].lower())
    return found

"""Finds the exception that a command said last, and whether it went on after that.

Known are tracebacks of Python, also those of groups and of ranks whose lines are labelled, and what C++ says. What has
another form counts if its name ends as those of exceptions do.

Source: docs/run.md#cause-of-death.
"""

from __future__ import annotations

import re
from dataclasses import replace

from stormlog._values import frozen_class

__all__ = ["SaidException", "last_exceptions"]

_NAMED = re.compile(
    r"^(?:\[?\w+\]?:\s+)?(?P<name>[A-Za-z_][\w.]*(?:Error|Exception|Exhausted|Interrupt|Exit|Killed))(?::\s.*|:?)$"
)
#: After the frames of a traceback, whatever its name is.
_AFTER_FRAMES = re.compile(r"^(?P<name>[A-Za-z_][\w.<>]*)(?::\s.*|:?)$")
#: What torchrun, srun and Ray put before each line of a rank.
_LABEL = re.compile(r"^(?:\[\w+\]: ?|\s*\d+: |\([\w ]*pid=\d+[^)]*\) )")
_TRACEBACK = re.compile(r"^(?:\s+\+ Exception Group )?Traceback \(most recent call last\):")
_GROUP_LINE = re.compile(r"^\s+\| ?")
_MEMBER_OF_GROUP = re.compile(r"^\s+\+[-+]+ \S+ -+$")
_END_OF_GROUP = re.compile(r"^\s+\+-+$")
_CPLUSPLUS = re.compile(r"terminate called after throwing an instance of '(?P<name>[^']+)'")
_WHAT = re.compile(r"^\s*what\(\):\s+(?P<what>.+)$")
#: An exception that Python drops, because nobody could catch it.
_IGNORED = re.compile(r"^Exception ignored ")
#: Stands between an exception and the one that was raised from it.
_CAUSED = "The above exception was the direct cause of"
#: What tells of exceptions, and what launchers and libraries say while a program ends.
_NO_SIGN_OF_LIFE = re.compile(
    r"^(?:During handling of the above|\[?[IWEF]\d{4} |srun: |slurmstepd: |wandb: "
    r"|Aborted|Segmentation fault|\s*warnings\.warn\(|.{0,300}?Warning: )"
)
#: They say only that a process failed, which has said itself why.
_OF_LAUNCHERS = ("ChildFailedError", "CalledProcessError")


@frozen_class
class SaidException:
    """An exception that a command said.

    Attributes:
        name: Name of its class.
        module: Its module; empty if that was not said.
        line: The line that names it, with its message, and what names its rank.
        is_last_word: Whether nothing followed that shows that the command went on.
        is_of_cplusplus: Whether the runtime of C++ said it, which ends the process.
    """

    name: str
    module: str
    line: str
    is_last_word: bool
    is_of_cplusplus: bool


def last_exceptions(text: str) -> list[SaidException]:
    """Return the exception that a text names last; those of its group with it, then its causes.

    Where it says only that a process failed, those of that process come first.

    Args:
        text: What a command said.
    """
    reader = _Reader()
    for line in text.splitlines():
        reader.read(line)
    return reader.last()


class _Found:
    """An exception, and how much was said before that is none."""

    def __init__(
        self, exception: SaidException, other_lines: int, *, is_member: bool, has_cause: bool, label: str
    ) -> None:
        self.exception = exception
        self.other_lines = other_lines
        self.is_member = is_member
        # Whether it was raised from the one before that has the same label.
        self.has_cause = has_cause
        self.label = label


class _Reader:
    def __init__(self) -> None:
        self._found: list[_Found] = []
        self._other_lines = 0
        # Lines of several ranks come mixed.
        self._labels_in_frames: set[str] = set()
        self._labels_after_cause: set[str] = set()
        self._is_ignored = False
        self._is_head_next = False

    def read(self, raw: str) -> None:
        label = found[0].strip() if (found := _LABEL.match(raw)) is not None else ""
        line = raw[found.end() :] if found is not None else raw
        if _END_OF_GROUP.match(line):
            return
        if _MEMBER_OF_GROUP.match(line):
            self._labels_in_frames.add(label)
            return
        is_in_group = (stripped := _GROUP_LINE.sub("", line)) != line
        line = stripped
        if not line.strip():
            return
        if _TRACEBACK.match(line):
            self._labels_in_frames.add(label)
            self._is_head_next = self._is_head_next or "Group" in line
        elif label in self._labels_in_frames and line[0].isspace():
            pass  # A frame.
        elif _IGNORED.match(line):
            self._is_ignored = True
        elif line.startswith(_CAUSED):
            self._labels_after_cause.add(label)
        elif not self._read_exception(line, label, is_in_group) and not _NO_SIGN_OF_LIFE.match(line):
            self._other_lines += 1

    def last(self) -> list[SaidException]:
        if not self._found:
            return []
        begin = self._begin_of_group(len(self._found))
        launcher = self._found[begin]
        if launcher.exception.name in _OF_LAUNCHERS and not launcher.has_cause and begin > 0:
            before = self._found[begin - 1]
            if before.other_lines == launcher.other_lines or before.label:
                return self._at_end(begin, launcher.other_lines)
        return self._at_end(len(self._found), self._other_lines)

    def _at_end(self, end: int, other_lines: int) -> list[SaidException]:
        """Return the last exception before an index, with its group and its causes."""
        begin = self._begin_of_group(end)
        last = [
            replace(found.exception, is_last_word=found.other_lines == other_lines)
            for found in self._found[begin:end]
        ]
        while (cause := self._cause_of(begin)) is not None:
            begin = self._begin_of_group(cause + 1)
            # What was said between a cause and what was raised from it does not matter.
            last += [
                replace(found.exception, is_last_word=last[0].is_last_word)
                for found in self._found[begin : cause + 1]
            ]
        return last

    def _begin_of_group(self, end: int) -> int:
        begin = end - 1
        while begin > 0 and self._found[begin].is_member:
            begin -= 1
        return begin

    def _cause_of(self, index: int) -> int | None:
        """Return the index of what an exception was raised from."""
        shown = self._found[index]
        if not shown.has_cause:
            return None
        return next((at for at in range(index - 1, -1, -1) if self._found[at].label == shown.label), None)

    def _read_exception(self, line: str, label: str, is_in_group: bool) -> bool:
        if (what := _WHAT.match(line)) and self._found and self._found[-1].exception.is_of_cplusplus:
            last = self._found[-1]
            last.exception = replace(last.exception, line=f"{last.exception.name}: {what['what'].strip()}")
            return True
        of_cplusplus = _CPLUSPLUS.search(line)
        is_after_frames = label in self._labels_in_frames
        self._labels_in_frames.discard(label)
        found = of_cplusplus or (_AFTER_FRAMES.match(line) if is_after_frames else None) or _NAMED.match(line)
        if found is None:
            return False
        if self._is_ignored:
            self._is_ignored = False
            return True
        module, _, name = found["name"].rpartition(".")
        exception = SaidException(
            name, module, f"{label} {line.strip()}".strip().rstrip(": "), True, of_cplusplus is not None
        )
        # The group itself is said first; its members follow.
        is_member = is_in_group and not self._is_head_next
        self._is_head_next = False
        has_cause = label in self._labels_after_cause
        self._labels_after_cause.discard(label)
        self._found.append(
            _Found(exception, self._other_lines, is_member=is_member, has_cause=has_cause, label=label)
        )
        return True

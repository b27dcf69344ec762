"""Explanations look as they did when somebody last looked at them.

``python -m tests.presenting.test_why_snapshots`` writes the files anew: look at every difference before a commit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from stormlog.presenting.why_brief import brief
from stormlog.presenting.why_markdown import markdown
from stormlog.presenting.why_text import screen_text
from tests.presenting.samples import FAILED, SAMPLES, S

#: The time by the clock: twelve days after.
NOW = FAILED + 12 * 86400 * S

SNAPSHOTS = Path(__file__).parent / "snapshots"


def shown() -> dict[str, str]:
    """Return what every sample looks like, by the name of its file."""
    texts = {"brief.txt": "\n".join(brief(sample(), now_ns=NOW) for sample in SAMPLES.values()) + "\n"}
    for name, sample in SAMPLES.items():
        texts[f"{name}.md"] = markdown(sample(), now_ns=NOW)
        for width in (80, 120):
            texts[f"{name}-{width}.txt"] = screen_text(sample(), width=width, now_ns=NOW)
    return texts


SHOWN = shown()


@pytest.mark.parametrize("name", SHOWN)
def test_an_explanation_looks_as_before(name: str) -> None:
    assert (SNAPSHOTS / name).read_text(encoding="utf-8") == SHOWN[name]


def test_every_snapshot_is_of_a_sample() -> None:
    assert {path.name for path in SNAPSHOTS.iterdir()} == set(SHOWN)


if __name__ == "__main__":
    for name, text in SHOWN.items():
        (SNAPSHOTS / name).write_text(text, encoding="utf-8")

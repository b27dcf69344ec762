"""Pages of issues look as they did when somebody last looked at them.

``python -m tests.presenting.test_issue_snapshots`` writes the files anew: look at every difference before a commit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from stormlog.presenting.issue_markdown import issue_page_markdown
from stormlog.presenting.issue_text import issue_text
from tests.presenting.issue_samples import SAMPLES

SNAPSHOTS = Path(__file__).parent / "issue_snapshots"


def shown() -> dict[str, str]:
    """Return what every sample looks like, by the name of its file."""
    texts = {"regressed-ascii.txt": issue_text(SAMPLES["regressed"](), ascii_only=True)}
    for name, sample in SAMPLES.items():
        texts[f"{name}.md"] = issue_page_markdown(sample())
        for width in (80, 120):
            texts[f"{name}-{width}.txt"] = issue_text(sample(), width=width)
    return texts


SHOWN = shown()


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_looks_as_before(name: str) -> None:
    assert (SNAPSHOTS / name).read_text(encoding="utf-8") == SHOWN[name]


def test_every_snapshot_is_of_a_sample() -> None:
    assert {path.name for path in SNAPSHOTS.iterdir()} == set(SHOWN)


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for name, text in SHOWN.items():
        (SNAPSHOTS / name).write_text(text, encoding="utf-8")

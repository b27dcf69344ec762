"""The index: what was worked out of some files, kept for the next question; it can always be deleted.

Promise: whatever is wrong with it, the answer comes from the files.

Source: docs/cache.md.
"""

from __future__ import annotations

from stormlog.engine.index.kept_answers import AnswerFolder, KeptAnswer
from stormlog.engine.index.ledger import Index
from stormlog.engine.index.location import cache_root, index_folder

__all__ = ["AnswerFolder", "Index", "KeptAnswer", "cache_root", "index_folder"]

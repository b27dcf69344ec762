"""The index: what was worked out of some files, kept for the next question; it can always be deleted.

Promise: whatever is wrong with it, the answer comes from the files.

Source: docs/cache.md.
"""

from __future__ import annotations

from stormlog.query.index.answers import AnswerFolder, KeptAnswer
from stormlog.query.index.index import Index
from stormlog.query.index.location import cache_root, index_folder

__all__ = ["AnswerFolder", "Index", "KeptAnswer", "cache_root", "index_folder"]

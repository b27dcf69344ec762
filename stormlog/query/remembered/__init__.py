"""What is remembered of some paths in a cache directory: look at it, compare it with the files, remove it.

Source: docs/cache.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names
from stormlog.engine.index.location import cache_root

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from stormlog.query.remembered.maintenance import (
        Cleared as Cleared,
    )
    from stormlog.query.remembered.maintenance import (
        IndexSummary as IndexSummary,
    )
    from stormlog.query.remembered.maintenance import (
        clear_all as clear_all,
    )
    from stormlog.query.remembered.maintenance import (
        clear_paths as clear_paths,
    )
    from stormlog.query.remembered.maintenance import (
        describe_index as describe_index,
    )
    from stormlog.query.remembered.maintenance import (
        indexes_of as indexes_of,
    )
    from stormlog.query.remembered.maintenance import (
        list_indexes as list_indexes,
    )
    from stormlog.query.remembered.verification import (
        Difference as Difference,
    )
    from stormlog.query.remembered.verification import (
        Verification as Verification,
    )
    from stormlog.query.remembered.verification import (
        verify_paths as verify_paths,
    )

__all__ = [
    "cache_root",
    "Cleared",
    "Difference",
    "IndexSummary",
    "Verification",
    "clear_all",
    "clear_paths",
    "describe_index",
    "indexes_of",
    "list_indexes",
    "verify_paths",
]

_MODULES = {
    "maintenance": (
        "Cleared",
        "IndexSummary",
        "clear_all",
        "clear_paths",
        "describe_index",
        "indexes_of",
        "list_indexes",
    ),
    "verification": ("Difference", "Verification", "verify_paths"),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)

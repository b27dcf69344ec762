# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.engine.index.location import (
    cache_root as cache_root,
)
from stormlog.query.remembered.maintenance import (
    Cleared as Cleared,
    IndexState as IndexState,
    IndexSummary as IndexSummary,
    clear_all as clear_all,
    clear_paths as clear_paths,
    describe_index as describe_index,
    indexes_of as indexes_of,
    list_indexes as list_indexes,
)
from stormlog.query.remembered.verification import (
    Difference as Difference,
    Verification as Verification,
    verify_paths as verify_paths,
)

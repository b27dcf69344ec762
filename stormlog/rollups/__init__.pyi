# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.rollups.building import (
    DEFAULT_WINDOW_NS as DEFAULT_WINDOW_NS,
    build_rollups as build_rollups,
)
from stormlog.rollups.rebuilding import (
    RollupReport as RollupReport,
    rebuild_rollups as rebuild_rollups,
)

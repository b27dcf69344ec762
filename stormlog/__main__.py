"""``python -m stormlog``: the same as the ``stormlog`` command."""

from __future__ import annotations

from stormlog.apps.cli import main

if __name__ == "__main__":
    main()

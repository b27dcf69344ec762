"""The name that `stormlog.artifacts` had before; what it holds can still be imported from here."""

from __future__ import annotations

from stormlog import artifacts

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from stormlog.artifacts import *  # noqa: F403
    from stormlog.query.listing import list_attachments as list_attachments
else:
    __all__ = [*artifacts.__all__, "list_attachments"]

    def __getattr__(name: str) -> object:
        if name == "list_attachments":
            from stormlog.query.listing import list_attachments

            return list_attachments
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(artifacts, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

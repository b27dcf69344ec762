"""Who changes something, and what they may do."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from stormlog.errors import PermissionDeniedError

__all__ = ["PERMISSIONS", "READ", "WRITE", "Actor", "Permissions"]

READ: Final = "issues:read"
WRITE: Final = "issues:write"
PERMISSIONS: Final = (READ, WRITE)


@dataclass(frozen=True)
class Actor:
    """Who a change is attributed to.

    Args:
        type: ``user`` for people, ``agent`` for programs that act on their own, ``scan`` for scans.
        id: What they are known by.
        name: What they are called; copied into comments when they are written.
    """

    type: Literal["user", "agent", "scan"]
    id: str
    name: str

    @classmethod
    def from_environment(cls, *, as_agent: str | None = None) -> Actor:
        """Return the agent of that name, else that of ``STORMLOG_AGENT``, else the user.

        A user is called ``STORMLOG_USER``, else what the system calls them.
        """
        agent = as_agent or os.environ.get("STORMLOG_AGENT")
        if agent:
            return cls("agent", agent, agent)
        name = os.environ.get("STORMLOG_USER")
        if not name:
            try:
                name = getpass.getuser()
            except (KeyError, OSError):
                # Containers run as numbers that no file gives a name.
                name = "unknown"
        return cls("user", name, name)


class Permissions:
    """What a caller may do; the one place where it is decided.

    Args:
        allowed: Some of `PERMISSIONS`.

    Raises:
        ValueError: another word.
    """

    def __init__(self, allowed: Iterable[str] = PERMISSIONS) -> None:
        self.allowed = frozenset(allowed)
        unknown = sorted(self.allowed.difference(PERMISSIONS))
        if unknown:
            raise ValueError(f"unknown permission {unknown[0]!r}: choose from {', '.join(PERMISSIONS)}")

    def require(self, permission: str) -> None:
        """Refuse a caller without a permission.

        Raises:
            PermissionDeniedError: it names the permission.
        """
        if permission not in self.allowed:
            raise PermissionDeniedError(permission)

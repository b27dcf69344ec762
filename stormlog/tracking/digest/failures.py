"""Why a notice did not arrive."""

from __future__ import annotations

__all__ = ["DeliveryError"]


class DeliveryError(Exception):
    """A notice did not arrive.

    Args:
        message: What happened.
        is_final: Whether trying again is no use: the other side refuses this message or recipient for good.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        self.is_final = is_final
        super().__init__(message)

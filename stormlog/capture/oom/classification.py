"""Says whether an exception means that memory ran out, and by what that was told.

The table is that of stormlog 0.3.9, so that the same failures are the same issues.

Source: docs/capture.md#out-of-memory.
"""

from __future__ import annotations

import sys

from stormlog._values import frozen_class

__all__ = [
    "OomClassification",
    "classify_oom",
    "classify_oom_text",
    "first_of_memory",
    "oom_reason",
    "oom_reason_of_text",
    "text_of",
]

TORCH_REASON = "torch.cuda.OutOfMemoryError"
_TENSORFLOW_REASON = "tensorflow.ResourceExhaustedError"
#: What PyTorch says on Linux and on Windows where the memory of the host ran out.
_HOST_MEMORY_TEXTS = ("defaultcpuallocator: can't allocate memory", "defaultcpuallocator: not enough memory")
_FAILED_TO_ALLOCATE = "message_pattern:failed to allocate"
_PLAIN_MEMORY_ERROR = "message_pattern:memoryerror"
#: The first that a message holds gives the reason.
_PATTERNS = (
    "out of memory",
    "resource exhausted",
    "failed to allocate",
    "allocation failed",
    "memoryerror",
    "std::bad_alloc",
)


@frozen_class
class OomClassification:
    """Whether memory ran out; ``reason`` says by what that was told, and is null if it did not."""

    is_oom: bool
    reason: str | None


_NO_OOM = OomClassification(False, None)


def classify_oom(exception: BaseException) -> OomClassification:
    """Classify an exception.

    PyTorch is asked for its class only if the job has imported it. A plain ``MemoryError`` without text is none, as
    in stormlog 0.3.9.

    Args:
        exception: Any.

    Returns:
        Whether memory ran out: by its class, else by its text.
    """
    torch = sys.modules.get("torch")
    torch_class = getattr(getattr(torch, "cuda", None), "OutOfMemoryError", None)
    if isinstance(torch_class, type) and isinstance(exception, torch_class):
        return OomClassification(True, TORCH_REASON)
    kind = type(exception)
    return classify_oom_text(kind.__name__, kind.__module__, text_of(exception))


def classify_oom_text(class_name: str, module: str, message: str) -> OomClassification:
    """Classify an exception of which only the names and the text are known.

    Args:
        class_name: Name of its class.
        module: Module of that; empty if it is not known.
        message: Its text; empty if it has none.
    """
    name = class_name.lower()
    if name.endswith("resourceexhaustederror"):
        return OomClassification(True, _TENSORFLOW_REASON)
    if name == "outofmemoryerror" and "torch" in module.lower():
        return OomClassification(True, TORCH_REASON)
    text = message.strip().lower()
    for pattern in _PATTERNS:
        if pattern in text:
            return OomClassification(True, f"message_pattern:{pattern}")
    return _NO_OOM


def oom_reason(exception: BaseException) -> str | None:
    """Return the reason by which a failure is recorded; null if memory did not run out.

    That of `classify_oom`, and of what its table leaves out: a `MemoryError` without text, and PyTorch's allocator
    for the memory of the host.

    Args:
        exception: Any.
    """
    reason = classify_oom(exception).reason or _reason_of_host_memory(text_of(exception))
    return _PLAIN_MEMORY_ERROR if reason is None and isinstance(exception, MemoryError) else reason


def first_of_memory(exception: BaseException) -> tuple[BaseException, str] | None:
    """Return the exception for which memory ran out, with the reason.

    That is this one, or the first such one of its group, or the one that it, or one of the group, was raised from
    (``raise ... from``). One that it was raised while handling is none of them: the handling may be what failed.

    Args:
        exception: Any.

    Returns:
        Null if memory did not run out.
    """
    # Anybody may set the cause of an exception, to itself too.
    seen: set[int] = set()
    groups: list[BaseException] = []
    waiting: list[BaseException | None] = [exception]
    while waiting:
        shown = waiting.pop()
        if shown is None or id(shown) in seen:
            continue
        seen.add(id(shown))
        # Members come before causes.
        waiting.append(shown.__cause__)
        if isinstance(shown, BaseExceptionGroup):
            groups.append(shown)
            waiting += reversed(shown.exceptions)
        elif (reason := oom_reason(shown)) is not None:
            return shown, reason
    # Of a group, the title may tell it.
    return next(((group, reason) for group in groups if (reason := oom_reason(group)) is not None), None)


def oom_reason_of_text(class_name: str, module: str, message: str) -> str | None:
    """Return the same for an exception of which only the names and the text are known.

    Args:
        class_name: As of `classify_oom_text`, as are the others.
        module: Likewise.
        message: Likewise.
    """
    return classify_oom_text(class_name, module, message).reason or _reason_of_host_memory(message)


def _reason_of_host_memory(message: str) -> str | None:
    """Return the reason where PyTorch says in words of its own that the host has no more memory."""
    return _FAILED_TO_ALLOCATE if any(text in message.lower() for text in _HOST_MEMORY_TEXTS) else None


def text_of(exception: BaseException) -> str:
    """Return the text of an exception, or an empty one if asking for it fails."""
    try:
        return str(exception)
    except Exception:
        return ""

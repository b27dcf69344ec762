"""Turns a call into what the case files record: a result, or an exception class and a reason code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from stormlog.telemetry import TelemetryRecordError


def outcome(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return the result, or ``{"error", "reason"}`` for an exception."""
    try:
        return call(*args, **options)
    except TelemetryRecordError as error:
        return {"error": "ValueError", "reason": error.code}
    except UnicodeDecodeError:
        return {"error": "UnicodeDecodeError", "reason": "invalid_utf8"}
    except (OSError, ValueError) as error:
        return {"error": type(error).__name__, "reason": "native"}


def assert_same(actual: Any, expected: Any) -> None:
    """Compare with a case's expectation; of a ``native`` error only the class counts."""
    if isinstance(expected, dict) and expected.get("reason") == "native":
        assert isinstance(actual, dict), actual
        assert actual.get("error") == expected["error"], actual
        return
    # JSON text tells 1 from 1.0 and True, keeps key order, and makes NaN equal to itself.
    assert json.dumps(actual) == json.dumps(expected)

"""Posts digests to a webhook.

The promise: what is posted goes to the host that the project names and to no other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Final
from urllib.parse import urlsplit

from stormlog import __version__
from stormlog.tracking.digest.content import Digest, one_line
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.rendering import as_json, as_slack

__all__ = ["post", "shown_address", "signature"]

# Refusals that may pass: timeout, too early, too many requests.
_PASSING: Final = (408, 425, 429)
_KEEP_THE_BODY: Final = (301, 302, 307, 308)


def post(
    digest: Digest, url: str, *, dedupe_key: str, as_format: str, secret: str | None, timeout_s: float
) -> None:
    """Post a digest.

    Args:
        dedupe_key: Sent as ``X-Stormlog-Delivery``; the same digest sent twice has the same one.
        as_format: ``json`` or ``slack``.
        secret: Key of the signature in ``X-Stormlog-Signature``; None for none.

    Raises:
        DeliveryError: it was not accepted.

    Source: docs/notifications.md#webhooks.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DeliveryError(f"{shown_address(url)} is no web address", is_final=True)
    body = json.dumps(as_slack(digest) if as_format == "slack" else as_json(digest)).encode("ascii")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"stormlog/{__version__}",
        "X-Stormlog-Delivery": dedupe_key,
    }
    if secret is not None:
        headers["X-Stormlog-Signature"] = signature(secret, body)
    opener = urllib.request.build_opener(_SameHost)
    try:
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        with opener.open(request, timeout=timeout_s):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        is_final = error.code < 500 and error.code not in _PASSING
        raise DeliveryError(
            f"the webhook says {error.code} {one_line(error.reason)}", is_final=is_final
        ) from error
    except urllib.error.URLError as error:
        raise DeliveryError(f"the webhook cannot be reached: {one_line(str(error.reason), 200)}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise DeliveryError(
            f"the webhook does not answer: {one_line(str(error), 200) or type(error).__name__}"
        ) from error


def signature(secret: str, body: bytes) -> str:
    """Return what ``X-Stormlog-Signature`` holds: ``sha256=`` and the HMAC of the body in hex."""
    return "sha256=" + hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()


def shown_address(url: str) -> str:
    """Return an address to print: what follows the host is often as good as a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{one_line(parts.hostname or '')}/..."


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host, with the body, and no others."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if code not in _KEEP_THE_BODY or not _is_same_place(before, after):
            raise urllib.error.HTTPError(
                req.full_url, code, f"redirect to {shown_address(newurl)} is not followed", headers, fp
            )
        sent = {
            name: value
            for name, value in req.header_items()
            if name.lower() not in ("host", "content-length")
        }
        return urllib.request.Request(newurl, data=req.data, headers=sent, method="POST")


def _is_same_place(before: Any, after: Any) -> bool:
    if before.hostname != after.hostname:
        return False
    if before.scheme == after.scheme:
        return bool(before.port == after.port)
    # From http to https, both on their usual port.
    return (
        (before.scheme, after.scheme) == ("http", "https")
        and before.port in (None, 80)
        and after.port in (None, 443)
    )

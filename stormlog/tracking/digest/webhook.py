"""Posts digests to a webhook.

The promise: what is posted goes to the host that the project names and to no other, within one deadline; and no error
shows more of the address than that host.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
import urllib.error
import urllib.request
from base64 import b64encode
from http.client import HTTPException, InvalidURL
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from stormlog import __version__
from stormlog._webhook_addresses import shown_address
from stormlog.tracking.digest.content import Digest, one_line
from stormlog.tracking.digest.deadline import SPARE_S, Connections, run_until
from stormlog.tracking.digest.failures import DeliveryError
from stormlog.tracking.digest.http import handlers
from stormlog.tracking.digest.rendering import as_json, as_slack

__all__ = ["post", "shown_address", "signature"]

# Refusals that may pass: timeout, too early, too many requests.
_PASSING: Final = (408, 425, 429)
# What may stand in a path or query as it is; the rest is encoded.
_SAFE: Final = "/%:@!$&'()*+,;=~?"
_SHORTEST_SECRET: Final = 4


def post(
    digest: Digest, url: str, *, dedupe_key: str, as_format: str, secret: str | None, timeout_s: float
) -> None:
    """Post a digest.

    Args:
        url: Where; a user and password in it are sent as basic authentication.
        dedupe_key: Sent as ``X-Stormlog-Delivery``; the same digest sent twice has the same one.
        as_format: ``json`` or ``slack``.
        secret: Key of the signature in ``X-Stormlog-Signature``; None for none.
        timeout_s: How long all of it may take, until the status and headers of the answer are there.

    Raises:
        DeliveryError: it was not accepted.

    Source: docs/notifications.md#webhooks.
    """
    body = json.dumps(as_slack(digest) if as_format == "slack" else as_json(digest)).encode("ascii")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"stormlog/{__version__}",
        "X-Stormlog-Delivery": dedupe_key,
    }
    if secret is not None:
        headers["X-Stormlog-Signature"] = signature(secret, body)
    request = _request(url, body, headers)
    connections = Connections()
    opener = urllib.request.build_opener(*handlers(connections))

    def send() -> None:
        # Once the status is there, the digest is taken or refused, whatever else is said.
        with opener.open(request, timeout=timeout_s + SPARE_S):
            pass

    try:
        run_until(time.monotonic() + timeout_s, send, connections, timeout_s=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        is_final = error.code < 500 and error.code not in _PASSING
        raise DeliveryError(
            f"the webhook says {error.code} {_harmless(error.reason, url)}", is_final=is_final
        ) from None
    except urllib.error.URLError as error:
        raise DeliveryError(f"the webhook cannot be reached: {_harmless(str(error.reason), url)}") from None
    except (InvalidURL, ValueError):
        # What they say quotes the address.
        raise DeliveryError("the webhook's address, or one that it redirects to, is not understood") from None
    except (OSError, HTTPException) as error:
        raise DeliveryError(
            f"the webhook does not answer: {_harmless(str(error), url) or type(error).__name__}"
        ) from None
    finally:
        connections.shut()


def signature(secret: str, body: bytes) -> str:
    """Return what ``X-Stormlog-Signature`` holds: ``sha256=`` and the HMAC of the body in hex."""
    return "sha256=" + hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()


def _request(url: str, body: bytes, headers: dict[str, str]) -> urllib.request.Request:
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("no scheme that is known, or no host")
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
        place = (f"[{host}]" if ":" in host else host) + ("" if parts.port is None else f":{parts.port}")
    except ValueError:
        raise DeliveryError(f"{shown_address(url)} is no web address", is_final=True) from None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = {**headers, "Authorization": f"Basic {b64encode(login.encode()).decode('ascii')}"}
    address = (parts.scheme, place, quote(parts.path, _SAFE), quote(parts.query, _SAFE), "")
    return urllib.request.Request(urlunsplit(address), data=body, headers=headers, method="POST")


def _harmless(said: str, url: str) -> str:
    """Return what a server or library says on one line, without any part of the address but the host."""
    parts = urlsplit(url)
    rest = " ".join((parts.netloc.rpartition("@")[0], parts.path, parts.query, parts.fragment))
    secrets = {piece for text in (rest, unquote(rest)) for piece in re.split(r"[/?&=#:@\s]+", text)}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            said = said.replace(secret, "...")
    return one_line(said, 200)

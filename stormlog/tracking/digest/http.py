"""How `urllib` connects and redirects when it posts: connections that can be shut, and redirects that stay on a host.

The promise: a redirect takes the body along within one host, and no other redirect is followed.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import IO, Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from stormlog._webhook_addresses import shown_address
from stormlog.tracking.digest.content import one_line
from stormlog.tracking.digest.deadline import MOST_ANSWER_BYTES, Connections

__all__ = ["handlers"]

_KEEP_THE_BODY: Final = (301, 302, 307, 308)


def handlers(connections: Connections) -> list[urllib.request.BaseHandler]:
    """Return handlers for `urllib.request.build_opener`.

    Args:
        connections: Gets every connection that is opened.
    """
    return [_Http(connections), _Https(connections), _SameHost()]


class _Connection(HTTPConnection):
    connections: Connections

    def connect(self) -> None:
        super().connect()
        self.connections.add(self.sock)


# In this order, the connection is handed over before TLS begins.
class _SecureConnection(HTTPSConnection, _Connection):
    pass


def _maker(kind: type[_Connection], connections: Connections) -> Callable[..., HTTPConnection]:
    def make(host: str, /, **options: Any) -> HTTPConnection:
        made = kind(host, **options)
        made.connections = connections
        return made

    return make


class _Http(urllib.request.HTTPHandler):
    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._make = _maker(_Connection, connections)

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(self._make, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._make = _maker(_SecureConnection, connections)

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(self._make, req)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host, with the body, and no others."""

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
    ) -> Any:
        """Look at where a redirect leads before anything else does: errors of the library quote all of it."""
        location = headers.get("location", "")
        try:
            target = urljoin(req.full_url, location)
            is_followed = code in _KEEP_THE_BODY and _is_same_place(urlsplit(req.full_url), urlsplit(target))
        except ValueError:
            target, is_followed = "", False
        if not is_followed:
            why = f"redirect to {one_line(shown_address(target))} is not followed"
            raise urllib.error.HTTPError(req.full_url, code, why, headers, fp)
        # The library reads what is left of the text, however long it is.
        if len(fp.read(MOST_ANSWER_BYTES + 1)) > MOST_ANSWER_BYTES:
            raise urllib.error.HTTPError(req.full_url, code, "redirect with too long a text", headers, fp)
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,
    ) -> urllib.request.Request:
        sent = {
            name: value
            for name, value in req.header_items()
            if name.lower() not in ("host", "content-length")
        }
        return urllib.request.Request(newurl, data=req.data, headers=sent, method="POST")


def _is_same_place(before: SplitResult, after: SplitResult) -> bool:
    if before.hostname != after.hostname:
        return False
    if before.scheme == after.scheme:
        return before.port == after.port
    # From http to https, both on their usual port.
    return (
        (before.scheme, after.scheme) == ("http", "https")
        and before.port in (None, 80)
        and after.port in (None, 443)
    )

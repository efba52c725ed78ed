"""Turns what is known of a file into status, phrase, headers and body: the only place that knows status codes.

A refusal is never 404 or 410, which send a build elsewhere or let it go on without the file, and
never 5xx, which build tools ask again.  It carries its code in the reason phrase, the only text
that old clients show, and as a problem document (RFC 9457) for new ones.  Trouble on the way to the
repository is 502, 503 or 504.  A 404 means that every repository asked said so, in plain text: one
with a problem document stops new Mavens.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime

from verifier.coordinate import Metadata
from verifier.errors import (
    InsecureTransport,
    NotFound,
    RateLimited,
    RedirectRefused,
    ServerError,
    TlsPinMismatch,
    TlsUntrusted,
    Unauthorized,
)
from verifier.outcome import Status
from verifier.proxy.known import Content, Known
from verifier.proxy.paths import is_release
from verifier.report.escape import printable

REFUSAL_STATUSES = (403, 409, 422, 423, 451)
DEFAULT_REFUSAL_STATUS = 409
MAX_PHRASE_CHARACTERS = 160
MAX_DETAIL_CHARACTERS = 600
RETRY_SECONDS = 5
"""When to ask again for what is still being fetched, or for what there was no room for."""

_GATEWAY_STATUSES = {
    **dict.fromkeys((one.code for one in (InsecureTransport, TlsUntrusted, TlsPinMismatch, RedirectRefused)), 502),
    Unauthorized.code: 502,
    ServerError.code: 502,
    RateLimited.code: 503,
}
_OTHER_TROUBLE = 504
_RETRIED = {503}
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_TYPES = {"jar": "application/java-archive"}
_NO_STORE = "no-store"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer without its connection; Content-Length is that of `body`."""

    status: int
    phrase: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of a file that are sent, and the headers that say so."""

    status: int
    phrase: str
    start: int
    count: int
    headers: dict[str, str]


def text(status: int, phrase: str, body: str, **headers: str) -> Answer:
    """Answer in plain text; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    plain = {"Content-Type": "text/plain", "Cache-Control": _NO_STORE, "X-Content-Type-Options": "nosniff"}
    return Answer(status, phrase, f"{printable(body)}\n".encode("ascii", "backslashreplace"), plain | named)


def problem(known: Known, refusal_status: int) -> Answer:
    """Answer for a file that is not verified."""
    if known.code == NotFound.code:
        return text(404, "Not Found", f"no repository has {known.name}")
    refused = known.status is Status.REFUSED
    status = _GATEWAY_STATUSES.get(known.code, refusal_status if refused else _OTHER_TROUBLE)
    title = "Refused by verifier" if refused else "Unavailable to verifier"
    headers = {"X-Verifier-Record": known.record, "X-Verifier-Code": known.code} if known.record else {}
    return _problem(status, title, known.code, f"{known.name}: {known.reason}", known, headers)


def trouble(status: int, code: str, reason: str) -> Answer:
    """Answer that the proxy itself cannot serve now, with a code that is no reason code."""
    return _problem(status, "Unavailable to verifier", code, reason, None, {})


def _problem(status: int, title: str, code: str, reason: str, known: Known | None, headers: dict[str, str]) -> Answer:
    record = known.record if known else ""
    shown = f"/-/record/{record}"
    command = f"verifier explain {record}"
    line = printable(f"{code}: {reason}")
    if len(line) > MAX_DETAIL_CHARACTERS:
        line = f"{line[:MAX_DETAIL_CHARACTERS]}..."
    document = {
        "type": "about:blank",
        "status": status,
        "title": title,
        "detail": f"{line}. Run: {command}, or see {shown}" if record else line,
        **({"instance": shown} if record else {}),
        "code": code,
    }
    named = {"Content-Type": "application/problem+json", "Cache-Control": _NO_STORE}
    if status in _RETRIED:
        named["Retry-After"] = str(RETRY_SECONDS)
    tails = (f"; run '{command}' or see {shown}", f"; run '{command}'") if record else ("",)
    phrase = _phrase(f"{title}: {code} {known.name if known else ''}".rstrip(), tails)
    return Answer(status, phrase, json.dumps(document, separators=(",", ":")).encode(), named | headers)


def _phrase(head: str, tails: Sequence[str]) -> str:
    """Write a reason phrase: printable ASCII within its bound, with the first tail for which there is room.

    The record's page comes with the command, which tells of another record where another machine runs
    it.  The head is cut where not even the last tail fits.
    """
    tail = next((one for one in tails if len(head) + len(one) <= MAX_PHRASE_CHARACTERS), tails[-1])
    room = MAX_PHRASE_CHARACTERS - len(tail)
    phrase = (head if len(head) <= room else f"{head[: room - 3]}...") + tail
    return "".join(c if " " <= c <= "~" else "?" for c in phrase)


def file_headers(known: Known, content: Content) -> dict[str, str]:
    """Give the headers of a verified file, without those of its length."""
    extension = "" if isinstance(known.subject, Metadata) else known.subject.extension
    headers = {
        "Content-Type": _TYPES.get(extension, "application/octet-stream"),
        "ETag": etag(content),
        "Accept-Ranges": "bytes",
        "X-Checksum-SHA1": content.sha1,
        "X-Checksum-SHA256": content.sha256,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "public, max-age=31536000, immutable" if is_release(known.subject) else "no-cache",
        "X-Verifier-Record": known.record,
    }
    modified = _http_date(content.last_modified)
    if modified:
        headers["Last-Modified"] = modified
    return headers


def beside(known: Known, body: bytes) -> Answer:
    """Answer with a checksum or a signature of a verified file."""
    caching = "public, max-age=31536000, immutable" if is_release(known.subject) else "no-cache"
    headers = {
        "Content-Type": "text/plain",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": caching,
        "X-Verifier-Record": known.record,
    }
    return Answer(200, "OK", body, headers)


def etag(content: Content) -> str:
    """Give the strong entity tag of verified bytes."""
    return f'"sha256-{content.sha256}"'


def span(content: Content, headers: dict[str, str], asked: str, condition: str) -> Span:
    """Choose the bytes to send.

    Shape: `asked` and `condition` are the request's Range and If-Range, empty without.  One range is
    honoured; several, and what is no range, are answered with the whole file.

    Source: RFC 9110, sections 13.1.5, 14.2 and 15.5.17.
    """
    size = content.size
    whole = Span(200, "OK", 0, size, headers)
    match = _RANGE.fullmatch(asked)
    if match is None or match[0] == "bytes=-" or (condition and condition not in _validators(content, headers)):
        return whole
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
        if last and int(last) < start:
            return whole
    else:
        start, end = max(size - int(last), 0), size - 1
    if start > end:
        return Span(416, "Range Not Satisfiable", 0, 0, headers | {"Content-Range": f"bytes */{size}"})
    part = headers | {"Content-Range": f"bytes {start}-{end}/{size}"}
    return Span(206, "Partial Content", start, end - start + 1, part)


def _validators(content: Content, headers: dict[str, str]) -> tuple[str, ...]:
    return tuple(value for value in (etag(content), headers.get("Last-Modified", "")) if value)


def _http_date(text: str) -> str:
    """Write the upstream's date anew: what it sent is foreign text."""
    try:
        return format_datetime(parsedate_to_datetime(text).astimezone(UTC), usegmt=True)
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""

"""What the rest of the house knows of the network: whom to ask, for what, and what may come of it.

A `Transport` keeps the rules of transport at every hop: https alone, redirects walked by it, credentials for their own
origin alone, a bound on everything.  A download has merely arrived; whether it may be used is the judge's business.
"""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from verifier import tls
from verifier.credentials import Credentials
from verifier.errors import ConfigError, Fact, InsecureTransport, ServerError

MAX_URL_CHARACTERS = 8 * 1024
PORT = 443

_URL_CHARACTERS = re.compile(r"[!-~]+")

Origin = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One repository as the network sees it.

    Shape: `url` is https without a trailing slash; a pin is `sha256/` and base64.
    """

    name: str
    url: str
    ca_file: Path | None = None
    tls_pins: tuple[str, ...] = ()
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long to wait, in seconds: to connect, without any progress, for one download in all."""

    connect: float
    stall: float
    total: float


@dataclass(frozen=True, slots=True)
class Request:
    """One file to ask for; into a new file, or into memory where `into` is None.

    Without `follow` a redirect is refused.
    """

    url: str
    endpoint: Endpoint
    max_bytes: int
    into: Path | None = None
    follow: bool = True


@dataclass(frozen=True, slots=True)
class Download:
    """What arrived, and nobody has looked at.

    Shape: header names are in lower case; `data` is empty where the bytes are in the file `path`.
    """

    url: str
    final_url: str
    path: Path | None
    data: bytes = field(repr=False)
    size: int
    headers: Mapping[str, str] = field(repr=False)


class Transport(Protocol):
    """What the rest of the house knows of the network."""

    def start(self) -> None:
        """Make what lives long; nothing is asked yet."""

    def stop(self) -> None:
        """End what is under way, within about a second."""

    def ask(self, request: Request) -> "Future[Download]":
        """Ask for one file; the future raises a `Refusal`, `SourceError`, `CacheError` or `ConfigError`."""


def origin_of(url: str) -> Origin:
    """Name the host (lower case) and port of an https URL.

    Raises: `ValueError` for a port that is none.
    """
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip("."), parts.port or PORT


def endpoints_by_origin(endpoints: Sequence[Endpoint]) -> dict[Origin, Endpoint]:
    """Find the endpoint whose certificate authorities and pins count at each host and port.

    Raises: `ConfigError` where two of them disagree, or a pin cannot be read; as `checked` for their URLs.
    """
    origins: dict[Origin, Endpoint] = {}
    for endpoint in endpoints:
        first = origins.setdefault(origin_of(checked(endpoint.url, endpoint.name)), endpoint)
        if (first.ca_file, first.tls_pins) != (endpoint.ca_file, endpoint.tls_pins):
            problem = "two repositories at one host and port cannot have different ca-file or tls-pins"
            raise ConfigError(f"repositories {first.name} and {endpoint.name}", problem)
        for pin in endpoint.tls_pins:
            tls.parse_pin(pin)
    return origins


def checked(url: str, origin: str) -> str:
    """Refuse a URL that is not plainly https; `origin` says who named it.

    Raises: `InsecureTransport` when it is not https, `ServerError` when it cannot be read.
    """
    if not _URL_CHARACTERS.fullmatch(url) or len(url) > MAX_URL_CHARACTERS:
        raise ServerError("a URL cannot be read", received=Fact(ascii(url[:200]), origin))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ServerError("a URL cannot be read", received=Fact(url[:200], origin)) from error
    if parts.scheme != "https":
        raise InsecureTransport("not https", expected=Fact("https"), received=Fact(url, origin))
    if not parts.hostname or "@" in parts.netloc or port == 0:
        raise ServerError("a URL without a plain host", received=Fact(f"https://{parts.hostname}", origin))
    return url

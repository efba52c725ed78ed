"""Read which proxy the environment names, and which hosts go without.

Only the address of a proxy comes from the environment: with CONNECT the TLS connection runs
end to end, so a proxy can refuse service and nothing more.
"""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from verifier.errors import ConfigError

MAX_VARIABLE_CHARACTERS = 16 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy listens, without its credentials; `authorization` is the header's value."""

    url: str
    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxy for https, and the patterns of hosts that are reached without it."""

    proxy: Proxy | None = None
    direct: tuple[str, ...] = ()

    def choose(self, host: str, port: int) -> Proxy | None:
        """Name the proxy for a host; None for a direct connection."""
        if self.proxy is None or any(_matches(pattern, host.lower().rstrip("."), port) for pattern in self.direct):
            return None
        return self.proxy


def read_proxies(environment: Mapping[str, str]) -> Proxies:
    """Read HTTPS_PROXY, else ALL_PROXY, and NO_PROXY; of two spellings the lower-case one wins.

    Shape: a proxy is `http://` or `https://` (none means `http://`), with `user:password@` where
    it asks for them.  NO_PROXY is separated by commas or blanks: `host` (and all below it),
    `.suffix`, either with `:port`, an IP address, a CIDR network, or `*`.

    Raises: `ConfigError` for a proxy of another kind, or one that cannot be read.
    """
    name, value = next(
        ((name, environment[name]) for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
         if environment.get(name)),
        ("", ""),
    )  # fmt: skip
    direct = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if max(len(value), len(direct)) > MAX_VARIABLE_CHARACTERS:
        raise ConfigError(name or "NO_PROXY", f"is longer than {MAX_VARIABLE_CHARACTERS} characters")
    patterns = tuple(direct.replace(",", " ").lower().split())
    return Proxies(_parse(value.strip(), name) if value.strip() else None, patterns)


def _parse(text: str, name: str) -> Proxy:
    # The text is never quoted in a message: it may hold a password.
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:
        raise ConfigError(name, "is not a proxy's address") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ConfigError(name, f"{parts.scheme} proxies are not supported, only http and https with CONNECT")
    if not parts.hostname or not parts.netloc.isascii() or not parts.netloc.isprintable() or " " in parts.netloc:
        raise ConfigError(name, "is not a proxy's address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Proxy(f"{parts.scheme}://{host}:{port or _DEFAULT_PORTS[parts.scheme]}", _authorization(parts))


def _authorization(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _matches(pattern: str, host: str, port: int) -> bool:
    if pattern == "*":
        return True
    if "/" in pattern:
        return _in_network(host, pattern)
    if _address(pattern) is not None:
        return _address(host) == _address(pattern)
    name, colon, wanted = pattern.rpartition(":")
    if colon and wanted.isdigit():
        return int(wanted) == port and _matches(name, host, port)
    name = pattern.lstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _in_network(host: str, network: str) -> bool:
    address = _address(host)
    try:
        return address is not None and address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None

"""Key servers for tests: HKP and VKS over loopback TLS, strict about what is asked, honest or told to misbehave."""

import re
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

from openpgp_cases import armour
from servers import Answer, FileServer, Seen

_VKS = re.compile(r"/vks/v1/by-fingerprint/([0-9A-F]{40}|[0-9A-F]{64})")
_SEARCH = re.compile(r"0x([0-9A-F]{40}|[0-9A-F]{64})")
_KEYS = (("Content-Type", "application/pgp-keys"),)
HTML_NOT_FOUND = Answer(
    b"<!DOCTYPE html><html><body>No results found</body></html>", headers=(("Content-Type", "text/html"),)
)
VKS_NOT_FOUND = Answer(b"No key found for fingerprint", 404, (("Content-Type", "text/plain"),))

Told = Answer | Callable[[str], Answer] | None


class KeyServerHost(FileServer):
    """Speaks HKP and VKS; `keys` holds packets by the fingerprints that they are served for.

    `told` is what it answers instead.  What is neither protocol's way to ask by full fingerprint is
    answered with 400 and kept in `strange`.
    """

    def __init__(self, context: ssl.SSLContext, keys: Mapping[str, bytes] | None = None, told: Told = None) -> None:
        super().__init__(context)
        self.keys = dict(keys or {})
        self.told = told
        self.asked: list[str] = []
        self.strange: list[str] = []

    @property
    def hkp(self) -> str:
        """How a policy names it."""
        return self.url

    @property
    def vks(self) -> str:
        """How a policy names it as a VKS server."""
        return f"vks+{self.url}"

    def _find(self, seen: Seen) -> Answer:
        fingerprint = _fingerprint(seen)
        if fingerprint is None:
            self.strange.append(seen.path)
            return Answer(b"not a way to ask here\n", 400)
        self.asked.append(fingerprint)
        if isinstance(self.told, Answer):
            return self.told
        if self.told is not None:
            return self.told(fingerprint)
        if fingerprint not in self.keys:
            return VKS_NOT_FOUND if "/vks/" in seen.path else Answer(b"Not found\n", 404)
        return served(self.keys[fingerprint])


def served(packets: bytes) -> Answer:
    """Answer with keys, armoured as both kinds of server do."""
    return Answer(armour(packets, "PUBLIC KEY BLOCK"), headers=_KEYS)


def _fingerprint(seen: Seen) -> str | None:
    match = _VKS.fullmatch(seen.path)
    if match:
        return match[1]
    url = urlsplit(seen.path)
    query = parse_qs(url.query)
    search = _SEARCH.fullmatch(query.pop("search", [""])[0])
    if url.path == "/pks/lookup" and query == {"op": ["get"], "options": ["mr"]} and search:
        return search[1]
    return None

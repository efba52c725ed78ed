"""Asks key servers for one key, by its full fingerprint and over TLS.

TLS is transport and not trust: what comes is parsed, and of it only the certificate that has the
key asked for is kept, and of that only what its primary key signed.  So a server can withhold
(a revocation, an extended expiry, the key) and can invent nothing; hence all of them are asked,
and their answers put together.  What was had before, and where it is kept, is not known here.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from verifier.errors import ConfigError, NotFound, ReasonedError, TooLarge
from verifier.inquiry import Inquiry
from verifier.openpgp.certificate import RawCertificate, index_certificates, parse_certificates, strip
from verifier.policy import KeyServer, KeyServerKind
from verifier.transport import Download, Endpoint, Request, Transport

MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""Enough for a key with twenty thousand certifications that strangers hung on it, armoured."""
MAX_ANSWER_SECONDS = 30
"""How long one server has for one answer, its retries included; for the transport's bounds."""
CONNECTIONS_PER_SERVER = 4
MAX_CLAIMANTS = 4
"""How many certificates of one answer are checked for having the key: one has it, a few may share a subkey."""

_KEY_MARK = b"-----BEGIN PGP"


@dataclass(slots=True)
class _Server:
    """A key server, and how it fared since the start or `renew`: `first` is the first question since then."""

    name: str
    kind: KeyServerKind
    endpoint: Endpoint
    first: Future[Download] | None = None
    failed: str = ""


@dataclass(slots=True)
class _Answers:
    """What piles up while the servers answer."""

    found: list[RawCertificate] = field(default_factory=list)
    unknown_to: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


class KeyServers:
    """The key servers of a policy; a server that failed once is not asked again, until `renew`.

    `transport` is theirs alone, started at the first question: most runs need no key server.
    All methods may be called from any thread.
    """

    def __init__(self, servers: Sequence[KeyServer], ca_file: Path | None, transport: Transport) -> None:
        self._servers = tuple(_Server(str(one), one.kind, endpoint(one, ca_file)) for one in servers)
        self._transport = transport
        self._lock = threading.Lock()
        self._started = self._stopped = False

    def ask(self, fingerprint: str) -> Inquiry:
        """Ask every server at once, and put together what they say.

        Shape: `fingerprint` is 40 or 64 upper-case hex digits, of a primary key or of a subkey.

        Raises: `ConfigError` where the file of certificate authorities cannot be read.
        """
        answers = _Answers()
        with self._lock:
            if self._stopped:
                return Inquiry(fingerprint, silent=tuple(f"{server.name} (stopped)" for server in self._servers))
            self._start()
        for server, future in self._begin(fingerprint):
            if future is None:
                answers.silent.append(f"{server.name} ({server.failed})")
            else:
                self._take(server, future, fingerprint, answers)
        return Inquiry(fingerprint, tuple(answers.found), tuple(answers.unknown_to), tuple(answers.silent))

    def renew(self) -> None:
        """Ask those that failed again from now on, as a new run would."""
        with self._lock:
            for server in self._servers:
                if server.first is not None and server.first.done():
                    server.first, server.failed = None, ""

    def stop(self) -> None:
        """End every question under way; none may be asked afterwards."""
        with self._lock:
            self._stopped = True
            if self._started:
                self._transport.stop()

    def _start(self) -> None:
        if self._servers and not self._started:
            self._transport.start()
            self._started = True

    def _begin(self, fingerprint: str) -> list[tuple[_Server, Future[Download] | None]]:
        """Ask each server; one that has not answered anything yet gets no second question before it does.

        Otherwise every signer of a project would wait on its own for a server that is down.
        """
        begun: dict[str, Future[Download] | None] = {}
        before: dict[str, Future[Download]] = {}
        with self._lock:
            for server in self._servers:
                if server.first is None:
                    begun[server.name] = server.first = self._send(server, fingerprint)
                else:
                    before[server.name] = server.first
        for server in self._servers:
            if server.name in before:
                wait([before[server.name]])
                self._note_failure(server, before[server.name])
                begun[server.name] = None if server.failed else self._send(server, fingerprint)
        return [(server, begun[server.name]) for server in self._servers]

    def _send(self, server: _Server, fingerprint: str) -> Future[Download]:
        url = _url(server, fingerprint)
        return self._transport.ask(Request(url, server.endpoint, MAX_ANSWER_BYTES, follow=False))

    def _take(self, server: _Server, future: Future[Download], fingerprint: str, answers: _Answers) -> None:
        try:
            data = future.result().data
        except NotFound:
            answers.unknown_to.append(server.name)
        except ReasonedError as error:
            self._note_failure(server, future)
            answers.silent.append(f"{server.name} ({error.code})")
        else:
            _read(server.name, data, fingerprint, answers)

    def _note_failure(self, server: _Server, future: Future[Download]) -> None:
        """Remember a server that failed; an answer that is too large speaks of one key alone."""
        error = None if future.cancelled() else future.exception()
        if isinstance(error, ReasonedError) and not isinstance(error, NotFound | TooLarge):
            server.failed = error.code


def endpoint(server: KeyServer, ca_file: Path | None) -> Endpoint:
    """Give a key server as the transport sees it, which must know every one from the beginning."""
    return Endpoint(str(server), server.url, ca_file)


def _url(server: _Server, fingerprint: str) -> str:
    """Name a key's place.

    Source: draft-ietf-openpgp-hkp, section 3 (op=get); keys.openpgp.org's API for VKS.
    """
    if server.kind is KeyServerKind.VKS:
        return f"{server.endpoint.url}/vks/v1/by-fingerprint/{fingerprint}"
    return f"{server.endpoint.url}/pks/lookup?op=get&options=mr&search=0x{fingerprint}"


def _read(name: str, data: bytes, fingerprint: str, answers: _Answers) -> None:
    """Keep what was asked for; a page of text in place of a key says that there is none."""
    skipped: list[str] = []
    try:
        raws = index_certificates(data, skipped=skipped.append)
    except ConfigError:
        said_no = data.strip() and _KEY_MARK not in data and not skipped
        answers.unknown_to.append(name) if said_no else answers.silent.append(f"{name} (an answer that is no key)")
        return
    claiming = [raw for raw in raws if fingerprint in {raw.fingerprint, *raw.subkey_fingerprints}]
    found = [stripped for raw in claiming[:MAX_CLAIMANTS] if (stripped := _asked_for(raw, fingerprint)) is not None]
    answers.found += found
    if not found:
        answers.silent.append(f"{name} (an answer without the key that was asked for)")


def _asked_for(raw: RawCertificate, fingerprint: str) -> RawCertificate | None:
    """Strip a certificate; None where it neither has the key as its primary nor bound it as a subkey."""
    with suppress(ConfigError):
        stripped = strip(raw)
        for certificate in parse_certificates(stripped.data):
            # A subkey that did not sign back may have been bound by anybody.
            keys = (certificate.primary, *(subkey.key for subkey in certificate.subkeys if subkey.signs))
            if any(key.fingerprint == fingerprint for key in keys):
                return stripped
    return None

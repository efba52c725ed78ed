"""The keys at hand: the files that the policy lists, what was fetched before, and the shipped key facts.

Finds certificates for a signature; copies in files, in the store and the facts about the same
key are merged.  Files are read once, at the first question, and parsed key by key as they are asked
for.  Whether a key is trusted, and so may be asked of key servers, is not asked here.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from verifier.errors import ConfigError
from verifier.inquiry import Inquiry
from verifier.openpgp.armor import MAX_KEY_FILE_BYTES
from verifier.openpgp.certificate import Certificate, RawCertificate, index_certificates, merge, parse_certificates
from verifier.openpgp.key import key_id
from verifier.openpgp.signature import Signature


class Facts(Protocol):
    """A table of certificates that is searched by fingerprint or 64-bit key id."""

    def find(self, identity: str) -> tuple[Certificate, ...]:
        """Give the certificates that have this key, as primary or as subkey."""


class Store(Protocol):
    """Where fetched certificates are kept."""

    def stamp(self) -> int:
        """Give a number that changes whenever something was added."""

    def certificates(self) -> tuple[RawCertificate, ...]:
        """Give everything that is kept."""

    def add(self, certificate: RawCertificate) -> bool:
        """Keep a stripped certificate; tell whether that brought anything new."""


class Servers(Protocol):
    """Who may be asked for a key."""

    def ask(self, fingerprint: str) -> Inquiry:
        """Ask for one key by its full fingerprint."""

    def renew(self) -> None:
        """Ask those that failed again from now on."""

    def stop(self) -> None:
        """End every question under way."""


_Index = dict[str, list[tuple[str, RawCertificate]]]
"""Certificates with where they are from, by the fingerprint and the key id of every key in them."""

_UNREAD = -1

STORE, FACTS = "fetched before", "shipped key facts"


class Keyring:
    """Every certificate that may be asked for, found by the keys in it.

    Made once for a run, and stopped at its end.  All methods may be called from any thread.
    """

    def __init__(
        self, files: Sequence[Path], facts: Facts, store: Store | None = None, servers: Servers | None = None
    ) -> None:
        self._files = files
        self._facts = facts
        self._store = store
        self._servers = servers
        self._lock = threading.Lock()
        self._raw: _Index | None = None
        self._stored: tuple[int, _Index] = (_UNREAD, {})
        self._found: dict[str, tuple[Certificate, ...]] = {}
        self._asked: dict[str, Future[Inquiry]] = {}

    def certificates(self, signature: Signature) -> tuple[Certificate, ...]:
        """Give every certificate held that has the key which the signature names as its issuer.

        Raises: `ConfigError` where a listed key file cannot be read.
        """
        identity = signature.issuer_fingerprint or signature.issuer_key_id
        return () if identity is None else self.find(identity)

    def find(self, identity: str) -> tuple[Certificate, ...]:
        """Give the certificates that have a key with this fingerprint or 64-bit key id."""
        with self._lock:
            self._read_store()
            if identity in self._found:
                return self._found[identity]
            found = self._look_up(identity)
            if found:
                # Not what is unknown: signature files name whatever they like, and there is no end of that.
                self._found[identity] = found
            return found

    def material(self, fingerprint: str) -> bytes | None:
        """Give every copy at hand of a certificate, as packets one after the other; None where there are facts alone.

        Raises: `ConfigError` where a listed key file cannot be read.
        """
        with self._lock:
            self._read_store()
            return b"".join(raw.data for _, raw in self._copies(fingerprint)) or None

    def origins(self, fingerprint: str) -> tuple[str, ...]:
        """Say where the copies of a certificate are from.

        Shape: paths of key files, `STORE`, `FACTS`.

        Raises: `ConfigError` where a listed key file cannot be read.
        """
        with self._lock:
            self._read_store()
            facts = [FACTS] if self._facts.find(fingerprint) else []
            return (*dict.fromkeys(origin for origin, _ in self._copies(fingerprint)), *facts)

    def primaries(self) -> tuple[str, ...]:
        """Give the fingerprint of every certificate in key files and store, sorted.

        Raises: `ConfigError` where a listed key file cannot be read.
        """
        with self._lock:
            self._read_store()
            indices = (self._index(), self._stored[1])
            return tuple(sorted({raw.fingerprint for index in indices for held in index.values() for _, raw in held}))

    def refresh(self, fingerprint: str) -> Inquiry:
        """Ask the key servers for a key, once a run or until `renew`, and keep what comes.

        `news` in what is given tells whether something came that was not at hand.  Whoever asks
        for the same key meanwhile waits for the same answer.

        Raises: `CacheError` where what came cannot be kept; `ConfigError` as the servers do.
        """
        with self._lock:
            coming = self._asked.get(fingerprint)
            mine = self._asked.setdefault(fingerprint, Future())
        if coming is not None:
            return coming.result()
        try:
            mine.set_result(self._refresh(fingerprint))
        except BaseException as error:
            mine.set_exception(error)  # whoever waits must hear of it
            raise
        return mine.result()

    def renew(self) -> None:
        """Forget who was asked for what, as a new run would: a run without an end must ask again some time."""
        with self._lock:
            self._asked = {key: coming for key, coming in self._asked.items() if not coming.done()}
        if self._servers is not None:
            self._servers.renew()

    def stop(self) -> None:
        """End what is asked of key servers."""
        if self._servers is not None:
            self._servers.stop()

    def _refresh(self, fingerprint: str) -> Inquiry:
        inquiry = Inquiry(fingerprint) if self._servers is None else self._servers.ask(fingerprint)
        if self._store is None:
            return inquiry
        before = self.find(fingerprint)
        added = [self._store.add(certificate) for certificate in inquiry.found]
        if any(added):
            with self._lock:
                # A second change within one tick of the file system's clock would leave the stamp as it is.
                self._stored = (_UNREAD, {})
        return replace(inquiry, news=self.find(fingerprint) != before)

    def _look_up(self, identity: str) -> tuple[Certificate, ...]:
        merged: dict[str, Certificate] = {}
        for certificate in (*self._listed(identity), *self._facts.find(identity)):
            primary = certificate.primary.fingerprint
            # One copy alone goes through it too: what is found is then equal whenever it says the same.
            merged[primary] = merge(merged.get(primary, certificate), certificate)
        return tuple(merged.values())

    def _listed(self, identity: str) -> Iterator[Certificate]:
        for origin, raw in self._copies(identity):
            yield from parse_certificates(raw.data, origin=origin)

    def _copies(self, identity: str) -> list[tuple[str, RawCertificate]]:
        return [*self._index().get(identity, ()), *self._stored[1].get(identity, ())]

    def _index(self) -> _Index:
        if self._raw is None:
            index: _Index = {}
            for path in self._files:
                for certificate in index_certificates(_read(path), origin=str(path)):
                    _enter(index, str(path), certificate)
            self._raw = index
        return self._raw

    def _read_store(self) -> None:
        """Read the store where it changed, by this process or by another."""
        if self._store is None or self._stored[0] == (stamp := self._store.stamp()):
            return
        index: _Index = {}
        for certificate in self._store.certificates():
            _enter(index, STORE, certificate)
        self._stored = (stamp, index)
        self._found.clear()


def _enter(index: _Index, origin: str, certificate: RawCertificate) -> None:
    fingerprints = (certificate.fingerprint, *certificate.subkey_fingerprints)
    for identity in dict.fromkeys((*fingerprints, *map(key_id, fingerprints))):
        index.setdefault(identity, []).append((origin, certificate))


def _read(path: Path) -> bytes:
    """Read a key file, one byte over its bound at most; the bound is kept where it is parsed."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(str(path), f"the key file cannot be read: {error.strerror}") from error

"""Keeps the keys that were fetched: one file a certificate, `<cache>/keys/<FINGERPRINT>.pgp`.

A file holds what the primary key signed and nothing else, in binary; what comes later is put
together with what is there and replaces none of it.  The store needs no seal: every octet that
counts is signed by the key whose fingerprint was asked for, so whoever writes here can hide a
revocation or an extended expiry, as a hostile key server can, and can invent neither.  What the
store says beyond that, such as a file that cannot be read, is as if it were not there.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from verifier.errors import CacheError, ConfigError
from verifier.openpgp.certificate import RawCertificate, index_certificates, strip

MAX_CERTIFICATE_BYTES = 1024 * 1024
MAX_CERTIFICATES = 10_000
MAX_STORE_BYTES = 256 * 1024 * 1024

_HEAL = "remove it: keys are fetched anew"
_NAME = re.compile(r"([0-9A-F]{40}|[0-9A-F]{64})\.pgp")
# Non-blocking: a named pipe may lie there.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class KeyStore:
    """The store in one directory, which is made when something is first kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def stamp(self) -> int:
        """Give a number that changes whenever a file here was added or replaced; 0 for no store."""
        try:
            return self._directory.stat().st_mtime_ns
        except OSError:
            return 0

    def certificates(self) -> tuple[RawCertificate, ...]:
        """Read everything that is kept, by fingerprint; what cannot be read is left out.

        Raises: `CacheError` where there is more than such a store holds, or a link in its place.
        """
        self._refuse_link()
        try:
            entries = [entry for entry in os.scandir(self._directory) if _NAME.fullmatch(entry.name)]
            size = sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
        except OSError:
            return ()
        if len(entries) > MAX_CERTIFICATES or size > MAX_STORE_BYTES:
            problem = f"more than {MAX_CERTIFICATES} keys or {MAX_STORE_BYTES} bytes"
            raise CacheError(str(self._directory), problem, hint=_HEAL)
        names = sorted(entry.name for entry in entries)
        return tuple(raw for name in names if (raw := self._read(name)) is not None)

    def add(self, certificate: RawCertificate) -> bool:
        """Put a stripped certificate together with what is kept of it; tell whether anything came of that.

        Processes take turns, so that neither undoes what the other has just kept.  Of a key that
        has made more statements than can be read, what is kept stays.

        Raises: `CacheError` where it cannot be written.
        """
        name = f"{certificate.fingerprint}.pgp"
        with self._alone():
            kept = self._read(name)
            merged = certificate if kept is None else _merged(kept, certificate)
            if (kept is not None and merged.data == kept.data) or len(merged.data) > MAX_CERTIFICATE_BYTES:
                return False
            self._write(name, merged.data)
        return True

    def _refuse_link(self) -> None:
        # Whoever may write the cache could lead what is written here to any directory of this user.
        if self._directory.is_symlink():
            raise CacheError(str(self._directory), "the key store is a symbolic link", hint=_HEAL)

    def _read(self, name: str) -> RawCertificate | None:
        try:
            with open(self._directory / name, "rb", opener=_open_file) as file:
                data = file.read(MAX_CERTIFICATE_BYTES + 1)
            found = index_certificates(data) if len(data) <= MAX_CERTIFICATE_BYTES else ()
        except (OSError, ConfigError):
            return None
        return next((raw for raw in found if f"{raw.fingerprint}.pgp" == name), None)

    def _write(self, name: str, data: bytes) -> None:
        aside = self._directory / f".{name}.{secrets.token_hex(8)}"
        with _translated(self._directory / name):
            try:
                with aside.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(self._directory / name)
            finally:
                aside.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._refuse_link()
        with _translated(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            lock = os.open(self._directory / "lock", flags, 0o666)
        try:
            with _translated(self._directory):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _merged(kept: RawCertificate, certificate: RawCertificate) -> RawCertificate:
    """Put two copies together; where what is kept cannot be used, it gives way."""
    try:
        usable = strip(kept)
    except ConfigError:
        return certificate
    with suppress(ConfigError):
        return strip(RawCertificate(kept.fingerprint, (), usable.data + certificate.data))
    return kept


def _open_file(path: str, _flags: int) -> int:
    return os.open(path, _FILE)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError.of(error, str(path)) from error

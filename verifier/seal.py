"""The key that marks what this machine wrote itself.

The cache may be shared, restored from an archive or edited by others, so a row in it proves
nothing on its own.  A seal is an HMAC with a key that lies outside the cache: whoever can write
the cache but not read this user's state directory cannot make one.  Where there is no key that
only this user can read, nothing is sealed and nothing counts as sealed; all is then hashed and
judged again, which is slower and never less strict.  What is sealed is for the record to say.
"""

import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Self

KEY_BYTES = 32


class Seal:
    """Signs and recognises rows of the record; `problem` says why there is no key, if there is none."""

    __slots__ = ("_key", "problem")

    def __init__(self, key: bytes | None, problem: str = "") -> None:
        self._key = key
        self.problem = problem

    @classmethod
    def none(cls, problem: str = "no key was asked for") -> Self:
        """Make the seal that signs nothing and recognises nothing."""
        return cls(None, problem)

    def sign(self, purpose: str, *fields: str) -> str:
        """Seal a list of fields for one purpose.

        Shape: HMAC-SHA256 in hex over every field in UTF-8 with its length before it, so that no
        two lists read alike; empty where there is no key.
        """
        if self._key is None:
            return ""
        message = b"".join(b"%d:%b" % (len(data), data) for data in map(_encode, (purpose, *fields)))
        return hmac.digest(self._key, message, "sha256").hex()

    def matches(self, seal: str, purpose: str, *fields: str) -> bool:
        """Whether this machine sealed exactly these fields for this purpose; never without a key."""
        if self._key is None:
            return False
        return hmac.compare_digest(_encode(seal), _encode(self.sign(purpose, *fields)))


def _encode(field: str) -> bytes:
    return field.encode("utf-8", "surrogatepass")


def load_seal(path: Path, cache: Path) -> Seal:
    """Read the key at `path`, making it where there is none.

    Gives a seal without a key, and the reason in `problem`, where the key cannot be had or was
    not this user's alone: it is a link, another's, open to others, of another length, or lies
    inside the cache, where whoever may write the cache would read it too.
    """
    try:
        if path.resolve().is_relative_to(cache.resolve()):
            return Seal.none(f"{path}: the key lies inside the cache")
        if not os.path.lexists(path):
            _make(path)
        return _read(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: how resolve() reports a circle of links
        return Seal.none(f"{path}: {getattr(error, 'strerror', None) or error}")


def _make(path: Path) -> None:
    """Write a fresh key aside and link it into place: of two processes one wins and both read the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.write(descriptor, secrets.token_bytes(KEY_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()


def _read(path: Path) -> Seal:
    # O_NONBLOCK: a named pipe in its place would otherwise keep us waiting for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != KEY_BYTES:
            return Seal.none(f"{path}: this is not a key of {KEY_BYTES} bytes")
        if status.st_uid != os.geteuid():
            return Seal.none(f"{path}: the key belongs to another user")
        if stat.S_IMODE(status.st_mode) & 0o077:
            return Seal.none(f"{path}: others may read or write the key")
        key = os.read(descriptor, KEY_BYTES)
    finally:
        os.close(descriptor)
    return Seal(key) if len(key) == KEY_BYTES else Seal.none(f"{path}: the key could not be read whole")

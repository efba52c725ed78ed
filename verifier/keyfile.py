"""Reads files of public keys, whoever wrote them, and writes our own.

Ours is armoured text, a block a key with its names above, sorted by fingerprint: the same keys make
the same file, so that a change in it can be reviewed.  Of every key only what it says of itself is
taken over.  Which keys are trusted is not asked here.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from verifier.errors import ConfigError
from verifier.openpgp.armor import MAX_KEY_FILE_BYTES, enarmor
from verifier.openpgp.certificate import RawCertificate, index_certificates, strip, user_ids

MAX_FILES = 10_000
_SUFFIXES = frozenset({".asc", ".gpg", ".key", ".keys", ".pgp", ".pub"})
_PUBLISHERS_NAME = "KEYS"
_UNPRINTABLE = "\ufffd"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, by fingerprint."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def find_key_files(directory: Path) -> tuple[Path, ...]:
    """Give the files below a directory whose names are those of key files, sorted.

    Raises: `ConfigError` where a directory cannot be read, or where there are too many.
    """
    found = []
    for folder, _, names in os.walk(directory, onerror=_unreadable):
        found += [Path(folder, name) for name in names if Path(name).suffix in _SUFFIXES or name == _PUBLISHERS_NAME]
        if len(found) > MAX_FILES:
            raise ConfigError(str(directory), f"more than {MAX_FILES} key files")
    return tuple(sorted(found))


def read_key_file(path: Path, left_out: Callable[[str], None]) -> tuple[RawCertificate, ...]:
    """Read a file of keys, armoured or binary, with prose between the blocks or without; give them stripped.

    `left_out` is told what could not be used, and why.

    Raises: `ConfigError` where the file cannot be read or holds no key at all.
    """
    found = []
    for raw in index_certificates(_read(path), origin=str(path), skipped=lambda why: left_out(f"{path}: {why}")):
        try:
            found.append(strip(raw, origin=str(path)))
        except ConfigError as error:
            left_out(str(error))
    return tuple(found)


def merge_into(target: Path, certificates: Sequence[RawCertificate]) -> Merged:
    """Add stripped certificates to a key file, which is made where it is not there; nothing in it is lost.

    Raises: `ConfigError` where the file cannot be read whole, which would be lost, or not be written.
    """
    held = {raw.fingerprint: raw for raw in _read_whole(target)}
    before = dict(held)
    for certificate in certificates:
        kept = held.get(certificate.fingerprint)
        held[certificate.fingerprint] = certificate if kept is None else _joined(kept, certificate)
    named = list(dict.fromkeys(certificate.fingerprint for certificate in certificates))
    added = tuple(name for name in named if name not in before)
    changed = tuple(name for name in named if name in before and held[name].data != before[name].data)
    if added or changed:
        write_text(target, render(held.values()))
    return Merged(added, changed, tuple(name for name in named if name not in {*added, *changed}))


def render(certificates: Iterable[RawCertificate]) -> str:
    """Write certificates as text: sorted by fingerprint, each block below its fingerprint and its names."""
    return "\n".join("".join(_block(raw)) for raw in sorted(certificates, key=lambda raw: raw.fingerprint))


def write_text(path: Path, text: str) -> None:
    """Write a file aside and rename it into place.

    Raises: `ConfigError` where that cannot be done.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        try:
            with aside.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(str(path), f"the key file cannot be written: {error.strerror}") from error


def _block(raw: RawCertificate) -> Iterator[str]:
    yield f"{raw.fingerprint}\n"
    for name in user_ids(raw):
        yield f"  {''.join(c if c.isprintable() else _UNPRINTABLE for c in name)}\n"
    yield enarmor(raw.data, "PUBLIC KEY BLOCK")


def _read_whole(target: Path) -> Iterator[RawCertificate]:
    """Give what is in a file of ours, stripped; a key that we cannot use stays as it is."""
    if not target.exists():
        return
    data = _read(target)
    if not data.strip():
        return
    problems: list[str] = []
    for raw in index_certificates(data, origin=str(target), skipped=problems.append):
        try:
            yield strip(raw)
        except ConfigError:
            yield raw
    if problems:
        hint = "name another file with --to, or take out what cannot be read"
        raise ConfigError(
            str(target), f"not all of it can be read, and writing would lose it: {problems[0]}", hint=hint
        )


def _joined(kept: RawCertificate, certificate: RawCertificate) -> RawCertificate:
    return strip(RawCertificate(kept.fingerprint, (), kept.data + certificate.data))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(str(path), f"the key file cannot be read: {error.strerror}") from error


def _unreadable(error: OSError) -> None:
    raise ConfigError(str(error.filename), f"cannot be read: {error.strerror}") from error

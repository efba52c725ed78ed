"""Takes the digests and contents of files that lie on disk, and reads the evidence beside them.

Says what is there; what it is worth is for the judge.
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from verifier import contents
from verifier.coordinate import Coordinate, Metadata, Subject
from verifier.digest import Algorithm, Digest, Hash, Hasher, parse_checksum
from verifier.errors import CacheError, ChecksumMalformed, ReasonedError, Refusal
from verifier.evidence import Checksum, Evidence, Origin
from verifier.gather import MAX_CHECKSUM_ANSWER_BYTES, Gathered
from verifier.layout import SIGNATURE
from verifier.maven.metadata import MAX_METADATA_BYTES, check_metadata
from verifier.maven.pom import Pom
from verifier.openpgp.signature import MAX_SIGNATURE_BYTES, ContentHash

_PIECE_BYTES = 1024 * 1024
ALWAYS_TAKEN = (Algorithm.SHA1, Algorithm.SHA256, Algorithm.SHA512)


def measure(path: Path, algorithms: Iterable[Algorithm]) -> tuple[Digest, ...]:
    """Take digests of a file in one pass.

    Raises: `CacheError` where the file cannot be read.
    """
    return tuple(hash_file(path, algorithms).digests().values())


def hash_file(path: Path, algorithms: Iterable[Algorithm]) -> Hasher:
    """Take running hashes over a file in one pass.

    Raises: `CacheError` where the file cannot be read.
    """
    hasher = Hasher(algorithms)
    _feed(path, hasher)
    return hasher


def _feed(path: Path, *into: Hasher | Hash) -> None:
    try:
        with _open(path) as file:
            while piece := file.read(_PIECE_BYTES):
                for running in into:
                    running.update(piece)
    except OSError as error:
        raise unreadable(path, error) from error


def _open(path: Path) -> BinaryIO:
    """Open a plain file: a pipe would wait for ever, and a device has no end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CacheError(str(path), "is not a plain file", hint="leave it out, or put the file itself there")
    return os.fdopen(descriptor, "rb", buffering=0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> CacheError:
    """Say that a file cannot be read."""
    return CacheError(str(path), f"cannot be read: {error.strerror}", hint="check the path and its permissions")


def content_of(path: Path, hasher: Hasher | None, sha256: str) -> ContentHash:
    """Give running hashes over a file: the ones taken already, else by reading it, once for each.

    What is read must still be the bytes of this sha256: a proof about others would be kept for these.

    Raises: the function given, `CacheError` where the file changed or cannot be read.
    """
    taken: dict[tuple[str, bytes], Hash] = {}

    def content(name: str, prefix: bytes) -> Hash:
        if hasher is not None and not prefix and name in {algorithm.value for algorithm in Algorithm}:
            state = hasher.state(Algorithm(name))
            if state is not None:
                return state
        if (name, prefix) not in taken:
            running: Hash = hashlib.new(name, prefix, usedforsecurity=False)
            identity = hashlib.sha256()
            _feed(path, running, identity)
            _check_unchanged(path, identity.hexdigest(), sha256)
            taken[name, prefix] = running
        return taken[name, prefix].copy()

    return content


def claims_of(
    path: Path, coordinate: Subject, origin: str, causes: list[ReasonedError], pom: Pom | None = None
) -> tuple[contents.Claim, ...]:
    """Read what a file says of itself, where it is no POM that has been read already; refusals join the causes."""
    if pom is not None and isinstance(coordinate, Coordinate):
        return contents.pom_claims(pom, coordinate)
    try:
        with path.open("rb") as file:
            if isinstance(coordinate, Metadata):
                check_metadata(file.read(MAX_METADATA_BYTES + 1), coordinate, origin)
                return ()
            return contents.read_claims(file, os.fstat(file.fileno()).st_size, coordinate, origin)
    except OSError as error:
        raise unreadable(path, error) from error
    except Refusal as refusal:
        causes.append(refusal)
        return ()


def evidence_of(path: Path, coordinate: Subject, causes: list[ReasonedError]) -> Evidence:
    """Begin the evidence for a file on disk: its digests and what it says of itself."""
    return Evidence(
        coordinate=coordinate,
        repository="",
        url=str(path),
        size=_size(path),
        digests=measure(path, ALWAYS_TAKEN),
        checksums=(),
        signature=None,
        signature_where=f"{path}{SIGNATURE}",
        signature_absent=False,
        claims=claims_of(path, coordinate, str(path), causes),
    )


def remeasured(evidence: Evidence, path: Path, causes: list[ReasonedError]) -> Evidence:
    """Keep what was published and take the rest from the bytes again: nobody sealed it."""
    return replace(
        evidence,
        size=_size(path),
        digests=measure(path, ALWAYS_TAKEN),
        claims=claims_of(path, evidence.coordinate, str(path), causes),
        proofs=frozenset(),
    )


def with_digests(evidence: Evidence, path: Path) -> Evidence:
    """Take the digests that a checksum asks for and that were not taken yet."""
    lacking = {c.digest.algorithm for c in evidence.checksums if evidence.digest(c.digest.algorithm) is None}
    if not lacking:
        return evidence
    taken = measure(path, lacking | {Algorithm.SHA256})
    identity = next(digest for digest in taken if digest.algorithm is Algorithm.SHA256)
    _check_unchanged(path, identity.value, evidence.sha256)
    return replace(evidence, digests=(*evidence.digests, *(d for d in taken if d.algorithm in lacking)))


def _check_unchanged(path: Path, received: str, expected: str) -> None:
    if received != expected:
        hint = "find out what writes to it, and judge it again"
        raise CacheError(
            str(path), f"changed while it was judged: sha256:{expected}, then sha256:{received}", hint=hint
        )


def read_beside(path: Path) -> Gathered:
    """Read the signature and the checksums that lie beside a file."""
    gathered = Gathered()
    signature = _read_bounded(path.with_name(path.name + SIGNATURE), MAX_SIGNATURE_BYTES)
    if signature is not None:
        gathered.signature = signature
        gathered.signature_where = f"{path}{SIGNATURE}"
    for algorithm in Algorithm:
        where = path.with_name(f"{path.name}.{algorithm.value}")
        data = _read_bounded(where, MAX_CHECKSUM_ANSWER_BYTES)
        if data is None:
            continue
        try:
            digest = parse_checksum(data, algorithm, str(where))
        except ChecksumMalformed as malformed:
            gathered.causes.append(malformed)
        else:
            gathered.checksums.append(Checksum(digest, Origin.BESIDE, str(where)))
    return gathered


def _read_bounded(path: Path, max_bytes: int) -> bytes | None:
    """Read a small file; one over its bound is cut just above it, so that its reader refuses it."""
    try:
        with _open(path) as file:
            return file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from error

import hashlib
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from judge_cases import DIGESTS, GOOD, OWNER, WEAK, asc, evidence, wrong
from openpgp_cases import CONTENT

from verifier.coordinate import parse_coordinate
from verifier.digest import Algorithm, Hasher
from verifier.errors import CacheError, ReasonedError
from verifier.evidence import Origin, Proof
from verifier.gather import MAX_CHECKSUM_ANSWER_BYTES
from verifier.measure import (
    ALWAYS_TAKEN,
    claims_of,
    content_of,
    evidence_of,
    measure,
    read_beside,
    remeasured,
    with_digests,
)
from verifier.openpgp.signature import MAX_SIGNATURE_BYTES

TEXT = parse_coordinate("org.example:widget:txt:1.0")
JAR = parse_coordinate("org.example:widget:1.0")

SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "widget-1.0.txt"
    path.write_bytes(CONTENT)
    return path


def test_takes_every_digest_in_one_pass(path: Path) -> None:
    assert measure(path, Algorithm) == tuple(DIGESTS.values())


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe", "device"])
def test_what_cannot_be_read_is_one_clear_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "widget-1.0.txt"
    match kind:
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")

    with pytest.raises(CacheError, match=r"widget-1\.0\.txt"):
        measure(path, ALWAYS_TAKEN)


def test_a_pipe_in_evidence_s_place_is_one_clear_error(path: Path) -> None:
    os.mkfifo(f"{path}.asc")

    with pytest.raises(CacheError, match="is not a plain file"):
        read_beside(path)


def test_evidence_that_cannot_be_read_is_one_clear_error_and_no_absence(path: Path) -> None:
    Path(f"{path}.asc").symlink_to(f"{path}.asc")

    with pytest.raises(CacheError, match=r"widget-1\.0\.txt\.asc: cannot be read"):
        read_beside(path)


def test_a_vanished_file_is_one_clear_error(tmp_path: Path) -> None:
    gone = tmp_path / "gone.txt"

    with pytest.raises(CacheError):
        evidence_of(gone, TEXT, [])
    with pytest.raises(CacheError):
        remeasured(evidence(), gone, [])
    with pytest.raises(CacheError):
        claims_of(gone, TEXT, "here", [])


def test_begins_the_evidence_with_nothing_published(path: Path) -> None:
    causes: list[ReasonedError] = []

    begun = evidence_of(path, TEXT, causes)

    assert begun.digests == tuple(DIGESTS[kind] for kind in ALWAYS_TAKEN)
    assert (begun.size, begun.url, begun.signature_where) == (len(CONTENT), str(path), f"{path}.asc")
    assert (begun.checksums, begun.signature, begun.signature_absent, causes) == ((), None, False, [])


def test_what_is_not_what_its_name_says_joins_the_causes(path: Path) -> None:
    causes: list[ReasonedError] = []

    begun = evidence_of(path, JAR, causes)

    assert begun.claims == ()
    assert [cause.code for cause in causes] == ["content-mismatch"]


def test_reads_what_a_file_says_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "widget-1.0.jar"
    with zipfile.ZipFile(path, "w") as archive:
        text = "groupId=org.example\nartifactId=widget\nversion=0.9\n"
        archive.writestr("META-INF/maven/org.example/widget/pom.properties", text)

    (claim,) = claims_of(path, JAR, "here", [])

    assert claim.version == "0.9"


def test_measures_again_what_nobody_sealed(path: Path) -> None:
    forged = replace(evidence(asc(GOOD)), size=1, digests=(), proofs=frozenset({Proof("a", OWNER.fingerprint)}))

    again = remeasured(replace(forged, coordinate=TEXT), path, [])

    assert (again.size, again.sha256) == (len(CONTENT), DIGESTS[Algorithm.SHA256].value)
    assert again.proofs == frozenset()
    assert (again.signature, again.checksums) == (asc(GOOD), forged.checksums)


def test_takes_only_the_digests_that_a_checksum_asks_for(path: Path) -> None:
    known = evidence(digests=tuple(DIGESTS[kind] for kind in ALWAYS_TAKEN))
    asking = replace(known, checksums=(WEAK, wrong(Algorithm.MD5)))

    assert with_digests(known, path) is known
    assert with_digests(asking, path).digests == (*known.digests, DIGESTS[Algorithm.MD5])


def test_gives_the_hashes_that_were_taken_already(tmp_path: Path) -> None:
    hasher = Hasher([Algorithm.SHA512])
    hasher.update(CONTENT)
    content = content_of(tmp_path / "no such file", hasher, SHA256)

    assert content("sha512", b"").digest() == hashlib.sha512(CONTENT).digest()
    for name, prefix in (("sha512", b"salt"), ("sha384", b""), ("sha1", b"")):
        with pytest.raises(CacheError):
            content(name, prefix)


def test_a_file_that_changed_since_proves_nothing(path: Path) -> None:
    content = content_of(path, None, SHA256)
    path.write_bytes(CONTENT + b"!")

    with pytest.raises(CacheError, match="changed while it was judged"):
        content("sha512", b"")


@pytest.mark.parametrize("name", ["sha1", "sha384", "sha512", "sha3_256"])
@pytest.mark.parametrize("prefix", [b"", b"salt"])
def test_reads_the_file_once_for_every_other_hash(name: str, prefix: bytes, path: Path) -> None:
    content = content_of(path, None, SHA256)
    first = content(name, prefix)
    first.update(b"trailer")
    path.unlink()

    again = content(name, prefix)

    assert again.digest() == hashlib.new(name, prefix + CONTENT).digest()
    assert first.digest() == hashlib.new(name, prefix + CONTENT + b"trailer").digest()


def test_reads_the_evidence_beside_a_file(path: Path) -> None:
    Path(f"{path}.asc").write_bytes(b"signature")
    Path(f"{path}.sha1").write_text(DIGESTS[Algorithm.SHA1].value)
    Path(f"{path}.sha256").write_text("<html>")

    gathered = read_beside(path)

    assert (gathered.signature, gathered.signature_where) == (b"signature", f"{path}.asc")
    assert [(one.digest, one.origin) for one in gathered.checksums] == [(DIGESTS[Algorithm.SHA1], Origin.BESIDE)]
    assert [cause.code for cause in gathered.causes] == ["checksum-malformed"]
    assert (gathered.signature_absent, gathered.asked) == (False, set())


def test_what_is_not_beside_a_file_is_not_said_to_be_absent(path: Path) -> None:
    gathered = read_beside(path)

    assert (gathered.signature, gathered.signature_absent, gathered.checksums) == (None, False, [])


def test_evidence_over_its_bound_is_cut_above_it_and_so_refused(path: Path) -> None:
    Path(f"{path}.asc").write_bytes(b"s" * (MAX_SIGNATURE_BYTES + 9))
    Path(f"{path}.md5").write_bytes(b" " * (MAX_CHECKSUM_ANSWER_BYTES + 9))

    gathered = read_beside(path)

    assert gathered.signature == b"s" * (MAX_SIGNATURE_BYTES + 1)
    assert [cause.code for cause in gathered.causes] == ["checksum-malformed"]

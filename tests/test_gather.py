from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from judge_cases import DIGESTS, GOOD, asc, checksum, evidence
from openpgp_cases import CONTENT

from verifier.coordinate import parse_coordinate
from verifier.digest import Algorithm
from verifier.errors import (
    CacheError,
    NotFound,
    ReasonedError,
    ServerError,
    TimedOut,
    TlsUntrusted,
    TooLarge,
    VerifierError,
)
from verifier.evidence import Origin
from verifier.gather import MAX_CHECKSUM_ANSWER_BYTES, Gathered, Shelf, gather_beside, gather_file
from verifier.openpgp.signature import MAX_SIGNATURE_BYTES
from verifier.steps import do
from verifier.transport import Download, Endpoint, Request

CENTRAL = Endpoint("central", "https://repo.example/releases")
URL = "https://repo.example/releases/org/example/widget/1.0/widget-1.0.jar"
NOW = 1_700_000_000
SHA1, MD5 = (DIGESTS[kind].value.encode() for kind in (Algorithm.SHA1, Algorithm.MD5))
GATEWAY = ServerError("repo.example answered with an error")


@dataclass
class Memory:
    """A repository in memory: an answer for each URL, `NotFound` for every other one."""

    answers: dict[str, bytes | VerifierError | None]
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    pending: list["Future[Download]"] = field(default_factory=list)

    def ask(self, request: Request) -> "Future[Download]":
        self.requests.append(request)
        future: Future[Download] = Future()
        answer = self.answers.get(request.url, NotFound("repo.example has no such file"))
        if answer is None:
            self.pending.append(future)
        elif isinstance(answer, bytes):
            data = b"" if request.into else answer
            headers = self.headers if request.into else {}
            future.set_result(Download(request.url, request.url, request.into, data, len(answer), headers))
        else:
            future.set_exception(answer)
        return future


@dataclass
class Absences:
    urls: set[str] = field(default_factory=set)

    def known_absent(self, urls: Sequence[str], now: int) -> Collection[str]:
        return self.urls.intersection(urls) if now == NOW else ()

    def note_absent(self, urls: Iterable[str], now: int) -> None:
        assert now == NOW
        self.urls.update(urls)


def shelf(source: Memory, absences: Absences | None = None) -> Shelf:
    return Shelf(parse_coordinate("org.example:widget:1.0"), CENTRAL, source, absences or Absences(), NOW)


def beside(answers: dict[str, bytes | VerifierError | None], *suffixes: str) -> Gathered:
    gathered = Gathered()
    do(gather_beside(shelf(Memory({URL + suffix: answer for suffix, answer in answers.items()})), suffixes, gathered))
    return gathered


def test_one_flight_brings_the_file_and_what_is_beside_it(tmp_path: Path) -> None:
    source = Memory({URL: CONTENT, f"{URL}.asc": asc(GOOD), f"{URL}.sha1": SHA1})

    gathered = do(gather_file(shelf(source), [".asc", ".sha1"], tmp_path / "new", 9_000))

    assert [request.url for request in source.requests] == [URL, f"{URL}.asc", f"{URL}.sha1"]
    assert [request.max_bytes for request in source.requests] == [
        9_000, MAX_SIGNATURE_BYTES, MAX_CHECKSUM_ANSWER_BYTES,
    ]  # fmt: skip
    assert gathered.file is not None
    assert gathered.file.path == tmp_path / "new"
    assert (gathered.signature, gathered.signature_where) == (asc(GOOD), f"{URL}.asc")
    assert [(one.digest, one.origin, one.where) for one in gathered.checksums] == [
        (DIGESTS[Algorithm.SHA1], Origin.SIDECAR, f"{URL}.sha1")
    ]
    assert gathered.downloaded == len(CONTENT) + len(asc(GOOD)) + len(SHA1)
    assert (gathered.missing, gathered.causes, gathered.signature_absent) == (None, [], False)


@pytest.mark.parametrize("error", [NotFound("none"), TlsUntrusted("x"), CacheError("/c", "the disk is full", hint="x")])
def test_without_the_file_its_evidence_is_moot(error: VerifierError, tmp_path: Path) -> None:
    source = Memory({URL: error, f"{URL}.asc": None})

    with pytest.raises(type(error)):
        do(gather_file(shelf(source), [".asc"], tmp_path / "new", 9_000))

    assert [future.cancelled() for future in source.pending] == [True]


def test_absent_evidence_is_noted_and_not_asked_for_again() -> None:
    source, absences = Memory({}), Absences()

    for _ in range(2):
        gathered = Gathered()
        do(gather_beside(shelf(source, absences), [".asc", ".sha1"], gathered))
        assert (gathered.signature_absent, gathered.signature_where) == (True, f"{URL}.asc")
        assert gathered.asked == {".asc", ".sha1"}
        assert gathered.missing is None

    assert len(source.requests) == 2


def test_an_absent_checksum_is_no_absent_signature() -> None:
    gathered = beside({}, ".sha1")

    assert not gathered.signature_absent
    assert gathered.signature_where == ""


@pytest.mark.parametrize("suffix", [".asc", ".sha1"])
def test_an_outage_is_no_absence(suffix: str) -> None:
    absences = Absences()
    gathered = Gathered()

    do(gather_beside(shelf(Memory({URL + suffix: GATEWAY}), absences), [suffix], gathered))

    assert gathered.missing is GATEWAY
    assert not gathered.signature_absent
    assert absences.urls == set()


def test_the_first_outage_is_the_one_that_is_told() -> None:
    gathered = beside({".asc": GATEWAY, ".sha1": TimedOut("slow")}, ".asc", ".sha1")

    assert gathered.missing is GATEWAY


@pytest.mark.parametrize(
    ("suffix", "answer", "code"),
    [
        (".asc", TooLarge("big"), "signature-malformed"),
        (".sha1", TooLarge("big"), "checksum-malformed"),
        (".sha1", b"<html>", "checksum-malformed"),
        (".sha1", b"", "checksum-malformed"),
        (".sha256", SHA1, "checksum-malformed"),
        (".asc", TlsUntrusted("expired"), "tls-untrusted"),
    ],
)
def test_what_is_no_evidence_is_a_cause_and_no_absence(suffix: str, answer: bytes | ReasonedError, code: str) -> None:
    gathered = beside({suffix: answer}, suffix)

    assert [cause.code for cause in gathered.causes] == [code]
    assert not gathered.signature_absent
    assert gathered.checksums == []


def test_an_empty_signature_file_is_there() -> None:
    gathered = beside({".asc": b""}, ".asc")

    assert gathered.signature == b""
    assert not gathered.signature_absent


def test_what_ends_the_run_is_passed_on() -> None:
    with pytest.raises(CacheError):
        beside({".asc": CacheError("/c", "the disk is full", hint="x")}, ".asc")


def test_checksums_in_the_answer_count(tmp_path: Path) -> None:
    source = Memory({URL: CONTENT}, headers={"x-checksum-sha1": SHA1.decode(), "x-checksum-md5": "nonsense"})

    gathered = do(gather_file(shelf(source), [], tmp_path / "new", 9_000))

    assert [(one.origin, one.where) for one in gathered.checksums] == [
        (Origin.HEADER, f"{URL} (header x-checksum-sha1)")
    ]
    assert [cause.code for cause in gathered.causes] == ["checksum-malformed"]


def test_what_was_gathered_is_added_to_the_evidence() -> None:
    known = evidence(signature_absent=False)
    gathered = Gathered(checksums=[*known.checksums, checksum(Algorithm.SHA256)], signature=b"s", signature_where="w")

    added = gathered.added_to(known)

    assert added.checksums == (*known.checksums, checksum(Algorithm.SHA256))
    assert (added.signature, added.signature_where, added.signature_absent) == (b"s", "w", False)


def test_nothing_gathered_leaves_the_evidence_as_it_is() -> None:
    for known in (evidence(asc(GOOD)), evidence(), evidence(signature_absent=False)):
        assert Gathered().added_to(known) == known


def test_an_absence_is_added_and_does_not_take_a_known_signature_away() -> None:
    absent = Gathered(signature_absent=True, signature_where="w")

    assert absent.added_to(evidence(signature_absent=False)).signature_absent
    assert absent.added_to(evidence(asc(GOOD))).signature == asc(GOOD)

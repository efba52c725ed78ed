"""Asks one repository for a file and the evidence beside it, in one flight.

Says what came, what is not there and what could not be had; the three are never mixed up.
What any of it is worth is the judge's business.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeAlias

from verifier.coordinate import Subject
from verifier.digest import Algorithm, Digest, header_algorithm, header_checksums, parse_checksum
from verifier.errors import (
    ChecksumMalformed,
    Fact,
    NotFound,
    ReasonedError,
    Refusal,
    SignatureMalformed,
    SourceError,
    TooLarge,
)
from verifier.evidence import Checksum, Evidence, Origin
from verifier.layout import SIGNATURE, file_path
from verifier.maven.pom import Pom
from verifier.openpgp.signature import MAX_SIGNATURE_BYTES
from verifier.steps import Work
from verifier.transport import Download, Endpoint, Request

MAX_CHECKSUM_ANSWER_BYTES = 64 * 1024
"""A checksum file takes a hundred bytes; an error page in its place is read and called what it is."""


class Source(Protocol):
    """The network, as far as the corridor knows it."""

    def ask(self, request: Request) -> Future[Download]:
        """Begin one download."""


class Absences(Protocol):
    """What is known not to be there; `now` is in seconds since 1970, UTC."""

    def known_absent(self, urls: Sequence[str], now: int) -> Collection[str]:
        """Tell which of the URLs answered "not found" less than a day ago."""

    def note_absent(self, urls: Iterable[str], now: int) -> None:
        """Remember that the URLs answered "not found"."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A POM that was read as soon as it was here, and the sha256 of the bytes that were read."""

    pom: Pom
    sha256: str


Look: TypeAlias = Callable[[Path], Seen | None]
"""A look at a file that has merely arrived; None where nothing is to be seen."""


@dataclass(slots=True)
class Gathered:
    """What a flight brought.

    `missing` says why something that was asked for could not be had, which is not the same as
    its being absent; `causes` are refusals met on the way.
    """

    file: Download | None = None
    checksums: list[Checksum] = field(default_factory=list)
    signature: bytes | None = None
    signature_where: str = ""
    signature_absent: bool = False
    missing: SourceError | None = None
    causes: list[ReasonedError] = field(default_factory=list)
    downloaded: int = 0
    asked: set[str] = field(default_factory=set)
    seen: Seen | None = None

    def added_to(self, evidence: Evidence) -> Evidence:
        """Give the evidence with everything in it that was gathered."""
        known = set(evidence.checksums)
        has_signature = self.signature is not None
        return replace(
            evidence,
            checksums=(*evidence.checksums, *(checksum for checksum in self.checksums if checksum not in known)),
            signature=self.signature if has_signature else evidence.signature,
            signature_where=self.signature_where or evidence.signature_where,
            signature_absent=not has_signature and (evidence.signature_absent or self.signature_absent),
        )


@dataclass(frozen=True, slots=True)
class Shelf:
    """One coordinate at one repository: where its files are asked for, and how."""

    coordinate: Subject
    endpoint: Endpoint
    source: Source
    absences: Absences
    now: int
    """Seconds since 1970, UTC."""

    @property
    def url(self) -> str:
        """The file's own URL."""
        return f"{self.endpoint.url}/{file_path(self.coordinate)}"

    def ask(self, suffix: str) -> Future[Download]:
        """Ask for what lies beside the file under this suffix."""
        bound = MAX_SIGNATURE_BYTES if suffix == SIGNATURE else MAX_CHECKSUM_ANSWER_BYTES
        return self.source.ask(Request(self.url + suffix, self.endpoint, bound))


def gather_file(
    shelf: Shelf, suffixes: Sequence[str], into: Path, max_bytes: int, look: Look | None = None
) -> Work[Gathered]:
    """Ask for the file and what lies beside it, all at once; `look` is called as soon as the file itself is here.

    Raises: what the download of the file itself ended with; the evidence is then moot.
    """
    gathered = Gathered()
    coming = shelf.source.ask(Request(shelf.url, shelf.endpoint, max_bytes, into))
    beside: dict[str, Future[Download]] = {}
    try:
        beside = _ask(shelf, suffixes, gathered)
        yield (coming,)
        gathered.file = coming.result()
        if look is not None:
            gathered.seen = look(into)
        yield beside.values()
    except BaseException:
        for future in (coming, *beside.values()):
            future.cancel()
        raise
    gathered.downloaded += gathered.file.size
    _read_headers(gathered, gathered.file)
    _collect(shelf, beside, gathered)
    return gathered


def gather_beside(shelf: Shelf, suffixes: Sequence[str], gathered: Gathered) -> Work[None]:
    """Ask for evidence alone, adding to what was gathered before."""
    beside = _ask(shelf, suffixes, gathered)
    yield beside.values()
    _collect(shelf, beside, gathered)


def _ask(shelf: Shelf, suffixes: Sequence[str], gathered: Gathered) -> dict[str, Future[Download]]:
    beside = {}
    absent = shelf.absences.known_absent([shelf.url + suffix for suffix in suffixes], shelf.now)
    for suffix in suffixes:
        gathered.asked.add(suffix)
        if shelf.url + suffix in absent:
            _note_absence(gathered, shelf, suffix)
        else:
            beside[suffix] = shelf.ask(suffix)
    return beside


def _note_absence(gathered: Gathered, shelf: Shelf, suffix: str) -> None:
    if suffix == SIGNATURE:
        gathered.signature_absent = True
        gathered.signature_where = shelf.url + suffix


def _collect(shelf: Shelf, beside: Mapping[str, Future[Download]], gathered: Gathered) -> None:
    for suffix, future in beside.items():
        try:
            download = future.result()
        except NotFound:
            shelf.absences.note_absent([shelf.url + suffix], shelf.now)
            _note_absence(gathered, shelf, suffix)
        except SourceError as error:
            gathered.missing = gathered.missing or error
        except TooLarge as error:
            gathered.causes.append(_not_evidence(suffix, error, shelf.url + suffix))
        except Refusal as refusal:
            gathered.causes.append(refusal)
        else:
            gathered.downloaded += download.size
            if suffix == SIGNATURE:
                gathered.signature, gathered.signature_where = download.data, download.url
            else:
                algorithm = Algorithm(suffix[1:])
                _add_checksum(gathered, algorithm, download.data, Origin.SIDECAR, shelf.url + suffix)


def _not_evidence(suffix: str, error: TooLarge, url: str) -> Refusal:
    kind = SignatureMalformed if suffix == SIGNATURE else ChecksumMalformed
    return kind("the file is far too large for what it should be", expected=error.expected, received=Fact(url))


def _read_headers(gathered: Gathered, download: Download) -> None:
    for name, text in header_checksums(download.headers).items():
        _add_checksum(gathered, header_algorithm(name), text, Origin.HEADER, f"{download.url} (header {name})")


def _add_checksum(gathered: Gathered, algorithm: Algorithm, data: bytes, origin: Origin, where: str) -> None:
    try:
        digest: Digest = parse_checksum(data, algorithm, where)
    except ChecksumMalformed as malformed:
        gathered.causes.append(malformed)
    else:
        gathered.checksums.append(Checksum(digest, origin, where))

"""Keeps the cache right and small: judges all of it again, and makes room.

Which files pass is for the corridor; which were used last, the record knows.  A row of the record
that no admission writes is dropped and told of, and the other files have their turn: whoever can
write one row must not be able to keep every other file from being judged.
"""

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verifier.errors import CacheError, CoordinateInvalid, Fact
from verifier.fetch import Verifier
from verifier.outcome import Outcome, Status
from verifier.record import AdmittedRow

_NO_PLACE = frozenset({errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG})
"""What the disk says of a path at which no file of ours can lie."""


@dataclass(frozen=True, slots=True)
class Use:
    """An admitted file and when it was last judged, in seconds since 1970, UTC."""

    row: AdmittedRow
    seen: int


def scrub(verifier: Verifier) -> Iterator[Outcome]:
    """Hash and judge every admitted file again; what does not pass is taken out of the cache."""
    for admitted in verifier.record.admissions():
        outcome = _judged_again(verifier, verifier.review, admitted.row)
        if outcome is not None:
            yield outcome


def expel(verifier: Verifier, going: Callable[[], bool]) -> list[Outcome]:
    """Take out of the cache what today's rules refuse, while `going` says so; give the refusals.

    What the record no longer needs of files that are gone goes too.
    """
    refused: list[Outcome] = []
    for admitted in verifier.record.admissions():
        if not going():
            return refused
        outcome = _judged_again(verifier, verifier.reconsider, admitted.row)
        if outcome is not None and outcome.status is Status.REFUSED:
            refused.append(outcome)
    verifier.record.drop_spent_evidence()
    return refused


def remove_strangers(verifier: Verifier) -> list[str]:
    """Take files out of the tree that were never admitted; give their paths."""
    removed = []
    for path in verifier.cache.strangers():
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CacheError.of(error, str(path)) from error
        removed.append(str(path))
    return removed


def uses(verifier: Verifier) -> list[Use]:
    """List what is admitted, the longest unused first."""
    rows = [admitted.row for admitted in verifier.record.admissions()]
    return sorted((Use(row, verifier.record.last_seen(row.coordinate)) for row in rows), key=lambda use: use.seen)


def prune(verifier: Verifier, *, max_bytes: int | None, unused_since: int | None) -> list[AdmittedRow]:
    """Take out what was not used since a moment, then the longest unused until the rest fits.

    Units: bytes; seconds since 1970, UTC.
    """
    kept = uses(verifier)
    size = sum(use.row.size for use in kept)
    removed = []
    for use in kept:
        too_old = unused_since is not None and use.seen < unused_since
        too_much = max_bytes is not None and size > max_bytes
        if too_old or too_much:
            _take_out(verifier, use.row)
            size -= use.row.size
            removed.append(use.row)
    verifier.record.drop_spent_evidence()
    return removed


def _judged_again(
    verifier: Verifier, judge: Callable[[AdmittedRow], Outcome | None], row: AdmittedRow
) -> Outcome | None:
    """Judge one admitted file again; a row that no admission writes is refused, and taken out."""
    try:
        return judge(row)
    except CoordinateInvalid as error:
        cause = error
    except CacheError as error:
        if not _is_no_place(error):
            raise
        cause = CoordinateInvalid("no file of the cache can lie there", received=Fact(row.place.path, "the record"))
    _take_out(verifier, row)
    return Outcome(row.coordinate, None, cause, repository=row.place.repository, from_cache=True)


def _take_out(verifier: Verifier, row: AdmittedRow) -> None:
    """Take a file out of the cache; where its row leads to no place of a file, the row alone goes."""
    try:
        verifier.cache.remove(row.place)
    except CoordinateInvalid:
        verifier.record.forget(row.place)
    except CacheError as error:
        if not _is_no_place(error):
            raise
        verifier.record.forget(row.place)


def _is_no_place(error: CacheError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_PLACE

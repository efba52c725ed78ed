"""Keeps the cache right and small: judges all of it again, and makes room.

Which files pass is for the corridor; which were used last, the record knows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verifier.errors import CacheError
from verifier.fetch import Verifier
from verifier.outcome import Outcome, Status
from verifier.record import AdmittedRow


@dataclass(frozen=True, slots=True)
class Use:
    """An admitted file and when it was last judged, in seconds since 1970, UTC."""

    row: AdmittedRow
    seen: int


def scrub(verifier: Verifier) -> Iterator[Outcome]:
    """Hash and judge every admitted file again; what does not pass is taken out of the cache."""
    for admitted in verifier.record.admissions():
        outcome = verifier.review(admitted.row)
        if outcome is not None:
            yield outcome


def expel(verifier: Verifier, going: Callable[[], bool]) -> list[Outcome]:
    """Take out of the cache what today's rules refuse, while `going` says so; give the refusals."""
    refused = []
    for admitted in verifier.record.admissions():
        if not going():
            break
        outcome = verifier.reconsider(admitted.row)
        if outcome is not None and outcome.status is Status.REFUSED:
            refused.append(outcome)
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
            verifier.cache.remove(use.row.place)
            size -= use.row.size
            removed.append(use.row)
    return removed

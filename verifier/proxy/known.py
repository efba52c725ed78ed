"""What the proxy remembers of a file that was judged: the little that answering needs."""

from dataclasses import dataclass

from verifier.coordinate import Subject
from verifier.digest import Algorithm
from verifier.outcome import Outcome, Status


@dataclass(frozen=True, slots=True)
class Content:
    """Verified bytes, and all that is said beside them.

    Shape: `file` is the path in the cache, empty where `made` holds bytes that were put together of
    verified ones; digests are lower-case hex, `md5` empty until it is asked for; `signature` is the
    signature file that was kept.
    """

    file: str
    size: int
    sha1: str
    sha256: str
    sha512: str
    last_modified: str = ""
    signature: bytes | None = None
    made: bytes | None = None
    md5: str = ""

    def digest(self, algorithm: Algorithm) -> str:
        """Give a digest of the bytes; empty where it was not taken."""
        match algorithm:
            case Algorithm.MD5:
                return self.md5
            case Algorithm.SHA1:
                return self.sha1
            case Algorithm.SHA256:
                return self.sha256
            case Algorithm.SHA512:
                return self.sha512


@dataclass(frozen=True, slots=True)
class Known:
    """How one file came out; `content` is None where it was not verified, `record` is the id for `explain`."""

    name: str
    subject: Subject
    status: Status
    code: str
    reason: str
    record: str
    repository: str
    from_cache: bool
    upstream_seconds: float = 0.0
    content: Content | None = None


def known_of(outcome: Outcome, subject: Subject) -> Known:
    """Keep of an outcome what answers need."""
    cause = outcome.cause
    return Known(
        name=outcome.name,
        subject=subject,
        status=outcome.status,
        code="" if cause is None else cause.code,
        reason="" if cause is None else cause.reason,
        record=outcome.record or "",
        repository=outcome.repository or "",
        from_cache=outcome.from_cache,
        upstream_seconds=outcome.upstream_seconds,
        content=_content(outcome) if cause is None else None,
    )


def _content(outcome: Outcome) -> Content:
    evidence = outcome.evidence
    if evidence is None or outcome.file is None:
        raise ValueError("what is verified has a file and evidence")
    digests = {digest.algorithm: digest.value for digest in evidence.digests}
    return Content(
        file=outcome.file,
        size=evidence.size,
        sha1=digests[Algorithm.SHA1],
        sha256=evidence.sha256,
        sha512=digests[Algorithm.SHA512],
        last_modified=evidence.last_modified,
        signature=evidence.signature,
    )

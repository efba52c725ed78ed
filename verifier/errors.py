"""Every error that this package raises, with its reason code and exit status.

The tree::

    VerifierError
    ├── ReasonedError          one artifact, one reason code
    │   ├── Refusal            must not be used                        exit 1
    │   └── SourceError        could not be had, nothing said of trust exit 3
    ├── ConfigError            our own files or arguments are wrong    exit 2
    └── CacheError             the cache directory cannot be used      exit 3

A code is the same kebab-case word in messages, JSON, documentation and tests.  How an error
is shown, and where, is left to the doors.
"""

import errno
import os
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class Fact:
    """One side of a comparison: a value in full and where it comes from."""

    value: str
    origin: str = ""


class VerifierError(Exception):
    """The root of every error raised here."""

    exit_status: ClassVar[int]


class ReasonedError(VerifierError):
    """Why one artifact is not verified: a code, a sentence, both sides, one thing to do.

    `reason` is one lower-case sentence without a full stop.  `hint` overrides the class's own.
    `others` holds what else was found wrong, most important first.
    """

    code: ClassVar[str]
    default_hint: ClassVar[str] = ""

    def __init__(
        self,
        reason: str,
        *,
        expected: Fact | None = None,
        received: Fact | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.expected = expected
        self.received = received
        self.hint = self.default_hint if hint is None else hint
        self.others: tuple[ReasonedError, ...] = ()


class Refusal(ReasonedError):
    """The artifact must not be used."""

    exit_status = 1


class SourceError(ReasonedError):
    """The artifact could not be had; nothing is said about trust."""

    exit_status = 3


# Transport


class InsecureTransport(Refusal):
    """A URL, a redirect or a repository is not https."""

    code = "insecure-transport"
    default_hint = "use the https address; if the server redirects to http, tell its operator"


class TlsUntrusted(Refusal):
    """The server's certificate cannot be trusted, or the protocol is too old."""

    code = "tls-untrusted"
    default_hint = (
        "someone may be between you and the server: compare over another network; "
        "a private authority belongs in the repository's ca-file"
    )


class TlsPinMismatch(Refusal):
    """The certificate's public key is none of those pinned."""

    code = "tls-pin-mismatch"
    default_hint = "do not change the pin before the server's operator has confirmed the new key another way"


class RedirectRefused(Refusal):
    """A redirect leads from public to private, round in a circle, or on and on."""

    code = "redirect-refused"
    default_hint = "ask the repository's operator where the file is served from"


# Size and content


class TooLarge(Refusal):
    """The answer is over its bound."""

    code = "too-large"
    default_hint = "if the file is honestly this large, raise the bound under [limits]"


class Truncated(Refusal):
    """The answer is shorter than announced."""

    code = "truncated"
    default_hint = "try again; if it stays short, the repository or a proxy on the way damages it"


class ContentMismatch(Refusal):
    """The content is not what its name says."""

    code = "content-mismatch"
    default_hint = (
        "look at what the repository serves there: often a login or error page, or a file put in the wrong place"
    )


class CoordinateInvalid(Refusal):
    """A coordinate cannot be read safely."""

    code = "coordinate-invalid"
    default_hint = (
        "write group:artifact:version, group:artifact:extension:version, "
        "group:artifact:extension:classifier:version or pkg:maven/group/artifact@version"
    )


class PomInvalid(Refusal):
    """A POM cannot be read safely."""

    code = "pom-invalid"
    default_hint = "report the POM to its publisher"


class MetadataInvalid(Refusal):
    """A `maven-metadata.xml` cannot be read safely."""

    code = "metadata-invalid"
    default_hint = "name one exact version, or tell the repository's operator"


class NoRepository(Refusal):
    """No repository of the policy serves this group."""

    code = "no-repository"
    default_hint = "add a [[repository]] that serves the group"


class WrongRepository(Refusal):
    """The group is bound to another repository."""

    code = "wrong-repository"
    default_hint = "ask the repository that the policy binds the group to"


# Pins


class PinMismatch(Refusal):
    """The bytes differ from a recorded digest."""

    code = "pin-mismatch"
    default_hint = (
        "do not record the new digest; compare with a copy fetched over another network and ask the publisher"
    )


class Unpinned(Refusal):
    """A lock file alone decides what may be used, and the file is not in it."""

    code = "unpinned"
    default_hint = (
        "find out what asks for it: what a build wants and nobody locked may be somebody else's doing; "
        "if it belongs there, lock it and have the change of the lock file reviewed"
    )


# Checksums


class ChecksumMismatch(Refusal):
    """A published checksum disagrees with the bytes."""

    code = "checksum-mismatch"
    default_hint = "fetch again; if it stays, compare with a copy fetched over another network and ask the publisher"


class ChecksumMalformed(Refusal):
    """A published checksum cannot be read."""

    code = "checksum-malformed"
    default_hint = "look at what the repository serves there; often it is an error page"


class ChecksumMissing(Refusal):
    """A checksum is required and there is none."""

    code = "checksum-missing"
    default_hint = "ask the repository's operator to publish checksums"


class ChecksumWeak(Refusal):
    """Only checksums too weak to count are published."""

    code = "checksum-weak"
    default_hint = "ask the repository's operator to publish a stronger checksum"


# Signatures


class SignatureMissing(Refusal):
    """A signature is required and there is none."""

    code = "signature-missing"
    default_hint = "ask the publisher to sign; compare the digest with a copy from another source before exempting it"


class SignatureMalformed(Refusal):
    """The signature file is not detached signatures over the bytes and nothing else."""

    code = "signature-malformed"
    default_hint = "ask the publisher for a detached signature"


class SignatureBad(Refusal):
    """The signature does not verify."""

    code = "signature-bad"
    default_hint = "do not use the file; fetch it over another network and tell the publisher"


class SignatureWeak(Refusal):
    """The digest or the key is too weak for the signature's date."""

    code = "signature-weak"
    default_hint = "prefer a newer release with a stronger signature"


class SignatureExpired(Refusal):
    """The signature is past its own expiry."""

    code = "signature-expired"
    default_hint = "ask the publisher to sign again, or take a newer release"


class SignatureFuture(Refusal):
    """The signature was made later than now, or before its key."""

    code = "signature-future"
    default_hint = "check this machine's clock; if it is right, ask the publisher"


# Keys


class KeyRevoked(Refusal):
    """The signing key was revoked."""

    code = "key-revoked"
    default_hint = "take a release that was signed by the key's successor"


class KeyExpired(Refusal):
    """The key was expired when the signature was made, as far as our copy knows.

    `fingerprint` is the primary key's where a newer copy of it could tell otherwise.
    """

    code = "key-expired"
    fingerprint: str = ""
    default_hint = "get a newer copy of the key from its owner and list it under [keys] files"


class KeyUntrusted(Refusal):
    """The signer is not trusted for this group."""

    code = "key-untrusted"
    default_hint = "find out from the publisher's own pages which key signs this group before trusting one"


class KeyUnknown(Refusal):
    """There is no key material for a trusted signer; `fingerprint` is the one that the trust entry names."""

    code = "key-unknown"
    fingerprint: str = ""
    default_hint = "get the key from its owner and list it under [keys] files"


class EnginesDisagree(Refusal):
    """Two OpenPGP engines were asked and gave different answers."""

    code = "engines-disagree"
    default_hint = "do not use the file; report the signature and the key to the project: one of the engines is wrong"


class SignatureReplayed(Refusal):
    """The bytes are known, or say of themselves, to be another coordinate."""

    code = "signature-replayed"
    default_hint = "do not use it: an old release served as a new one is how a fixed bug is brought back"


# Unavailable


class NotFound(SourceError):
    """Every repository asked said that the file does not exist."""

    code = "not-found"
    default_hint = "check the spelling and the version"


class Unauthorized(SourceError):
    """The repository wants other credentials (401 or 403)."""

    code = "unauthorized"
    default_hint = "check the repository's credentials in the policy"


class Unreachable(SourceError):
    """No connection could be made, or it broke."""

    code = "unreachable"
    default_hint = "check the network and the repository's address"


class TimedOut(SourceError):
    """The repository was too slow."""

    code = "timed-out"
    default_hint = "try again later, or raise the bound under [limits]"


class ServerError(SourceError):
    """The repository answered 5xx, or HTTP that cannot be read."""

    code = "server-error"
    default_hint = "try again later"


class RateLimited(SourceError):
    """The repository asked for fewer requests (429)."""

    code = "rate-limited"
    default_hint = "try again later, or with fewer --jobs"


class Offline(SourceError):
    """It is not in the cache, and the network may not be asked."""

    code = "offline"
    default_hint = "run once without --offline"


# Not about one artifact


class ConfigError(VerifierError):
    """Our own files or arguments are wrong.  `where` is `file:line`, a file or an option."""

    exit_status = 2

    def __init__(self, where: str, problem: str, *, hint: str = "") -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem
        self.hint = hint


class CacheError(VerifierError):
    """The cache directory, or the record in it, cannot be used as it is."""

    exit_status = 3

    def __init__(self, path: str, problem: str, *, hint: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem
        self.hint = hint

    @classmethod
    def of(cls, error: OSError, path: str) -> Self:
        """Say what the operating system refused to do with `path`, and what to do about it."""
        number = error.errno or 0
        said = os.strerror(number).lower() if number else str(error)
        problem, hint = _DISK_PROBLEMS.get(number, (said, "name another directory with --cache"))
        return cls(path, problem, hint=hint)


_PERMISSION = "give this user write access, or name another directory with --cache"
_IN_THE_WAY = "move it out of the way: inside the cache there are plain directories and files and no links"
_FILES = "raise the limit with ulimit -n, or run with fewer --jobs"
_DISK_PROBLEMS = {
    errno.ENOSPC: ("the disk is full", "make room, or name a directory on another disk with --cache"),
    errno.EDQUOT: ("the disk quota is used up", "make room, or name a directory on another disk with --cache"),
    errno.EFBIG: ("a file would be larger than allowed", "raise the limit with ulimit -f"),
    errno.EROFS: ("the file system is read-only", "name a directory that can be written with --cache"),
    errno.EACCES: ("permission denied", _PERMISSION),
    errno.EPERM: ("operation not permitted", _PERMISSION),
    errno.EIO: ("the disk reports an input/output error", "check the disk, or name another directory with --cache"),
    errno.EMFILE: ("this process has too many open files", _FILES),
    errno.ENFILE: ("the system has too many open files", _FILES),
    errno.ENOTDIR: ("something that is not a directory lies in the way", _IN_THE_WAY),
    errno.EEXIST: ("something that is not a directory lies in the way", _IN_THE_WAY),
    errno.EISDIR: ("a directory lies where a file belongs", _IN_THE_WAY),
    errno.ELOOP: ("a symbolic link lies in the way", _IN_THE_WAY),
    errno.EXDEV: ("this is on another file system than the rest of the cache", "keep the whole cache on one disk"),
    errno.ENAMETOOLONG: ("the name is too long for this file system", "name another directory with --cache"),
}


PRECEDENCE: tuple[type[ReasonedError], ...] = (
    InsecureTransport,
    TlsUntrusted,
    TlsPinMismatch,
    RedirectRefused,
    WrongRepository,
    NoRepository,
    CoordinateInvalid,
    TooLarge,
    Truncated,
    ContentMismatch,
    PomInvalid,
    MetadataInvalid,
    PinMismatch,
    Unpinned,
    ChecksumMismatch,
    ChecksumMalformed,
    ChecksumMissing,
    ChecksumWeak,
    SignatureMissing,
    SignatureMalformed,
    SignatureBad,
    SignatureWeak,
    SignatureExpired,
    SignatureFuture,
    KeyRevoked,
    KeyExpired,
    KeyUntrusted,
    KeyUnknown,
    EnginesDisagree,
    SignatureReplayed,
    NotFound,
    Unauthorized,
    Unreachable,
    TimedOut,
    ServerError,
    RateLimited,
    Offline,
)
"""Which cause names an artifact when several apply: the first one here."""


def first(causes: list[ReasonedError]) -> ReasonedError:
    """Choose the cause that names the artifact; the rest become its `others`.

    Shape: `causes` is not empty.
    """
    ranked = sorted(causes, key=lambda cause: PRECEDENCE.index(type(cause)))
    ranked[0].others = tuple(ranked[1:])
    return ranked[0]

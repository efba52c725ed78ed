"""Looks over a whole installation and says what to do: policy, trust, TLS, keys, engines, cache.

Each check gives findings; how they are shown is for the door.  Nothing is changed.
"""

import shutil
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from importlib import metadata
from pathlib import Path

from verifier import tls
from verifier.errors import ConfigError, NotFound, ReasonedError, Refusal, VerifierError
from verifier.fetch import Rules
from verifier.gnupg_engine import GnupgEngine
from verifier.keyring import Keyring
from verifier.notices import ENDED, WARNED_BEFORE, ending
from verifier.policy import Repository
from verifier.record import Record
from verifier.transport import Endpoint, Request, Transport

FREE_BYTES = 1024 * 1024 * 1024
_ANSWER_BYTES = 1024 * 1024


class Level(Enum):
    """How a finding came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do about it."""

    subject: str
    level: Level
    text: str
    advice: str = ""


def check_policy(rules: Rules, today: date) -> Iterator[Finding]:
    """Look at the policy in effect and at what in it is about to end."""
    policy = rules.policy
    yield Finding("policy", Level.OK, f"{policy.file or 'built in'}, {rules.digest}")
    for notice in ending(policy, today):
        level = Level.PROBLEM if notice.code == ENDED else Level.WARNING
        yield Finding("exemption", level, f"{notice.where}: {notice.message}", notice.hint)
    for entry in policy.trust:
        if entry.expires is not None and entry.expires < today + WARNED_BEFORE:
            text = f"{entry.where}: trust in {', '.join(entry.keys)} for {entry.pattern} ends on {entry.expires}"
            yield Finding("trust", Level.WARNING, text, "ask the owner whether the key was extended or replaced")
    if rules.starter is None:
        yield Finding("trust", Level.OK, f"{len(policy.trust)} entries of the policy; the starter map is off")
    else:
        entries, witnessed = len(rules.starter.entries()), len(rules.starter.witnessed())
        yield Finding(
            "trust",
            Level.OK,
            f"{len(policy.trust)} entries of the policy, {entries} of the starter map, {witnessed} witnessed digests",
        )


def check_keys(rules: Rules, keyring: Keyring, now: datetime) -> Iterator[Finding]:
    """Look at the keys that the policy itself trusts: at hand, revoked, about to expire."""
    for entry in rules.policy.trust:
        for fingerprint in entry.keys:
            certificates = keyring.find(fingerprint)
            name = f"{fingerprint} for {entry.pattern} ({entry.where})"
            if not certificates:
                advice = "get it from its owner and add it: verifier keys import FILE"
                yield Finding("key", Level.WARNING, f"{name} is not at hand", advice)
            for certificate in certificates:
                if certificate.revocation is not None:
                    text = f"{name} is revoked: {certificate.revocation.reason}"
                    yield Finding("key", Level.PROBLEM, text, "ask the owner which key took its place")
                elif certificate.expires is not None and certificate.expires < now + WARNED_BEFORE:
                    text = f"{name} expires on {certificate.expires:%Y-%m-%d}, as far as our copy knows"
                    yield Finding("key", Level.WARNING, text, "get a newer copy: verifier keys refresh")
    yield Finding("keys", Level.OK, f"{len(keyring.primaries())} certificates in key files and key store")


def check_tls(policy_repositories: tuple[Repository, ...]) -> Iterator[Finding]:
    """Say which store of certificate authorities counts, and for which repository."""
    try:
        yield Finding("tls", Level.OK, f"{ssl.OPENSSL_VERSION}; authorities of {tls.system_store()}")
    except ConfigError as error:
        yield Finding("tls", Level.PROBLEM, str(error), error.hint)
    for repository in policy_repositories:
        if repository.ca_file is not None:
            text = f"{repository.id}: authorities of {repository.ca_file} in place of the system's"
            yield Finding("tls", Level.OK, text)


def check_repositories(transport: Transport, endpoints: tuple[Endpoint, ...]) -> Iterator[Finding]:
    """Ask each repository for its front page, to see what TLS and the network say of it."""
    asked = [(one, transport.ask(Request(f"{one.url}/", one, _ANSWER_BYTES))) for one in endpoints]
    for endpoint, future in asked:
        try:
            future.result()
        except NotFound:
            # Most repositories list nothing: an answer over TLS is all that was wanted.
            yield Finding("repository", Level.OK, f"{endpoint.name}: {endpoint.url} answers over TLS")
        except ReasonedError as error:
            level = Level.PROBLEM if isinstance(error, Refusal) else Level.WARNING
            yield Finding("repository", level, f"{endpoint.name}: {error.reason} ({error.code})", error.hint)
        else:
            yield Finding("repository", Level.OK, f"{endpoint.name}: {endpoint.url} answers over TLS")


def check_engines() -> Iterator[Finding]:
    """Say which OpenPGP engines there are."""
    yield Finding("engine", Level.OK, f"native, on cryptography {metadata.version('cryptography')}")
    with tempfile.TemporaryDirectory() as directory:
        gnupg = GnupgEngine(Path(directory))
        try:
            gnupg.start()
            yield Finding("engine", Level.OK, f"gnupg {gnupg.version}")
        except ConfigError as error:
            yield Finding("engine", Level.WARNING, str(error), error.hint)
        finally:
            gnupg.stop()
    if _is_installed("urllib3-future"):
        yield Finding(
            "transport",
            Level.PROBLEM,
            "urllib3-future stands in the place of urllib3, and the transport was not made for it",
            "install verifier into an environment of its own",
        )


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def check_cache(root: Path, record: Record, seal_problem: str) -> Iterator[Finding]:
    """Look at the cache directory, the record in it, and the seal that lets hits be cheap."""
    try:
        record.start()
    except VerifierError as error:
        yield Finding("cache", Level.PROBLEM, str(error), getattr(error, "hint", ""))
        return
    try:
        files = sum(1 for _ in record.admissions())
    finally:
        record.stop()
    free = shutil.disk_usage(root).free
    text = f"{root}: {files} verified files, {free // FREE_BYTES} GiB free"
    if free < FREE_BYTES:
        yield Finding("cache", Level.WARNING, text, "make room: verifier cache prune --max-size SIZE")
    else:
        yield Finding("cache", Level.OK, text)
    if seal_problem:
        advice = "until then every cached file is hashed and judged again at each use"
        yield Finding("seal", Level.WARNING, seal_problem, advice)
    else:
        yield Finding("seal", Level.OK, "this machine's key is its user's alone and outside the cache")

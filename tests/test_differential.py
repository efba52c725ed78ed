"""Our engine against GnuPG and Sequoia: no mutated key or signature is accepted by ours alone.

Ours may refuse what others accept; it may accept nothing that an engine able to judge refuses.
GnuPG decides wherever it can import the key.  Sequoia, whose policy takes no SHA-1 in a key's own
signatures, decides where GnuPG cannot.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pysequoia
import pytest
from conftest import need
from mutations import Case, mutants, signers, split, starts, take_apart
from openpgp_cases import BORN, CONTENT, MADE, bind, certify, flags, lifetime, packet, revoke_subkey, sign, subpacket
from openpgp_cases import certificate as write_certificate

from verifier.digest import Hash
from verifier.errors import ConfigError, KeyUnknown, Refusal, SignatureBad, SignatureMalformed
from verifier.gnupg_engine import GnupgEngine
from verifier.openpgp.certificate import Certificate, index_certificates, parse_certificates, strip
from verifier.openpgp.key import DSA, ECDSA, PublicKey, key_id
from verifier.openpgp.packet import Malformed, read_packets
from verifier.openpgp.signature import (
    Assessment,
    ContentHash,
    Signature,
    assess,
    parse_packet,
    parse_signatures,
    verify,
)
from verifier.openpgp.statement import parse_statement

LEGACY_BEFORE = date(2030, 1, 1)
"""Old evidence counts here: what is compared is whether a signature is good, not what it is worth."""
ASKED_ANYWAY = 10
"""Of this many mutants that we refuse, GnuPG is asked about one: to know how often we are stricter."""
RESTART_AFTER = 2_000
"""Mutants after which GnuPG gets a new home; every changed ring has its own directory in it."""

Verify = Callable[[Signature, PublicKey, ContentHash], None]
Weigh = Callable[[Signature, Certificate, PublicKey, datetime], Assessment]
Judged = tuple[Signature, Certificate, PublicKey]


def running(name: str, prefix: bytes) -> Hash:
    return hashlib.new(name, prefix + CONTENT)


def weigh(signature: Signature, certificate: Certificate, key: PublicKey, now: datetime) -> Assessment:
    return assess(signature, certificate, key, now=now, exact=False, legacy_before=LEGACY_BEFORE, expires=None)


@dataclass
class Native:
    """Our engine, as the corridor uses it; its two halves can be taken out to see what that does."""

    verify: Verify = verify
    weigh: Weigh = weigh

    def accepted(self, case: Case, now: datetime) -> list[Judged]:
        """Give each signature of the file with the key that made it; none where any is not good."""
        try:
            signatures = parse_signatures(case.file, "mutant")
            certificates = parse_certificates(case.ring)
        except (SignatureMalformed, ConfigError):
            return []
        found = [self._find(one, certificates, now) for one in signatures]
        return [one for one in found if one is not None] if None not in found else []

    def _find(self, one: Signature, certificates: Iterable[Certificate], now: datetime) -> Judged | None:
        for certificate, key in _named(one, certificates):
            try:
                self.verify(one, key, running)
            except (SignatureBad, SignatureMalformed):
                continue
            if not self.weigh(one, certificate, key, now).problems:
                return one, certificate, key
        return None


def _named(one: Signature, certificates: Iterable[Certificate]) -> Iterator[tuple[Certificate, PublicKey]]:
    for certificate in certificates:
        for key in (certificate.primary, *(subkey.key for subkey in certificate.subkeys)):
            if one.issuer_fingerprint == key.fingerprint or (
                one.issuer_fingerprint is None and one.issuer_key_id == key.key_id
            ):
                yield certificate, key


@dataclass(frozen=True)
class Answer:
    """What an oracle says: `accepts`, with the signing key and its primary, `refuses` or `cannot judge`."""

    verdict: str
    key: str = ""
    primary: str = ""


@dataclass
class Oracles:
    """GnuPG through our reference engine, and Sequoia."""

    directory: Path
    now: datetime
    asked: int = 0
    figures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.content = self.directory / "content"
        self.content.write_bytes(CONTENT)
        self.gnupg = GnupgEngine(self.directory)
        self.gnupg.start()

    def gnupg_judges(self, one: Signature, ring: bytes) -> Answer:
        self.asked += 1
        if self.asked % RESTART_AFTER == 0:
            self.gnupg.stop()
            self.gnupg.start()
        try:
            answer = self.gnupg.judge(one, ring, self.content, now=self.now)
        except KeyUnknown:
            return Answer("cannot judge")
        except Refusal as error:
            self.figures[f"GnuPG: {error.code}"] += 1
            return Answer("refuses")
        return Answer("accepts", answer.fingerprint, answer.primary)

    def sequoia_accepts(self, one: bytes, ring: bytes) -> bool:
        try:
            certificates = pysequoia.Cert.split_bytes(ring)
            signature = pysequoia.Sig.from_bytes(one)
            pysequoia.verify(bytes=CONTENT, store=lambda _: certificates, signature=signature)
        except Exception:  # noqa: BLE001 - it raises what its parts raise, and any of it means no
            return False
        return True

    def compare(self, case: Case, native: Native) -> None:
        """Ask all about one mutant; fail where we alone accept it."""
        ours = native.accepted(case, self.now)
        for one, certificate, key in ours:
            self._compare_accepted(case, one, certificate, key)
        if not ours:
            self._compare_refused(case)
        self.figures["mutants"] += 1

    def _compare_accepted(self, case: Case, one: Signature, certificate: Certificate, key: PublicKey) -> None:
        sequoia = self.sequoia_accepts(packet(2, one.packet), case.ring)
        gnupg = self.gnupg_judges(one, case.ring)
        self.figures[f"we accept, GnuPG {gnupg.verdict}, Sequoia {'accepts' if sequoia else 'refuses'}"] += 1
        plain = _without_loose_octets(one)
        if gnupg.verdict == "refuses":
            gnupg = self.gnupg_judges(plain, case.ring)
        elif gnupg.verdict == "cannot judge":
            gnupg = self.gnupg_judges(plain, _stripped(case.ring))
        if gnupg.verdict == "accepts":
            assert gnupg.key == key.fingerprint, _shown(case)
            # GnuPG holds no bare key: it knows the same key as another's subkey.
            assert certificate.bare or gnupg.primary == certificate.primary.fingerprint, _shown(case)
            return
        sequoia = sequoia or self.sequoia_accepts(packet(2, plain.packet), _stripped(case.ring))
        sequoia = sequoia or _is_refused_by_policy_alone(one, certificate, key, case.ring)
        if gnupg.verdict == "cannot judge":
            excused = sequoia or _is_like_bare(certificate, case) or _is_digest_short(one, key)
        else:
            excused = _is_digest_short(one, key) or (sequoia and _is_known_to_differ(one, certificate, case.ring))
        assert excused, _shown(case)

    def _compare_refused(self, case: Case) -> None:
        said = f"Sequoia {'accepts' if self.sequoia_accepts(case.file, case.ring) else 'refuses'}"
        gnupg = "was not asked"
        if self.figures["mutants"] % ASKED_ANYWAY == 0:
            try:
                verdicts = {self.gnupg_judges(one, case.ring).verdict for one in parse_signatures(case.file, "mutant")}
            except SignatureMalformed:
                verdicts = {"cannot judge"}
            gnupg = next(one for one in ("refuses", "cannot judge", "accepts") if one in verdicts)
        self.figures[f"we refuse, GnuPG {gnupg}, {said}"] += 1


# What is excused, and why.


def _stripped(ring: bytes) -> bytes:
    """Take away what no key of the ring signed, and the octets that signatures do not cover.

    Of one packet that GnuPG cannot read, it imports nothing; and it finds issuers in those octets alone.
    """
    kept = b""
    for raw in index_certificates(ring):
        issuer = (subpacket(16, bytes.fromhex(key_id(raw.fingerprint))),)
        with suppress(ConfigError):
            for one in read_packets(strip(raw).data):
                is_plain = one.tag == 2 and one.body[0] == 4
                kept += packet(
                    one.tag, replace(take_apart(one.body), unhashed=issuer).written() if is_plain else one.body
                )
    return kept


def _is_refused_by_policy_alone(one: Signature, certificate: Certificate, key: PublicKey, ring: bytes) -> bool:
    """Whether Sequoia refuses this whatever else holds: it is no opinion of the signature.

    Old evidence; a key that says nothing of itself from before the signature, as after a cleaning; one
    that says nothing of its uses.
    """
    stated = [certificate.as_of, *(subkey.as_of for subkey in certificate.subkeys if subkey.key == key)]
    newer = any(moment and one.created and moment > one.created for moment in stated)
    return newer or one.version == 3 or one.digest_name == "sha1" or _has_statement_without_uses(ring)


def _has_statement_without_uses(ring: bytes) -> bool:
    for one in read_packets(_joined_copies(ring)):
        with suppress(Malformed):
            stated = parse_statement(one.body) if one.tag == 2 else None
            if stated and stated.type in {0x10, 0x11, 0x12, 0x13, 0x1F} and stated.key_flags is None:
                return True
    return False


def _is_like_bare(certificate: Certificate, case: Case) -> bool:
    """Whether the key says nothing of itself that others take.

    It says nothing; or, of version 6, not in a direct-key signature.  Both others want that; a user who
    trusts an exact fingerprint does not.
    """
    if certificate.primary.version == 6 and not certificate.bare:
        (six,) = (start for start, _ in starts() if start.label == "version 6")
        return packet(*split(six.ring)[1]) not in case.ring
    return certificate.bare


def _is_digest_short(one: Signature, key: PublicKey) -> bool:
    """Whether the digest is shorter than the key's group, or may be in what a key on a large curve states.

    GnuPG takes none, and leaves with an error for each that it meets; FIPS 186 has room for it.
    """
    if key.algorithm == ECDSA and key.bits > 256:
        return True
    size = {ECDSA: key.bits, DSA: 8 * len(key.parameters[1])}.get(key.algorithm, 0)
    return 8 * hashlib.new(one.digest_name).digest_size < size


def _is_known_to_differ(one: Signature, certificate: Certificate, ring: bytes) -> bool:
    """Whether it is one of the differences between GnuPG and Sequoia, in which we side with Sequoia.

    GnuPG takes no statement of a key over a digest shorter than its curve; one that has ended it takes
    for one that never was, where we let it count until then; of several user ids each goes on saying what
    the key is for, where for us the newest statement does; a direct-key signature does not replace the
    expiry that others state; and an end beyond 32 bits of seconds it counts from the start again.
    """
    late = one.expires is not None and one.expires.timestamp() >= 2**32
    curve = certificate.primary.algorithm == ECDSA and certificate.primary.bits > 256
    found = [(part.tag, part.body[1:2]) for part in read_packets(_joined_copies(ring))]
    return late or curve or EXPIRING in ring or [tag for tag, _ in found].count(13) > 1 or (2, b"\x1f") in found


EXPIRING = subpacket(3, b"")[:4] + b"\x05\x03"


def _joined_copies(ring: bytes) -> bytes:
    return b"".join(raw.data for raw in index_certificates(ring))


def _without_loose_octets(one: Signature) -> Signature:
    """Take away what the signature does not cover, but for the issuer's name."""
    if one.version != 4:
        return one
    parts = take_apart(one.packet)
    issuer = subpacket(16, bytes.fromhex(one.issuer_key_id or ""))
    return parse_packet(replace(parts, unhashed=(issuer,)).written(), "mutant")


def _shown(case: Case) -> str:
    return f"accepted by us alone: {case.label}\nring {case.ring.hex()}\nfile {case.file.hex()}"


@pytest.fixture
def oracles(tmp_path: Path) -> Iterator[Oracles]:
    need("gpg")
    # Sequoia has a clock of its own, so all three go by it.
    oracles = Oracles(tmp_path, datetime.now(tz=UTC))
    yield oracles
    oracles.gnupg.stop()


def test_every_start_is_accepted_by_all_that_can_judge_it(oracles: Oracles) -> None:
    for case, by in starts():
        ((one, _, key),) = Native().accepted(case, oracles.now)

        assert key.fingerprint == by.fingerprint
        oracles.compare(case, Native())
        if case.label not in {"version 3", "SHA-1"}:
            assert oracles.sequoia_accepts(packet(2, one.packet), case.ring), case.label


@pytest.mark.parametrize("seed", range(3))
def test_accepts_no_mutant_that_an_able_engine_refuses(oracles: Oracles, seed: int) -> None:
    for mutant in mutants(seed, 500):
        oracles.compare(mutant, Native())

    assert oracles.figures["mutants"] == 500
    assert oracles.figures["we accept, GnuPG accepts, Sequoia accepts"] > 50
    assert oracles.figures["we refuse, GnuPG refuses, Sequoia refuses"] > 0


def _no_arithmetic(signature: Signature, key: PublicKey, content: ContentHash) -> None:
    """A broken half: every signature is good."""


def _no_weighing(signature: Signature, certificate: Certificate, key: PublicKey, now: datetime) -> Assessment:
    """A broken half: nothing is ever wrong."""
    return Assessment((), legacy=False)


def _without(code: str) -> Weigh:
    def weigh_but(signature: Signature, certificate: Certificate, key: PublicKey, now: datetime) -> Assessment:
        problems = weigh(signature, certificate, key, now).problems
        return Assessment(tuple(problem for problem in problems if problem.code != code), legacy=False)

    return weigh_but


BROKEN = {
    "takes every signature": Native(verify=_no_arithmetic),
    "weighs nothing": Native(weigh=_no_weighing),
    **{
        f"overlooks {code}": Native(weigh=_without(code))
        for code in ("key-revoked", "key-expired", "key-untrusted", "signature-expired", "signature-future")
    },
}


@pytest.mark.parametrize("broken", BROKEN)
def test_finds_an_engine_out_that_is_broken(oracles: Oracles, broken: str) -> None:
    def compare_all() -> None:
        for mutant in mutants(99, 2_000):
            oracles.compare(mutant, BROKEN[broken])

    with pytest.raises(AssertionError, match="accepted by us alone"):
        compare_all()


ALICE, HAND, BOB, *_ = signers()
UID = certify(ALICE, hashed=[flags(3)])
BOUND = packet(14, HAND.body) + bind(ALICE, HAND)
NAME = b"Jane <jane@repo.example>"
ENDING = certify(ALICE, NAME, hashed=[flags(3), lifetime(timedelta(days=1))])
REFUSED = {
    "a subkey revocation that stands behind the primary": Case(
        write_certificate(ALICE, revoke_subkey(ALICE, HAND, 2, MADE), UID, BOUND), packet(2, sign(HAND)), ""
    ),
    "a subkey revocation that stands under a user id": Case(
        write_certificate(ALICE, UID, revoke_subkey(ALICE, HAND, 2, MADE), BOUND), packet(2, sign(HAND)), ""
    ),
    "a subkey revocation that stands under another subkey": Case(
        write_certificate(ALICE, UID, BOUND, packet(14, BOB.body), revoke_subkey(ALICE, HAND, 2, MADE)),
        packet(2, sign(HAND)),
        "",
    ),
    "a binding from before the key": Case(
        write_certificate(ALICE, UID, packet(14, HAND.body), bind(ALICE, HAND, made=BORN - timedelta(days=1))),
        packet(2, sign(HAND)),
        "",
    ),
    "a revocation with an octet behind its numbers": Case(
        write_certificate(ALICE, packet(2, sign(ALICE, ALICE.form, 0x20, made=MADE) + b"x"), UID, BOUND),
        packet(2, sign(HAND)),
        "",
    ),
    "a certification, with the key's expiry, that stands under a subkey": Case(
        write_certificate(ALICE, packet(13, NAME), BOUND, ENDING.removeprefix(packet(13, NAME))),
        packet(2, sign(ALICE)),
        "",
    ),
    "a critical subpacket of which we do nothing": Case(
        write_certificate(ALICE),
        packet(2, sign(ALICE, hashed=[subpacket(31, b"\x01\x08" + bytes(32), critical=True)])),
        "",
    ),
    "a subpacket of a length that it cannot have": Case(
        write_certificate(ALICE), packet(2, sign(ALICE, hashed=[subpacket(5, b"x")])), ""
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_the_others_refuse(oracles: Oracles, name: str) -> None:
    case = REFUSED[name]

    assert Native().accepted(case, oracles.now) == []
    assert not oracles.sequoia_accepts(case.file, case.ring)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 150))
def test_accepts_none_of_a_hundred_thousand_mutants_alone(oracles: Oracles, seed: int) -> None:
    began = datetime.now(tz=UTC)

    for mutant in mutants(seed, 2_000):
        oracles.compare(mutant, Native())

    print(f"\nseed {seed}: {(datetime.now(tz=UTC) - began) / timedelta(seconds=1):.0f} s {dict(oracles.figures)}")  # noqa: T201 - the figures are what it is run for

"""What is known of a signer that was refused, put together so that a person can decide.

Takes judgements of the record, trust entries, statements and certificates as values, and gives
cases: one a signer, in it one a group.  Nothing is decided here.  Where it may be an attack a case
has cautions, and no proposal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from verifier.coordinate import Coordinate
from verifier.errors import KeyExpired, SignatureBad, SignatureWeak
from verifier.judged import ABOUT_THE_SIGNER, Judged, JudgedSignature, Use
from verifier.maven.version import Version
from verifier.openpgp.certificate import Certificate
from verifier.openpgp.key import key_id
from verifier.pattern import Pattern, Reach, parse_pattern
from verifier.statements import Statement, Statements
from verifier.trust import TrustEntry

_MENDABLE = ABOUT_THE_SIGNER | {SignatureWeak.code, KeyExpired.code}
"""What a trust entry can answer for; any other reason to refuse stands whoever the signer is."""
_KEY_ID_DIGITS = 16


class Caution(Enum):
    """Why a signer is not proposed: what it may be, and what to do about that."""

    BAD_SIGNATURE = (
        "a signature here does not verify: do not use the file; fetch it over another network and tell the publisher"
    )
    OTHER_CAUSE = "refused for more than its signer; trust does not mend that: see verifier explain"
    KEY_REVOKED = "the key was revoked as compromised: nothing that it signed counts; look for the publisher's new key"
    CONTRADICTED = "a source withdrew this signer, or the owner's complete list leaves it out: ask the publisher"
    NEW_SIGNER = (
        "a known group has a new signer that nobody states: compare both keys; look on the publisher's own pages for"
        " the new one, and ask there, before anything is trusted"
    )
    NEVER_COUNTS = "the signature can never count: its digest or key is too weak; prefer a newer release"

    @property
    def code(self) -> str:
        """One word for machines."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class KnownSigner:
    """Another key that is known to sign the group, and from where; `versions` are those met here."""

    fingerprint: str
    source: str
    trusted: bool
    certificate: Certificate | None
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a person who trusts the signer would write."""

    pattern: str
    fingerprint: str
    legacy_before: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class GroupCase:
    """One signer and one group.

    `uses` are all judgements of the group's files with a signature by the signer, `waiting` those
    of them that wait for trust.  `stated` is said of the group itself, `wide` by generated
    wildcards.  `since` and `until` are the signatures' own dates.  `trusted` names the entry where
    the signer is trusted already and its key alone is missing.
    """

    group: str
    waiting: tuple[Judged, ...]
    uses: tuple[Use, ...]
    stated: tuple[Statement, ...]
    wide: tuple[Statement, ...]
    known: tuple[KnownSigner, ...]
    cautions: tuple[Caution, ...]
    trusted: TrustEntry | None
    proposal: Proposal | None

    @property
    def standing(self) -> int:
        """How many independent sources state the signer for the group now."""
        return max((statement.standing for statement in self.stated), default=0)

    @property
    def dates(self) -> tuple[datetime, ...]:
        """The dates of the signatures, as they say themselves, sorted."""
        return tuple(sorted(signature.created for _, signature in self.uses if signature.created is not None))

    @property
    def since(self) -> date | None:
        """Since when the key signs the group: by its signatures' own dates, and where others met it."""
        days = [moment.date() for moment in self.dates]
        days += [statement.last for statement in self.stated if statement.last is not None and statement.seen == "good"]
        return min(days, default=None)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions met, in Maven's order."""
        return _versions(judged.coordinate for judged, _ in self.uses)


@dataclass(frozen=True, slots=True)
class SignerCase:
    """All that is known of one signer.

    Shape: `signer` is a primary fingerprint, else what the signatures name; `fingerprint` is None
    where that is a key id which no fingerprint is known for.  `elsewhere` is stated of other groups.
    """

    signer: str
    fingerprint: str | None
    certificate: Certificate | None
    service: str
    elsewhere: tuple[Statement, ...]
    groups: tuple[GroupCase, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look: every trust entry in use, what others state, the keys at hand, and what day it is."""

    trust: Sequence[TrustEntry]
    statements: Statements
    certificates: Callable[[str], tuple[Certificate, ...]]
    today: date


def cases(judged: Iterable[Judged], sources: Sources) -> tuple[SignerCase, ...]:
    """Put together what is known of every signer that something waits for.

    Shape: `judged` holds the newest judgement of each file of the groups concerned, those that were
    verified too; the cases are sorted by the number of files that wait, the most first.
    """
    uses: dict[str, list[Use]] = {}
    for one in sorted(judged, key=lambda one: one.coordinate):
        for signature in one.signatures:
            if signature.signer:
                uses.setdefault(_primary(signature.signer, sources), []).append((one, signature))
    waiting = [
        (signer, of_signer) for signer, of_signer in uses.items() if any(one.waits_for_trust for one, _ in of_signer)
    ]
    found = [_with_versions(_signer_case(signer, of_signer, sources), uses) for signer, of_signer in waiting]
    return tuple(sorted(found, key=lambda case: (-sum(len(group.waiting) for group in case.groups), case.signer)))


def _with_versions(case: SignerCase, uses: Mapping[str, Sequence[Use]]) -> SignerCase:
    """Add to the other signers of each group what they were met with."""

    def met(key: str, group: str) -> tuple[str, ...]:
        coordinates = (judged.coordinate for judged, _ in uses.get(key, ()))
        return _versions(coordinate for coordinate in coordinates if coordinate.group == group)

    groups = (
        replace(group, known=tuple(replace(one, versions=met(one.fingerprint, group.group)) for one in group.known))
        for group in case.groups
    )
    return replace(case, groups=tuple(groups))


def _primary(signer: str, sources: Sources) -> str:
    """Name a signer by its primary key where that is at hand: a key may have come since the judgement."""
    certificate = next(iter(sources.certificates(signer)), None)
    return signer if certificate is None else certificate.primary.fingerprint


def _signer_case(signer: str, uses: Sequence[Use], sources: Sources) -> SignerCase:
    certificate = next(iter(sources.certificates(signer)), None)
    fingerprint = _full(signer, sources)
    names = signing_names(fingerprint or signer, certificate)
    stated = sources.statements.of_signer(fingerprint or signer)
    groups = sorted({judged.coordinate.group for judged, _ in uses if judged.waits_for_trust})
    case = SignerCase(
        signer=signer,
        fingerprint=fingerprint,
        certificate=certificate,
        service=service_of(names, sources),
        elsewhere=tuple(one for one in stated if not any(one.covers(group) for group in groups)),
        groups=(),
    )
    of_groups = (
        _group_case(case, group, [use for use in uses if use[0].coordinate.group == group], stated, sources)
        for group in groups
    )
    return replace(case, groups=tuple(of_groups))


def service_of(names: frozenset[str], sources: Sources) -> str:
    """Say what a key is where the starter map knows it as a service's; else nothing."""
    return next((e.reason for e in sources.trust if e.kind == "service" and not names.isdisjoint(e.keys)), "")


def _full(signer: str, sources: Sources) -> str | None:
    """Find the fingerprint that a policy can name.

    Old signatures name a key id alone; who states a fingerprint with that id does so for some group,
    and whether it is that key is known only once the signature was checked with it.
    """
    if len(signer) != _KEY_ID_DIGITS:
        return signer
    entries = (key for entry in sources.trust for key in entry.keys if key_id(key) == signer)
    found = {*entries, *(statement.fingerprint for statement in sources.statements.of_signer(signer))}
    return found.pop() if len(found) == 1 else None


def signing_names(fingerprint: str, certificate: Certificate | None) -> frozenset[str]:
    """Give the fingerprints under which a key may be named: its own and its subkeys'."""
    subkeys = () if certificate is None else certificate.subkeys
    return frozenset({fingerprint, *(subkey.key.fingerprint for subkey in subkeys)})


def _group_case(
    signer: SignerCase, group: str, uses: Sequence[Use], stated: Sequence[Statement], sources: Sources
) -> GroupCase:
    names = signing_names(signer.fingerprint or signer.signer, signer.certificate)
    covering = tuple(one for one in stated if one.covers(group))
    narrow = tuple(one for one in covering if not one.is_wide)
    known = known_signers(parse_pattern(group), names, sources)
    waiting = tuple(dict.fromkeys(judged for judged, _ in uses if judged.waits_for_trust))
    trusted = _trusted(waiting, names, sources)
    cautions = (
        *key_cautions(signer.certificate, stated, narrow),
        *_file_cautions(uses),
        *(new_signer_cautions(known, narrow) if trusted is None else ()),
    )
    case = GroupCase(
        group=group,
        waiting=waiting,
        uses=tuple(uses),
        stated=narrow,
        wide=tuple(one for one in covering if one.is_wide),
        known=known,
        cautions=tuple(dict.fromkeys(cautions)),
        trusted=trusted,
        proposal=None,
    )
    if signer.fingerprint is None or cautions or trusted is not None:
        return case
    waiting_uses = [use for use in uses if use[0].waits_for_trust]
    proposal = Proposal(
        pattern=group,
        fingerprint=signer.fingerprint,
        legacy_before=legacy_before(signature for _, signature in waiting_uses),
        reason=reason(waiting_uses, case.standing, signer.service),
    )
    return replace(case, proposal=proposal)


def known_signers(pattern: Pattern, names: frozenset[str], sources: Sources) -> tuple[KnownSigner, ...]:
    """List the other keys that are trusted, or stated by somebody now, for what meets the pattern."""
    found: dict[str, tuple[str, bool]] = {}
    for entry in sources.trust:
        if _meet(entry.pattern, pattern):
            found |= {key: (_source(entry), True) for key in entry.keys if key not in found}
    for statement in sources.statements.of_group(pattern.group):
        if statement.standing and not statement.is_wide and statement.revoked != "hard":
            found.setdefault(statement.fingerprint, (f"stated by {statement.standing} for {statement.pattern}", False))
    return tuple(
        KnownSigner(key, source, trusted, next(iter(sources.certificates(key)), None))
        for key, (source, trusted) in found.items()
        if key not in names
    )


def is_trusted_for(pattern: Pattern, names: frozenset[str], trust: Iterable[TrustEntry]) -> bool:
    """Whether an entry trusts the key for all that the pattern takes."""
    covering = (entry for entry in trust if _takes_all_of(entry.pattern, pattern))
    return any(not names.isdisjoint(entry.keys) for entry in covering)


def _takes_all_of(wider: Pattern, pattern: Pattern) -> bool:
    is_deep_enough = wider.reach is Reach.BELOW or pattern.reach is not Reach.BELOW
    whole_groups = wider.names_groups_only and wider.covers_group(pattern.group) and is_deep_enough
    return whole_groups or wider.text == pattern.text


def _meet(first: Pattern, second: Pattern) -> bool:
    return first.covers_group(second.group) or second.covers_group(first.group)


def _source(entry: TrustEntry) -> str:
    return f"{entry.where}: {entry.pattern}" + (f" ({entry.origin})" if entry.origin else "")


def key_cautions(
    certificate: Certificate | None, stated: Iterable[Statement], of_group: Iterable[Statement]
) -> Iterator[Caution]:
    """Say what speaks against the key itself: a revocation for good, or that a source withdrew it."""
    own = certificate is not None and certificate.revocation is not None and certificate.revocation.hard
    if own or any(statement.revoked == "hard" for statement in stated):
        yield Caution.KEY_REVOKED
    if any(statement.is_contradicted for statement in of_group):
        yield Caution.CONTRADICTED


def new_signer_cautions(known: Sequence[KnownSigner], of_group: Iterable[Statement]) -> Iterator[Caution]:
    """Say where a group that is known to be signed by others has a signer whom nobody states for it."""
    if known and not any(statement.standing for statement in of_group):
        yield Caution.NEW_SIGNER


def _file_cautions(uses: Iterable[Use]) -> Iterator[Caution]:
    for judged, signature in uses:
        if SignatureBad.code in {*judged.codes, *(other.status for other in judged.signatures)}:
            yield Caution.BAD_SIGNATURE
        elif judged.waits_for_trust and not _MENDABLE.issuperset(judged.codes):
            yield Caution.OTHER_CAUSE
        if signature.status == SignatureWeak.code and not signature.legacy:
            yield Caution.NEVER_COUNTS


def _trusted(waiting: Iterable[Judged], names: frozenset[str], sources: Sources) -> TrustEntry | None:
    """Find the entry that trusts the signer already, for everything that waits."""
    found = None
    for judged in waiting:
        entries = (e for e in sources.trust if e.pattern.matches(judged.coordinate) and not names.isdisjoint(e.keys))
        found = next(entries, None)
        if found is None:
            return None
    return found


def legacy_before(signatures: Iterable[JudgedSignature]) -> date | None:
    """Choose the day before which legacy evidence must count for these to pass: that after the last one refused."""
    days = [s.created.date() for s in signatures if s.created and s.legacy and s.status == SignatureWeak.code]
    return max(days) + timedelta(days=1) if days else None


def reason(uses: Iterable[Use], standing: int, service: str) -> str:
    """Write the evidence behind an entry in one line; `service` is not empty where the key is a service's."""
    pairs = tuple(uses)
    versions = _versions(judged.coordinate for judged, _ in pairs)
    days = sorted(signature.created.date() for _, signature in pairs if signature.created is not None)
    text = f"signs {_span(versions)} in {_count(len(pairs), 'file')}"
    if days:
        text += f", dated {_span(tuple(map(str, dict.fromkeys(days))))}"
    text += f"; stated by {_count(standing, 'other')}" if standing else "; stated by nobody else"
    return f"{text}; the key of a service: it tells who uploaded, not who made it" if service else text


def _versions(coordinates: Iterable[Coordinate]) -> tuple[str, ...]:
    return tuple(sorted({coordinate.version for coordinate in coordinates}, key=Version.parse))


def _span(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{values[0]} to {values[-1]}" if values else "nothing"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""A public key with what it says of itself: expiry, revocation, and the subkeys it bound.

Only what the primary key signed counts; certifications by others are dropped before they are
read.  What is found here says nothing about trust, and nothing about now: a certificate is the
same value whenever it is read.  A statement dated in the future therefore counts like any other.

What counts is what a signature covers, not where it stands: order and nesting of packets, and the
octets that no digest covers, are anybody's.  Of two statements of one second the stricter counts.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from verifier.errors import ConfigError
from verifier.openpgp import packet as packets
from verifier.openpgp.armor import MAX_KEY_FILE_BYTES, public_key_blocks
from verifier.openpgp.key import PublicKey, fingerprint_of, hashed_form, parse_key
from verifier.openpgp.packet import Malformed, Packet, read_packets
from verifier.openpgp.statement import SHA1, STRONG_DIGESTS, Statement, parse_statement, seems_over, verified

MAX_KEY_FILE_PACKETS = 200_000
"""Enough for twenty thousand certifications of one key, or some ten thousand keys."""
MAX_USER_ID_BYTES = 4 * 1024
MAX_OWN_SIGNATURES = 512
"""How many signatures of one certificate may claim to be its own; foreign ones are not counted."""
MAX_PLACES_TRIED = 10_000
"""How many user ids and subkeys are tried, one digest each, to find what misplaced signatures cover."""
MAX_BACK_SIGNATURES = 4

_CERTIFICATIONS = frozenset({0x10, 0x11, 0x12, 0x13})
_SUBKEY_BINDING, _BACK_SIGNATURE, _DIRECT_KEY, _KEY_REVOCATION, _SUBKEY_REVOCATION = 0x18, 0x19, 0x1F, 0x20, 0x28
_CERTIFICATION_REVOCATION = 0x30
_MAY_SIGN = 0x02
_REASONS = {None: "no reason given", 0: "no reason given", 1: "superseded", 2: "compromised", 3: "retired"}
_REASONS |= {32: "user id no longer valid"}
_SOFT_REASONS = frozenset({1, 3, 32})
_KEPT = frozenset({packets.PUBLIC_KEY, packets.SUBKEY, packets.USER_ID, packets.USER_ATTRIBUTE, packets.SIGNATURE})
_READ_OVER = frozenset({packets.TRUST, packets.MARKER, packets.PADDING})
_ALWAYS = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a key was withdrawn: a hard one for all of its signatures, a soft one for later ones."""

    made: datetime
    hard: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Subkey:
    """A subkey that its primary bound; `signs` where it agreed itself and is meant to sign.

    `as_of` is the date of the binding that says so.
    """

    key: PublicKey
    signs: bool
    expires: datetime | None
    revocation: Revocation | None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A primary key and what it says of itself.

    `bare` where it says nothing: its expiry and revocation are then unknown.  `as_of` is the date
    of its newest signature over itself, the age of this copy.  `signs` is False where that one
    keeps the primary for other uses.
    """

    primary: PublicKey
    expires: datetime | None
    revocation: Revocation | None
    subkeys: tuple[Subkey, ...]
    bare: bool
    as_of: datetime | None
    signs: bool = True


@dataclass(frozen=True, slots=True)
class RawCertificate:
    """Where a certificate is in a file of keys: its packets, unread but for the fingerprints.

    `subkey_fingerprints` are claims; whether the primary bound them is read from `data`.
    """

    fingerprint: str
    subkey_fingerprints: tuple[str, ...]
    data: bytes


def _ignore(_reason: str) -> None:
    """Let what was skipped go unreported."""


def index_certificates(
    data: bytes, *, origin: str = "key material", skipped: Callable[[str], None] = _ignore
) -> tuple[RawCertificate, ...]:
    """Split a file of keys into its certificates without checking a signature.

    Shape: binary, or armour blocks with prose between; copies of one key are put together; only
    keys, user ids and signatures are kept.  `skipped` is told why a part was left out.

    Raises: `ConfigError` naming `origin` when the file is too large or holds no key at all.
    """
    if len(data) > MAX_KEY_FILE_BYTES:
        raise ConfigError(origin, f"{len(data)} bytes of keys, and the bound is {MAX_KEY_FILE_BYTES}")
    reasons: list[str] = []
    copies: dict[str, list[RawCertificate]] = {}
    budget = iter(range(MAX_KEY_FILE_PACKETS))
    for block in public_key_blocks(data, reasons.append):
        for raw in _split(block, budget, reasons.append):
            copies.setdefault(raw.fingerprint, []).append(raw)
    for reason in reasons:
        skipped(reason)
    if not copies:
        raise ConfigError(origin, f"no OpenPGP public key is in it{''.join(f'; {reason}' for reason in reasons[:3])}")
    return tuple(_join(same) for same in copies.values())


def parse_certificates(
    data: bytes, *, origin: str = "key material", skipped: Callable[[str], None] = _ignore
) -> tuple[Certificate, ...]:
    """Read every certificate of a file of keys, each once, in the order of their first copies.

    A key that cannot be used is left out, and `skipped` is told why.

    Raises: `ConfigError` naming `origin` when the file is too large or holds no key at all.
    """
    certificates = []
    for raw in index_certificates(data, origin=origin, skipped=skipped):
        try:
            certificates.append(_assemble(raw))
        except Malformed as error:
            skipped(f"key {raw.fingerprint} cannot be used: {error}")
    return tuple(certificates)


def isolate(raw: RawCertificate, fingerprint: str, *, origin: str = "key material") -> Certificate:
    """Take a subkey out of its certificate as a bare key: what an exactly named one counts as, bound or not.

    It stays revoked where its primary revoked it, or was revoked itself.

    Raises: `ConfigError` naming `origin` when the subkey is not there or cannot be used.
    """
    components = _components(raw.data)
    named = (body for tag, body in components if tag == packets.SUBKEY and _fingerprint(body) == fingerprint)
    body = next(named, None)
    if body is None:
        raise ConfigError(origin, f"subkey {fingerprint} is not in certificate {raw.fingerprint}")
    try:
        key, whole = parse_key(body), _assemble(raw)
        component = (packets.SUBKEY, body)
        own = _own_statements(whole.primary, components)[component]
    except Malformed as error:
        raise ConfigError(origin, f"key {fingerprint} cannot be used: {error}") from error
    revocation = _gravest(whole.revocation, _subkey_revocation(whole.primary, component, own))
    return Certificate(key, None, revocation, (), bare=True, as_of=None)


def strip(raw: RawCertificate, *, origin: str = "key material") -> RawCertificate:
    """Keep what the primary key signed, and nothing else: the form in which a certificate is stored.

    Copies become one, and equal sets of statements become equal octets.  Of one statement in several
    wrappings the one with a good back-signature stays, else the shortest: what a digest does not
    cover is anybody's, and a flood of wrappings would make the certificate too large to be read.

    Raises: `ConfigError` naming `origin` when the key cannot be used.
    """
    components = _components(raw.data)
    (tag, body), _ = next(iter(components.items()))
    kept: dict[_Component, dict[bytes, bytes]] = {(tag, body): {}}
    try:
        primary = parse_key(body)
        for component, signature, statement in _owned(primary, components):
            same = kept.setdefault(component, {})
            other = same.get(statement.trailer, signature)
            same[statement.trailer] = min(other, signature, key=lambda one: _wrapping(primary, component, one))
    except Malformed as error:
        raise ConfigError(origin, f"key {raw.fingerprint} cannot be used: {error}") from error
    packets_kept = [
        Packet(tag, body) for component, own in sorted(kept.items()) for tag, body in _in_order(component, own)
    ]
    return RawCertificate(
        raw.fingerprint, tuple(_subkey_fingerprints(packets_kept)), b"".join(map(_frame, packets_kept))
    )


def user_ids(raw: RawCertificate) -> tuple[str, ...]:
    """Give the names that the certificate bears; whether its key signed them is known only after `strip`.

    Shape: in the order of the packets; octets that are no UTF-8 are replaced.
    """
    named = (packet.body for packet in read_packets(raw.data) if packet.tag == packets.USER_ID)
    return tuple(dict.fromkeys(body[:MAX_USER_ID_BYTES].decode("utf-8", "replace") for body in named))


def merge(first: Certificate, second: Certificate) -> Certificate:
    """Put together what two copies of one certificate say.

    The newer copy's expiry counts, every revocation counts, and subkeys add up; a bare copy adds
    nothing to a full one.  Shape: both have the same primary key.
    """
    newer, older = sorted((first, second), key=lambda copy: (copy.bare, -_seconds(copy.as_of)))
    subkeys = {subkey.key.fingerprint: subkey for subkey in older.subkeys}
    for subkey in newer.subkeys:
        other = subkeys.get(subkey.key.fingerprint)
        subkeys[subkey.key.fingerprint] = subkey if other is None else _merge_subkeys(subkey, other)
    is_tie = newer.as_of == older.as_of
    return replace(
        newer,
        expires=_earliest(newer.expires, older.expires) if is_tie else newer.expires,
        signs=newer.signs and (older.signs or not is_tie),
        revocation=_gravest(newer.revocation, older.revocation),
        subkeys=tuple(subkeys[fingerprint] for fingerprint in sorted(subkeys)),
    )


def _merge_subkeys(first: Subkey, second: Subkey) -> Subkey:
    # One binding may have come with its back-signature and without: that stands outside its digest.
    newer = max(first, second, key=lambda subkey: (_seconds(subkey.as_of), subkey.signs))
    ends = (first.expires, second.expires) if first.as_of == second.as_of else (newer.expires,)
    return replace(newer, expires=_earliest(*ends), revocation=_gravest(first.revocation, second.revocation))


def _seconds(moment: datetime | None) -> float:
    return -1.0 if moment is None else moment.timestamp()


def _earliest(*ends: datetime | None) -> datetime | None:
    return min((end for end in ends if end is not None), default=None)


def _gravest(*revocations: Revocation | None) -> Revocation | None:
    """Choose the one that refuses most: a hard one, else the earliest."""
    given = [revocation for revocation in revocations if revocation is not None]
    return min(given, key=lambda revocation: (not revocation.hard, revocation.made), default=None)


def _split(block: bytes, budget: Iterator[int], skipped: Callable[[str], None]) -> Iterator[RawCertificate]:
    """Cut a block where primary keys begin; a certificate that is not whole is left out."""
    group: list[Packet] = []
    try:
        for packet in _count(read_packets(block), budget):
            if packet.tag in {packets.PUBLIC_KEY, packets.SECRET_KEY}:
                yield from _seal(group, skipped)
                group = []
            if packet.tag not in _READ_OVER:
                group.append(packet)
    except Malformed as error:
        skipped(f"the packets of {_describe(group)} break off: {error}")
    else:
        yield from _seal(group, skipped)


def _count(found: Iterator[Packet], budget: Iterator[int]) -> Iterator[Packet]:
    for packet in found:
        if next(budget, None) is None:
            raise Malformed(f"the file has more than {MAX_KEY_FILE_PACKETS} packets")
        yield packet


def _seal(group: list[Packet], skipped: Callable[[str], None]) -> Iterator[RawCertificate]:
    if not group:
        return
    strange = {packet.tag for packet in group} - _KEPT
    if strange or group[0].tag != packets.PUBLIC_KEY:
        skipped(f"packets of type {sorted(strange) or group[0].tag} where a public key should be")
        return
    fingerprint = _fingerprint(group[0].body)
    if fingerprint is None:
        skipped("a key is of a version other than 4 and 6, or oversized")
        return
    yield RawCertificate(fingerprint, tuple(_subkey_fingerprints(group)), b"".join(map(_frame, group)))


def _subkey_fingerprints(group: list[Packet]) -> Iterator[str]:
    found = (_fingerprint(packet.body) for packet in group if packet.tag == packets.SUBKEY)
    return (fingerprint for fingerprint in found if fingerprint is not None)


def _fingerprint(body: bytes) -> str | None:
    try:
        return fingerprint_of(body)
    except Malformed:
        return None


def _frame(packet: Packet) -> bytes:
    return bytes([0xC0 | packet.tag, 0xFF]) + len(packet.body).to_bytes(4, "big") + packet.body


def _describe(group: list[Packet]) -> str:
    fingerprint = _fingerprint(group[0].body) if group else None
    return "a key" if fingerprint is None else f"key {fingerprint}"


def _join(copies: list[RawCertificate]) -> RawCertificate:
    fingerprints = dict.fromkeys(name for raw in copies for name in raw.subkey_fingerprints)
    return RawCertificate(copies[0].fingerprint, tuple(fingerprints), b"".join(raw.data for raw in copies))


_Component = tuple[int, bytes]
_Components = dict[_Component, dict[bytes, None]]
"""The signatures that stand under each component, both in their first order and each once."""


def _assemble(raw: RawCertificate) -> Certificate:
    """Read one certificate: parse the primary, then weigh each component's own signatures."""
    components = _components(raw.data)
    (_, body), _ = next(iter(components.items()))
    primary = parse_key(body)
    statements = _own_statements(primary, components)
    form = primary.hashed_form
    over_primary = [statement for own in statements.values() for statement in own]
    revocations = list(verified(_of_types(over_primary, {_KEY_REVOCATION}), primary, form))
    newest = _newest(primary, _of_components(statements, _CERTIFICATIONS | {_DIRECT_KEY}), primary.created)
    return Certificate(
        primary=primary,
        expires=_earliest(*(_expiry(primary, statement) for statement in newest)),
        revocation=_gravest(*map(_revocation, revocations)),
        subkeys=tuple(_subkeys(primary, statements)),
        bare=not newest,
        as_of=newest[0].created if newest else None,
        signs=all(statement.key_flags is None or statement.key_flags & _MAY_SIGN for statement in newest),
    )


def _components(data: bytes) -> _Components:
    components: _Components = {}
    current: dict[bytes, None] = {}
    for packet in read_packets(data):
        if packet.tag == packets.SIGNATURE:
            current[packet.body] = None
        else:
            current = components.setdefault((packet.tag, packet.body), {})
    return components


def _own_statements(primary: PublicKey, components: _Components) -> dict[_Component, list[Statement]]:
    """Keep what claims to be by the primary, under each component that it may be about."""
    own: dict[_Component, list[Statement]] = {component: [] for component in components}
    for component, _, statement in _claims(primary, components):
        own[component].append(statement)
    return own


def _owned(primary: PublicKey, components: _Components) -> Iterator[tuple[_Component, bytes, Statement]]:
    """Give every signature that the primary made, with the component that it is about."""
    return (claim for claim in _claims(primary, components) if _is_good(primary, claim[0], claim[2]))


def _claims(primary: PublicKey, components: _Components) -> Iterator[tuple[_Component, bytes, Statement]]:
    """Give what claims to be by the primary, with each component that it may be about.

    A signature names its issuer by key id or by fingerprint, and both hold the same eight octets:
    where they do not occur it is someone else's, and a flood of those costs one search each.
    """
    issuer = bytes.fromhex(primary.key_id)
    budget = iter(range(MAX_PLACES_TRIED))
    count = 0
    for component, signatures in components.items():
        named = [body for body in signatures if issuer in body]
        count += len(named)
        if count > MAX_OWN_SIGNATURES:
            raise Malformed(f"more than {MAX_OWN_SIGNATURES} signatures claim to be its own")
        for body in named:
            for statement in _statements([body]):
                for place in _places(primary, component, statement, components, budget):
                    yield place, body, statement


def _places(
    primary: PublicKey, component: _Component, statement: Statement, components: _Components, budget: Iterator[int]
) -> Iterator[_Component]:
    """Give what the statement may be about: what it stands under, else all whose digest begins as it says."""
    if statement.type in {_DIRECT_KEY, _KEY_REVOCATION}:
        yield next(iter(components))
        return
    form = _covered(primary, component, statement)
    if form is not None:
        yield component
        if seems_over(statement, form):
            return
    for other in components:
        if next(budget, None) is None:
            raise Malformed("too many signatures stand under what they are not about")
        form = _covered(primary, other, statement)
        if form is not None and other != component and seems_over(statement, form):
            yield other


def _is_good(primary: PublicKey, component: _Component, statement: Statement) -> bool:
    form = _covered(primary, component, statement)
    return form is not None and any(verified(iter([statement]), primary, form))


def _covered(primary: PublicKey, component: _Component, statement: Statement) -> bytes | None:
    """Give what a statement's digest covers before its own octets; None where it does not belong there."""
    tag, body = component
    if statement.type in {_DIRECT_KEY, _KEY_REVOCATION}:
        return primary.hashed_form
    if tag == packets.USER_ID and statement.type in _CERTIFICATIONS | {_CERTIFICATION_REVOCATION}:
        lead = b"" if statement.version == 3 else b"\xb4" + len(body).to_bytes(4, "big")  # noqa: PLR2004 - RFC 9580, 5.2.4
        return primary.hashed_form + lead + body if len(body) <= MAX_USER_ID_BYTES else None
    if tag != packets.SUBKEY or statement.type not in {_SUBKEY_BINDING, _SUBKEY_REVOCATION}:
        return None
    try:
        return primary.hashed_form + hashed_form(body)
    except Malformed:
        return None


def _wrapping(primary: PublicKey, component: _Component, signature: bytes) -> tuple[bool, int, bytes]:
    """Rank one wrapping of a statement, the best one lowest."""
    agrees = False
    if component[0] == packets.SUBKEY:
        try:
            key = parse_key(component[1])
        except Malformed:
            pass  # a subkey for encryption signs nothing back
        else:
            agrees = _agrees(key, parse_statement(signature), primary.hashed_form + key.hashed_form)
    return not agrees, len(signature), signature


def _in_order(component: _Component, own: dict[bytes, bytes]) -> Iterator[tuple[int, bytes]]:
    yield component
    yield from ((packets.SIGNATURE, own[trailer]) for trailer in sorted(own))


def _statements(bodies: list[bytes]) -> Iterator[Statement]:
    for body in bodies:
        try:
            statement = parse_statement(body)
        except Malformed:
            continue
        if statement.digest_algorithm in STRONG_DIGESTS | {SHA1}:
            yield statement


def _of_types(statements: list[Statement], types: Collection[int]) -> Iterator[Statement]:
    return (statement for statement in statements if statement.type in types)


def _of_components(
    statements: dict[_Component, list[Statement]], types: Collection[int]
) -> Iterator[tuple[_Component, Statement]]:
    return ((component, statement) for component, own in statements.items() for statement in _of_types(own, types))


def _newest(primary: PublicKey, found: Iterable[tuple[_Component, Statement]], born: datetime) -> list[Statement]:
    """Give the good ones of the newest second that has any; none from before the key was `born`."""

    def date(one: tuple[_Component, Statement]) -> float:
        return -_seconds(one[1].created)

    alive = [one for one in found if one[1].created is not None and one[1].created >= born]
    for _, same in groupby(sorted(alive, key=date), date):
        good = [statement for component, statement in same if _is_good(primary, component, statement)]
        if good:
            return good
    return []


def _subkeys(primary: PublicKey, statements: dict[_Component, list[Statement]]) -> Iterator[Subkey]:
    for component, own in statements.items():
        if component[0] != packets.SUBKEY or not own:
            continue
        try:
            key = parse_key(component[1])
        except Malformed:
            # Most subkeys are for encryption, with algorithms that make no signature.
            continue
        form = primary.hashed_form + key.hashed_form
        bindings = _newest(
            primary, _of_components({component: own}, {_SUBKEY_BINDING}), max(primary.created, key.created)
        )
        if not bindings:
            continue
        # A back-signature may stand outside of the digest: of one binding, one copy has it and another not.
        agreed = {one.trailer for one in bindings if (one.key_flags or 0) & _MAY_SIGN and _agrees(key, one, form)}
        yield Subkey(
            key=key,
            signs=agreed == {one.trailer for one in bindings},
            expires=_earliest(*(_expiry(key, binding) for binding in bindings)),
            revocation=_subkey_revocation(primary, component, own),
            as_of=bindings[0].created,
        )


def _subkey_revocation(primary: PublicKey, component: _Component, own: list[Statement]) -> Revocation | None:
    good = (one for one in _of_types(own, {_SUBKEY_REVOCATION}) if _is_good(primary, component, one))
    return _gravest(*map(_revocation, good))


def _agrees(key: PublicKey, binding: Statement, form: bytes) -> bool:
    """Whether a signing subkey signed its binding back.

    Without that anyone could bind a stranger's key under his own and claim what it signed.
    """
    back_signatures = _of_types(list(_statements(list(binding.embedded[:MAX_BACK_SIGNATURES]))), {_BACK_SIGNATURE})
    return next(verified(back_signatures, key, form), None) is not None


def _expiry(key: PublicKey, statement: Statement) -> datetime | None:
    """Give the day on which the key, or what the statement says of it, ends; the earlier one."""
    ends = [] if statement.expires is None else [statement.expires]
    if statement.key_lifetime:
        ends.append(key.created + timedelta(seconds=statement.key_lifetime))
    return min(ends, default=None)


def _revocation(statement: Statement) -> Revocation:
    reason = _REASONS.get(statement.revocation_reason, f"reason {statement.revocation_reason}")
    return Revocation(statement.created or _ALWAYS, statement.revocation_reason not in _SOFT_REASONS, reason)

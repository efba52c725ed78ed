"""Changes keys and signatures by chance: bit by bit, part by part, and signed anew by the right and the wrong key.

It shares no code with the room under test.  A case is a ring of certificates and a signature file
over `CONTENT`; a mutant is one that was changed once or twice.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from random import Random

from openpgp_cases import (
    BORN,
    CONTENT,
    MADE,
    NAMES,
    SHA1,
    SHA256,
    SHA384,
    SHA512,
    Signer,
    _numbers,
    back_signature,
    bind,
    certificate,
    certify,
    dsa_private,
    ec_private,
    ed,
    flags,
    lifetime,
    mpi,
    over_key,
    packet,
    reason,
    revoke_subkey,
    rsa_private,
    rsa_signer,
    sign,
    signer,
    subpacket,
)

DAY = timedelta(days=1)
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Case:
    """A ring of certificates, and a signature file over the content."""

    ring: bytes
    file: bytes
    label: str


@dataclass(frozen=True)
class Parts:
    """A version 4 signature taken apart; subpackets with their lengths, numbers as integers."""

    head: bytes
    hashed: tuple[bytes, ...]
    unhashed: tuple[bytes, ...]
    left: bytes
    numbers: tuple[int, ...]

    def written(self, numbers: bytes | None = None) -> bytes:
        areas = b"".join(len(area).to_bytes(2, "big") + area for area in map(b"".join, (self.hashed, self.unhashed)))
        return self.head + areas + self.left + (b"".join(map(mpi, self.numbers)) if numbers is None else numbers)

    def signed(self, by: Signer, content: bytes = CONTENT) -> bytes:
        """Sign the parts anew; the key algorithm stays what the head says."""
        area = b"".join(self.hashed)
        covered = self.head + len(area).to_bytes(2, "big") + area
        name = NAMES.get(self.head[3], "sha256")
        value = hashlib.new(name, content + covered + b"\x04\xff" + len(covered).to_bytes(4, "big")).digest()
        digest = self.head[3] if self.head[3] in NAMES else SHA256
        return replace(self, left=value[:2]).written(_numbers(by, digest, value))


def take_apart(body: bytes) -> Parts:
    middle = 6 + int.from_bytes(body[4:6], "big")
    end = middle + 2 + int.from_bytes(body[middle : middle + 2], "big")
    numbers, rest = [], body[end + 2 :]
    while rest:
        size = (int.from_bytes(rest[:2], "big") + 7) // 8
        numbers.append(int.from_bytes(rest[2 : 2 + size], "big"))
        rest = rest[2 + size :]
    areas = [tuple(_subpackets(area)) for area in (body[6:middle], body[middle + 2 : end])]
    return Parts(body[:4], areas[0], areas[1], body[end : end + 2], tuple(numbers))


def _subpackets(area: bytes) -> Iterator[bytes]:
    # Those written by `openpgp_cases` have lengths of five octets.
    while area:
        size = 5 + int.from_bytes(area[1:5], "big")
        yield area[:size]
        area = area[size:]


@cache
def signers() -> tuple[Signer, ...]:
    return (ed(0), ed(1), ed(2), rsa_signer(), signer(dsa_private(2048)), signer(ec_private("p256")))


@cache
def starts() -> tuple[tuple[Case, Signer], ...]:
    """Cases that every engine accepts, each with who signed."""
    alice, hand, bob, rsa, dsa, curve = signers()
    p384 = signer(ec_private("p384"))
    with_hand = certificate(alice, certify(alice, hashed=[flags(3)]), packet(14, hand.body), bind(alice, hand))
    with_rsa = certificate(alice, certify(alice, hashed=[flags(1)]), packet(14, rsa.body), bind(alice, rsa))
    direct = packet(6, bob.body) + over_key(bob, 0x1F, hashed=[flags(3)]) + certify(bob, hashed=[flags(3)])
    superseded = over_key(rsa, 0x20, made=MADE + DAY, hashed=[reason(1)])
    soft = packet(6, rsa.body) + superseded + certify(rsa, hashed=[flags(3)])
    ended = certificate(bob, certify(bob, hashed=[flags(3), lifetime(900 * DAY)]))
    six = ed(3, version=6, algorithm=27)
    rings = [
        (certificate(rsa, certify(rsa, hashed=[flags(3)])), rsa, SHA256, "RSA"),
        (certificate(dsa, certify(dsa, hashed=[flags(3)])), dsa, SHA256, "DSA"),
        (certificate(curve, certify(curve, hashed=[flags(3)])), curve, SHA256, "P-256"),
        (certificate(p384, certify(p384, digest=SHA384, hashed=[flags(3)])), p384, SHA384, "P-384"),
        (with_hand, alice, SHA512, "Ed25519"),
        (with_hand, hand, SHA256, "subkey"),
        (with_rsa, rsa, SHA256, "RSA subkey"),
        (with_hand + certificate(bob) + certificate(rsa, certify(rsa)), hand, SHA256, "several"),
        (direct, bob, SHA256, "direct-key"),
        (certificate(rsa, certify(rsa, digest=SHA1)), rsa, SHA1, "SHA-1"),
        (soft, rsa, SHA256, "superseded"),
        (ended, bob, SHA256, "ended"),
        (packet(6, six.body) + over_key(six, 0x1F, hashed=[flags(3)]) + certify(six), six, SHA256, "version 6"),
    ]
    cases = [(Case(ring, packet(2, sign(by, digest=digest)), label), by) for ring, by, digest, label in rings]
    old = Case(certificate(rsa, certify(rsa)), packet(2, sign(rsa, version=3)), "version 3")
    by_id = [subpacket(16, bytes.fromhex(hand.key_id))]
    return (*cases, (old, rsa), (Case(with_hand, packet(2, sign(hand, unhashed=by_id)), "key id alone"), hand))


def mutants(seed: int, count: int) -> Iterator[Case]:
    """Give that many mutants; the same ones for the same seed, but for keys that are made anew each run."""
    chance = Random(seed)  # noqa: S311 - the same mutations at every run
    for _ in range(count):
        case, by = chance.choice(starts())
        for _ in range(chance.choice([1, 1, 1, 2])):
            change = chance.choice(CHANGES)
            try:
                case = change(chance, case, by)
            except (ValueError, IndexError, OverflowError):
                continue  # what was changed before left nothing to change in this way
            case = replace(case, label=f"{case.label}, {change.__name__}")
        yield case


def damage(chance: Random, data: bytes) -> bytes:
    """Change a few octets anywhere."""
    at, length = chance.randrange(len(data)), chance.randrange(4)
    match chance.randrange(6):
        case 0 | 1:
            return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 2:
            return data[:at] + bytes([chance.choice([0, 1, 0x7F, 0x80, 0xFF, data[at] + 1 & 255])]) + data[at + 1 :]
        case 3:
            return data[:at] + chance.randbytes(chance.randrange(4)) + data[at + length :]
        case 4:
            return data[:at] if chance.random() < 0.5 else data + chance.randbytes(length)
        case _:
            other = chance.randrange(len(data))
            return data[:at] + data[other : other + 1 + length] + data[at:]


def damaged_signature(chance: Random, case: Case, by: Signer) -> Case:
    return replace(case, file=damage(chance, case.file))


def damaged_body(chance: Random, case: Case, by: Signer) -> Case:
    return replace(case, file=packet(2, damage(chance, _body(case.file))))


def damaged_ring(chance: Random, case: Case, by: Signer) -> Case:
    return replace(case, ring=damage(chance, case.ring))


def damaged_packet(chance: Random, case: Case, by: Signer) -> Case:
    packets = split(case.ring)
    at = chance.randrange(len(packets))
    tag, body = packets[at]
    packets[at] = (tag, damage(chance, body))
    return replace(case, ring=_joined(packets))


def other_numbers(chance: Random, case: Case, by: Signer) -> Case:
    """Change the integers of a signature: other values, other writings of the same value."""
    parts = take_apart(_body(case.file))
    numbers = list(parts.numbers)
    at = chance.randrange(len(numbers))
    value = numbers[at]
    modulus = rsa_private().public_key().public_numbers().n
    edited = [
        0, 1, value ^ 1 << chance.randrange(256), value + modulus, modulus - value, value + ED25519_ORDER,
        value + P256_ORDER, P256_ORDER - value, -value % ED25519_ORDER, value << 8, value >> 8, 2**255 - 19 + value,
        numbers[at - 1], ED25519_ORDER, P256_ORDER,
    ]  # fmt: skip
    numbers[at] = max(0, chance.choice(edited))
    match chance.randrange(5):
        case 0:
            whole = b"".join(map(_padded(chance), parts.numbers))
        case 1:
            whole = b"".join(map(mpi, parts.numbers)) + chance.choice([b"\0", b"\0\0", mpi(1), b"\xff" * 8])
        case 2:
            whole = b"".join(map(mpi, reversed(parts.numbers)))
        case _:
            whole = b"".join(map(mpi, numbers))
    return replace(case, file=packet(2, parts.written(whole)))


def _padded(chance: Random) -> Callable[[int], bytes]:
    def write(value: int) -> bytes:
        exact = mpi(value)[2:]
        zeros = b"\0" * chance.randrange(3)
        bits = value.bit_length() + chance.choice([0, 0, 8 * len(zeros), 8 * len(zeros), -1, 1, 7])
        return max(0, bits).to_bytes(2, "big") + zeros + exact

    return write


def other_subpackets(chance: Random, case: Case, by: Signer) -> Case:
    """Change the areas of a signature, as often signed anew as not."""
    parts = take_apart(_body(case.file))
    hashed, unhashed = list(parts.hashed), list(parts.unhashed)
    area, other = chance.choice([(hashed, unhashed), (unhashed, hashed)])
    _change_area(chance, area, other)
    parts = replace(parts, hashed=tuple(hashed), unhashed=tuple(unhashed))
    who = chance.choice([None, None, by, by, by, chance.choice(signers())])
    return replace(case, file=packet(2, parts.written() if who is None else parts.signed(who)))


def _change_area(chance: Random, area: list[bytes], other: list[bytes]) -> None:
    at = chance.randrange(len(area)) if area else 0
    match chance.randrange(9):
        case 0:
            del area[at]
        case 1:
            area.insert(at, area[at])
        case 2:
            other.append(area.pop(at))
        case 3:
            one = area[at]
            area[at] = one[:5] + bytes([one[5] ^ 0x80]) + one[6:]
        case 4:
            one = area[at]
            area[at] = one[:5] + bytes([chance.randrange(256)]) + one[6:]
        case 5:
            size = int.from_bytes(area[at][1:5], "big")
            area[at] = bytes([chance.choice([size, 0, size + 1, size - 1, 192, 255])]) + area[at][5:]
        case 6:
            one = area[at]
            area[at] = one[:1] + max(0, len(one) - 5 + chance.choice([-1, 1, 2**31])).to_bytes(4, "big") + one[5:]
        case 7:
            chance.shuffle(area)
        case _:
            area.insert(at, _random_subpacket(chance))


def _random_subpacket(chance: Random) -> bytes:
    signer_of_choice = chance.choice(signers())
    notation = chance.choice([b"\x80\0\0\0", b"\0\0\0\0"]) + b"\0\x01\0\x01ab"
    return chance.choice([
        subpacket(chance.randrange(128), chance.randbytes(chance.randrange(9)), critical=chance.random() < 0.3),
        subpacket(2, chance.choice([_seconds(chance), b"\xff" * 4, b"\0" * 4])),
        subpacket(3, chance.choice([0, 1, 86_400, 2**31, 2**32 - 1]).to_bytes(4, "big")),
        subpacket(9, chance.choice([0, 1, 86_400, 2**32 - 1]).to_bytes(4, "big")),
        subpacket(16, bytes.fromhex(signer_of_choice.key_id)),
        subpacket(33, b"\x04" + bytes.fromhex(signer_of_choice.fingerprint)),
        subpacket(20, notation, critical=chance.random() < 0.5),
        subpacket(32, sign(signer_of_choice)),
        reason(chance.randrange(4)),
        flags(chance.randrange(256)),
    ])  # fmt: skip


def _seconds(chance: Random) -> bytes:
    return int(_moment(chance).timestamp()).to_bytes(4, "big")


def other_head(chance: Random, case: Case, by: Signer) -> Case:
    """Change version, type or an algorithm, as often signed anew as not."""
    parts = take_apart(_body(case.file))
    head = bytearray(parts.head)
    head[chance.randrange(4)] = chance.choice([0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 16, 17, 18, 19, 22, 27, 28])
    parts = replace(parts, head=bytes(head), left=chance.choice([parts.left, b"\0\0"]))
    content = chance.choice([CONTENT, CONTENT.replace(b"\n", b"\r\n"), b"", by.form])
    signed = parts.signed(by, content) if chance.random() < 0.7 else parts.written()
    return replace(case, file=packet(2, signed))


def other_signature(chance: Random, case: Case, by: Signer) -> Case:
    """Put a signature in place that another key made, or that names another, or several."""
    who, named = chance.choice(signers()), chance.choice(signers())
    issuer = [subpacket(16, bytes.fromhex(named.key_id)), subpacket(33, b"\x04" + bytes.fromhex(named.fingerprint))]
    digest = chance.choice([SHA1, SHA256, SHA384, SHA512])
    one = sign(who, digest=digest, made=_moment(chance), unhashed=chance.choice([None, issuer, issuer[:1], []]))
    file = packet(2, one)
    return replace(case, file=chance.choice([file, file + case.file, case.file + file]))


def moved_packets(chance: Random, case: Case, by: Signer) -> Case:
    """Drop, double, move or borrow packets of the ring."""
    packets = split(case.ring)
    at, to = chance.randrange(len(packets)), chance.randrange(len(packets) + 1)
    match chance.randrange(5):
        case 0:
            del packets[at]
        case 1:
            packets.insert(to, packets[at])
        case 2:
            packets.insert(min(to, len(packets) - 1), packets.pop(at))
        case 3:
            packets.insert(to, chance.choice(split(chance.choice(starts())[0].ring)))
        case _:
            tag, body = packets[at]
            packets[at] = (chance.choice([2, 6, 12, 13, 14, 17, tag ^ 8]) or 6, body)
    return replace(case, ring=_joined(packets))


def added_statement(chance: Random, case: Case, by: Signer) -> Case:
    """Put one more statement into the ring: a revocation or binding, by who may make it or by another."""
    packets = split(case.ring)
    hand = signers()[1]
    owner = next((one for one in signers() if one.body == packets[0][1]), by)
    maker = chance.choice([owner, owner, owner, chance.choice(signers())])
    made = _moment(chance)
    added = chance.choice([
        over_key(owner, 0x20, by=maker, made=made, hashed=[reason(chance.choice([0, 1, 2, 3, 32]))]),
        over_key(owner, 0x20, by=maker, made=made),
        over_key(owner, 0x1F, by=maker, made=made, hashed=_span(chance)),
        revoke_subkey(owner, hand, chance.choice([0, 1, 2, 3]), made, by=maker),
        bind(owner, hand, by=maker, made=made, use=chance.choice([None, 2, 2, 12]), hashed=_span(chance)),
        bind(owner, hand, by=maker, made=made, back=chance.choice([b"", back_signature(owner, hand, by=maker)])),
        packet(2, sign(maker, owner.form, chance.choice([0x10, 0x13, 0x30]), made=made, hashed=_span(chance))),
        certify(owner, made=made, hashed=[flags(chance.choice([1, 2, 3, 12])), *_span(chance)]),
        certify(owner, b"another", made=made, hashed=_span(chance)),
    ])  # fmt: skip
    at = chance.choice([1, len(packets), chance.randrange(len(packets) + 1)])
    packets[at:at] = split(added)
    return replace(case, ring=_joined(packets))


def other_certificate(chance: Random, case: Case, by: Signer) -> Case:
    """Make a certificate and a signature from nothing, each statement of it by chance."""
    primary, hand = chance.sample(signers(), 2)
    parts = [over_key(primary, 0x20, made=_moment(chance), hashed=[reason(chance.choice([0, 1, 2, 3]))])]
    parts *= chance.random() < 0.2
    use = chance.choice([[], [flags(3)], [flags(1)], [flags(2)], [flags(12)]])
    parts += [certify(primary, made=_moment(chance), hashed=[*use, *_span(chance)])]
    backs = [None, None, None, b"", back_signature(primary, hand, by=primary), back_signature(hand, primary, by=hand)]
    made, kind, back = _moment(chance), chance.choice([None, 2, 2, 2, 12, 14]), chance.choice(backs)
    bound = bind(primary, hand, made=made, use=kind, back=back, hashed=_span(chance))
    parts += [packet(14, hand.body), bound]
    if chance.random() < 0.2:
        parts += [revoke_subkey(primary, hand, chance.choice([0, 1, 2, 3]), _moment(chance))]
    signed = sign(chance.choice([primary, hand, hand]), made=_moment(chance), hashed=_own_span(chance))
    return replace(case, ring=certificate(primary, *parts), file=packet(2, signed))


def other_key(chance: Random, case: Case, by: Signer) -> Case:
    """Edit the key packet itself, and sign everything with what it is then."""
    body = bytearray(by.body)
    match chance.randrange(5):
        case 0:
            body[0] = chance.choice([2, 3, 5, 6])
        case 1:
            body[1:5] = _seconds(chance)
        case 2:
            body[5] = chance.choice([1, 2, 3, 16, 17, 18, 19, 22, 27])
        case 3:
            body += chance.randbytes(chance.randrange(1, 4))
        case _:
            at = chance.randrange(6, len(body))
            body[at:at] = chance.choice([b"\0", b"\0\0", body[at : at + 2]])
    one = Signer(by.private, bytes(body), body[5])
    return replace(case, ring=certificate(one, certify(one, hashed=[flags(3)])), file=packet(2, sign(one)))


def _moment(chance: Random) -> datetime:
    return chance.choice([BORN, MADE - DAY, MADE, MADE, MADE + DAY, BORN - DAY, BORN + 900 * DAY, BORN + 20_000 * DAY])


def _span(chance: Random) -> list[bytes]:
    return chance.choice([
        [], [], [], [lifetime(DAY)], [lifetime(900 * DAY)], [lifetime(5000 * DAY)], [lifetime(0 * DAY)],
        [subpacket(3, (86_400).to_bytes(4, "big"))],
    ])  # fmt: skip


def _own_span(chance: Random) -> list[bytes]:
    return chance.choice([[], [], [subpacket(3, (86_400 * chance.choice([0, 1, 5000])).to_bytes(4, "big"))]])


CHANGES: tuple[Callable[[Random, Case, Signer], Case], ...] = (
    damaged_signature,
    damaged_body,
    damaged_ring,
    damaged_packet,
    other_numbers,
    other_subpackets,
    other_subpackets,
    other_head,
    other_signature,
    moved_packets,
    added_statement,
    added_statement,
    other_certificate,
    other_key,
)


def split(data: bytes) -> list[tuple[int, bytes]]:
    """Split what `openpgp_cases.packet` wrote."""
    packets = []
    while data:
        size = int.from_bytes(data[2:6], "big")
        if data[1] != 0xFF or len(data) < 6 + size:
            raise ValueError("damaged before")
        packets.append((data[0] & 0x3F, data[6 : 6 + size]))
        data = data[6 + size :]
    return packets


def _joined(packets: list[tuple[int, bytes]]) -> bytes:
    return b"".join(packet(tag, body) for tag, body in packets)


def _body(file: bytes) -> bytes:
    return split(file)[0][1]

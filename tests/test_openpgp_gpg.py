"""The room against GnuPG: real keys and signatures, and no signature that only we accept."""

import hashlib
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from openpgp_cases import (
    CONTENT,
    CURVES,
    SHA512,
    Signer,
    armour,
    bind,
    certificate,
    certify,
    compressed,
    dsa_private,
    ec_private,
    ed,
    flags,
    packet,
    rsa_private,
    rsa_signer,
    sign,
    signer,
)

from verifier.digest import Hash
from verifier.errors import ConfigError, SignatureBad, SignatureMalformed
from verifier.openpgp.certificate import Certificate, parse_certificates
from verifier.openpgp.signature import assess, parse_signatures, verify

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NAME = "Jane <jane@repo.example>"


class Gpg:
    """A real gpg with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        fixed = ["--no-options", "--batch", "--quiet", "--yes", "--trust-model", "always", "--status-fd", "1"]
        secret = ["--pinentry-mode", "loopback", "--passphrase", ""]
        command = ["gpg", "--homedir", str(self.home), *fixed, *secret, *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=False)

    def export(self) -> bytes:
        return subprocess.run(
            ["gpg", "--homedir", str(self.home), "--batch", "--export"], capture_output=True, check=True
        ).stdout

    def accepts(self, signature: bytes, content: bytes = CONTENT) -> bool:
        (self.home / "x.sig").write_bytes(signature)
        (self.home / "x").write_bytes(content)
        ran = self.run("--verify", str(self.home / "x.sig"), str(self.home / "x"))
        return ran.returncode == 0 and b"[GNUPG:] VALIDSIG" in ran.stdout


@pytest.fixture
def gpg() -> Iterator[Gpg]:
    # The socket of gpg's agent lies in the home, and its path may not be long.
    home = Path(tempfile.mkdtemp(prefix="gpg"))
    yield Gpg(home)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)
    shutil.rmtree(home, ignore_errors=True)


def running(name: str, prefix: bytes) -> Hash:
    return hashlib.new(name, prefix + CONTENT)


def accepts(signature: bytes, certificates: tuple[Certificate, ...]) -> bool:
    """Judge as the corridor does: by the key that the signature names, good and without a problem."""
    try:
        parsed = parse_signatures(signature, "x.asc")
        for one in parsed:
            certificate, key = next(
                (whole, key)
                for whole in certificates
                for key in (whole.primary, *(each.key for each in whole.subkeys))
                if one.issuer_fingerprint in {None, key.fingerprint}
                and (one.issuer_fingerprint or one.issuer_key_id == key.key_id)
            )
            verify(one, key, running)
            assessment = assess(
                one, certificate, key, now=NOW, exact=False, legacy_before=date(2017, 2, 23), expires=None
            )
            if assessment.problems:
                return False
    except (SignatureBad, SignatureMalformed, StopIteration):
        return False
    return True


def test_reads_a_real_key_and_its_signatures(gpg: Gpg) -> None:
    assert gpg.run("--quick-gen-key", NAME, "ed25519", "cert", "2y").returncode == 0
    (primary,) = parse_certificates(gpg.export())
    fingerprint = primary.primary.fingerprint
    for kind, use, span in (("ed25519", "sign", "1y"), ("cv25519", "encr", "never"), ("rsa2048", "sign", "never")):
        assert gpg.run("--quick-add-key", fingerprint, kind, use, span).returncode == 0
    (gpg.home / "content").write_bytes(CONTENT)
    gpg.run("--armor", "--output", str(gpg.home / "content.asc"), "--detach-sign", str(gpg.home / "content"))

    (found,) = parse_certificates(gpg.export())
    (signature,) = parse_signatures((gpg.home / "content.asc").read_bytes(), "content.asc")
    listed = gpg.run("--with-colons", "--list-keys").stdout.decode().splitlines()

    assert not found.signs
    assert [each.signs for each in found.subkeys] == [True, True]
    rows = [line.split(":") for line in listed if line.startswith(("pub:", "sub:"))]
    ends = [row[6] for row in rows if row[3] != "18"]
    ours = [found.expires, *(each.expires for each in found.subkeys)]
    assert ends == ["" if end is None else str(int(end.timestamp())) for end in ours]
    assert fingerprint in {line.split(":")[9] for line in listed if line.startswith("fpr:")}
    key = next(each.key for each in found.subkeys if each.key.fingerprint == signature.issuer_fingerprint)
    verify(signature, key, running)


def test_reads_what_a_real_owner_changed_later(gpg: Gpg) -> None:
    gpg.run("--quick-gen-key", NAME, "ed25519", "sign,cert", "1y")
    (first,) = parse_certificates(gpg.export())
    fingerprint = first.primary.fingerprint
    before = gpg.export()
    later = f"{datetime.now(tz=UTC) + timedelta(days=30):%Y%m%dT%H%M%S}!"
    gpg.run("--faked-system-time", later, "--quick-set-expire", fingerprint, "5y")
    revocation = (
        (gpg.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_bytes().replace(b":-----BEGIN", b"-----BEGIN")
    )

    (extended,) = parse_certificates(before + gpg.export())
    gpg.run("--import", data=revocation)
    (revoked,) = parse_certificates(before + gpg.export())

    assert first.expires is not None
    assert extended.expires is not None
    assert extended.expires > first.expires + timedelta(days=3 * 365)
    assert extended.revocation is None
    assert revoked.revocation is not None
    assert revoked.revocation.hard


SIGNERS: dict[str, Signer] = {
    "RSA": rsa_signer(),
    "RSA, for signing": signer(rsa_private(), algorithm=3),
    "DSA": signer(dsa_private(2048)),
    "EdDSA": ed(),
    **{name: signer(ec_private(name)) for name in CURVES},
}


@pytest.mark.parametrize("name", SIGNERS)
def test_gpg_agrees_on_keys_and_signatures_that_are_written_here(gpg: Gpg, name: str) -> None:
    by = SIGNERS[name]
    data = certificate(by, certify(by, digest=SHA512, hashed=[flags(3)]))
    good = packet(2, sign(by, digest=SHA512))
    gpg.run("--import", data=data)

    assert (gpg.accepts(good), accepts(good, parse_certificates(data))) == (True, True)
    bad = good[:-1] + bytes([good[-1] ^ 1])
    assert (gpg.accepts(bad), accepts(bad, parse_certificates(data))) == (False, False)


PRIMARY, SUBKEY, STRANGER = ed(0), ed(1), ed(2)
WHOLE = certificate(PRIMARY, certify(PRIMARY, hashed=[flags(3)]), packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY))


def _mutations(data: bytes, count: int) -> Iterator[bytes]:
    chance = random.Random(1)  # noqa: S311 - the same mutations at every run
    for _ in range(count):
        place, length = chance.randrange(len(data)), chance.randrange(4)
        patch = chance.choice([bytes([data[place] ^ 1 << chance.randrange(8)]), chance.randbytes(chance.randrange(4))])
        yield data[:place] + patch + data[place + length :]


def test_accepts_no_mutated_signature_that_gpg_refuses(gpg: Gpg) -> None:
    rsa = rsa_signer()
    data = WHOLE + certificate(rsa, certify(rsa))
    certificates = parse_certificates(data)
    gpg.run("--import", data=data)
    packets = [packet(2, sign(by)) for by in (PRIMARY, SUBKEY, rsa)]
    starts = [*packets, packet(8, compressed(packets[0], 1)), packets[0] + packets[1], armour(packets[2], crc=b"")]
    accepted = 0
    for start in starts:
        assert accepts(start, certificates)
        for mutated in _mutations(start, 60):
            if mutated != start and accepts(mutated, certificates):
                accepted += 1
                assert gpg.accepts(mutated), mutated.hex()

    assert accepted


def test_accepts_no_signature_by_a_mutated_key_that_gpg_refuses(gpg: Gpg) -> None:
    signatures = [packet(2, sign(by)) for by in (PRIMARY, SUBKEY)]
    for mutated in _mutations(WHOLE, 300):
        try:
            certificates = parse_certificates(mutated)
        except ConfigError:
            continue
        # A bare key is ours alone: gpg imports none without a self-signature.
        ours = [one for one in signatures if accepts(one, tuple(each for each in certificates if not each.bare))]
        if ours and mutated != WHOLE:
            for stale in gpg.home.glob("pubring.kbx*"):
                stale.unlink()
            gpg.run("--import", data=mutated)
            # What gpg did not import, for damage elsewhere in the file, it cannot judge.
            held = gpg.run("--with-colons", "--list-keys").stdout
            for by, one in zip((PRIMARY, SUBKEY), signatures, strict=True):
                if one in ours and by.fingerprint.encode() in held:
                    assert gpg.accepts(one), mutated.hex()

import base64
import contextlib
import datetime as dt
import hashlib
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Authority

from verifier import tls
from verifier.errors import ConfigError, TlsPinMismatch

KEYS: list[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = [
    ec.generate_private_key(ec.SECP384R1()),
    rsa.generate_private_key(65537, 2048),
    ed25519.Ed25519PrivateKey.generate(),
]


def certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "repo.example")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, algorithm)
    )  # fmt: skip


DER = certificate(KEYS[0]).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("key", KEYS)
def test_a_pin_is_the_digest_of_the_public_key_info(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
) -> None:
    info = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    pin = tls.pin_of(certificate(key).public_bytes(serialization.Encoding.DER))

    assert pin == "sha256/" + base64.b64encode(hashlib.sha256(info).digest()).decode()


def test_any_of_several_pins_suffices() -> None:
    tls.check_pins(("sha256/" + "A" * 43 + "=", tls.pin_of(DER)), DER, "repo.example")


def test_refuses_another_key_and_names_both() -> None:
    pin = "sha256/" + "A" * 43 + "="

    with pytest.raises(TlsPinMismatch) as caught:
        tls.check_pins((pin,), DER, "repo.example")

    assert caught.value.expected is not None
    assert caught.value.expected.value == pin
    assert caught.value.received is not None
    assert caught.value.received.value == tls.pin_of(DER)


@pytest.mark.parametrize(
    "data", [b"", b"\x30", DER[:40], b"\x31" + DER[1:]], ids=["empty", "one byte", "cut", "no sequence"]
)
def test_refuses_a_certificate_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(TlsPinMismatch):
        tls.check_pins((tls.pin_of(DER),), data, "repo.example")


@given(at=st.integers(0, len(DER) - 1), to=st.integers(0, 255), cut=st.integers(0, len(DER)))
@settings(max_examples=200, deadline=None)
def test_any_damage_is_read_or_refused(at: int, to: int, cut: int) -> None:
    data = bytearray(DER)
    data[at] = to

    for each in (bytes(data), DER[:cut]):
        with contextlib.suppress(ValueError):
            tls.pin_of(each)


@pytest.mark.parametrize(
    "pin", ["", "sha256/", "sha256/abc", "sha1/" + "A" * 43 + "=", "sha256/" + "A" * 44 + "A", "sha256/é"]
)
def test_refuses_a_pin_of_another_form(pin: str) -> None:
    with pytest.raises(ConfigError, match="sha256/ and 44 characters"):
        tls.parse_pin(pin)


def test_the_store_is_the_first_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "second").touch()
    (tmp_path / "third").touch()

    assert tls.system_store([tmp_path / "first", tmp_path / "second", tmp_path / "third"]) == tmp_path / "second"


def test_no_store_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no certificate authorities") as caught:
        tls.system_store([tmp_path / "first"])

    assert "ca-certificates" in caught.value.hint


def test_parameters_are_strict(tmp_path: Path) -> None:
    context = tls.client_context(Authority(tmp_path).file)

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.security_level == 2
    assert context.keylog_filename is None


def test_the_bundle_is_all_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "certs"
    directory.mkdir()
    other = Authority(directory)
    monkeypatch.setenv("SSL_CERT_FILE", str(other.file))
    monkeypatch.setenv("SSL_CERT_DIR", str(directory))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    context = tls.client_context(Authority(tmp_path).file)

    assert context.cert_store_stats() == {"x509": 1, "crl": 0, "x509_ca": 1}
    assert context.keylog_filename is None
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    "content", [b"", b"no certificate\n", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_refuses_a_bundle_without_certificates(tmp_path: Path, content: bytes) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(content)

    with pytest.raises(ConfigError, match=r"ca\.pem: holds no certificates"):
        tls.client_context(bundle)


def test_refuses_a_bundle_without_an_authority(tmp_path: Path) -> None:
    bundle = tmp_path / "leaf.pem"
    trustme.CA().issue_cert("localhost").cert_chain_pems[0].write_to_path(str(bundle))

    with pytest.raises(ConfigError, match="no certificate authority"):
        tls.client_context(bundle)


def test_refuses_a_bundle_that_is_missing_huge_or_no_file(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(tls.MAX_BUNDLE_BYTES + 1)

    for name, problem in (("missing", "cannot be read"), ("huge", "larger than"), (".", "is not a file")):
        with pytest.raises(ConfigError, match=problem):
            tls.client_context(tmp_path / name)

"""Decide which servers are who they say: trust store, TLS parameters, public key pins.

Everything is named by hand: no default of OpenSSL, Python or requests is asked where
authorities are, because those defaults read environment variables.  Connections are the
upstream's business.
"""

import base64
import binascii
import hashlib
import ssl
import stat
from collections.abc import Sequence
from pathlib import Path

from verifier.errors import ConfigError, Fact, TlsPinMismatch, TlsUntrusted

MAX_BUNDLE_BYTES = 16 * 1024 * 1024
PIN_PREFIX = "sha256/"

SYSTEM_STORES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu, Alpine, Arch, Gentoo
    Path("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),  # Fedora, RHEL
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # older Fedora and RHEL
    Path("/etc/ssl/ca-bundle.pem"),  # SUSE
    Path("/etc/ssl/certs/ca-bundle.crt"),  # NixOS
    Path("/usr/local/share/certs/ca-root-nss.crt"),  # FreeBSD
    Path("/etc/ssl/cert.pem"),  # macOS, OpenBSD, Alpine
)


def system_store(candidates: Sequence[Path] = SYSTEM_STORES) -> Path:
    """Name the file that holds the operating system's certificate authorities.

    Raises: `ConfigError` when none of the well-known files is there.
    """
    for path in candidates:
        if path.is_file():
            return path
    raise ConfigError(
        "tls",
        f"no certificate authorities at {', '.join(map(str, candidates))}",
        hint="install the operating system's ca-certificates, or name a ca-file for the repository",
    )


class TrustContext(ssl.SSLContext):
    """TLS parameters, and the public keys that one origin may have; no pins mean any key."""

    pins: tuple[str, ...] = ()


def client_context(bundle: Path, pins: tuple[str, ...] = ()) -> TrustContext:
    """Make the one set of TLS parameters: 1.2 or later, authorities of `bundle` alone, host name checked.

    Raises: `ConfigError` when `bundle` is missing, empty, huge or not certificates in PEM, and for
    a pin that cannot be read.
    """
    context = TrustContext(ssl.PROTOCOL_TLS_CLIENT)
    context.pins = tuple(parse_pin(pin) for pin in pins)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    # Level 2 refuses RSA keys below 2,048 bits and SHA-1 anywhere in the chain.
    context.set_ciphers("DEFAULT@SECLEVEL=2")
    # Python lets a cut connection look like an orderly end; a body without a length would then end anywhere.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    _load(context, bundle)
    return context


def _load(context: ssl.SSLContext, bundle: Path) -> None:
    try:
        status = bundle.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(str(bundle), "is not a file of certificate authorities")
        if status.st_size > MAX_BUNDLE_BYTES:
            raise ConfigError(str(bundle), f"is larger than {MAX_BUNDLE_BYTES} bytes")
        context.load_verify_locations(cafile=bundle)
    except ssl.SSLError as error:
        raise ConfigError(str(bundle), "holds no certificates in PEM, or one that cannot be read") from error
    except OSError as error:
        raise ConfigError(str(bundle), f"cannot be read: {error.strerror}") from error
    if not context.cert_store_stats()["x509_ca"]:
        raise ConfigError(str(bundle), "holds no certificate authority")


def untrusted(error: ssl.SSLError, host: str) -> TlsUntrusted:
    """Say in words why the handshake with `host` was refused."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return TlsUntrusted(
            f"the certificate of {host} is refused: {why if why[:2].isupper() else why[:1].lower() + why[1:]}"
        )
    reason = error.reason or "TLS failed"
    words = _REASONS.get(reason, reason.replace("_", " ").lower())
    return TlsUntrusted(f"no TLS with {host}: {words}")


_REASONS = {
    "UNSUPPORTED_PROTOCOL": "the server's protocol is older than TLS 1.2",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the server's protocol is older than TLS 1.2",
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS",
    "HTTP_REQUEST": "what answers there does not speak TLS",
    "DH_KEY_TOO_SMALL": "the server's Diffie-Hellman key is too weak",
    "EE_KEY_TOO_SMALL": "the server's key is too weak",
    "CA_MD_TOO_WEAK": "the certificate is signed with a digest that is too weak",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server accepts none of our parameters",
}


def parse_pin(pin: str) -> str:
    """Check a pin's form and return it.

    Shape: `sha256/` and the base64 of the SHA-256 of a SubjectPublicKeyInfo.

    Raises: `ConfigError` for anything else.
    """
    try:
        length = len(base64.b64decode(pin.removeprefix(PIN_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if not pin.startswith(PIN_PREFIX) or length != hashlib.sha256().digest_size:
        raise ConfigError(f"tls-pins = {pin!r}", "expected sha256/ and 44 characters of base64")
    return pin


def check_pins(pins: Sequence[str], certificate: bytes, host: str) -> None:
    """Compare the public key of the server's own certificate with the pins; none pinned is no demand.

    Raises: `TlsPinMismatch` when it is none of them.

    Source: RFC 7469 section 2.4 for the form of a pin.
    """
    if not pins:
        return
    try:
        received = pin_of(certificate)
    except ValueError as error:
        raise TlsPinMismatch(f"the certificate of {host} cannot be compared with its pins: {error}") from error
    if received not in pins:
        raise TlsPinMismatch(
            f"the public key of {host} is none of those pinned",
            expected=Fact(" or ".join(pins), "tls-pins"),
            received=Fact(received, host),
        )


def pin_of(certificate: bytes) -> str:
    """Write the pin of a certificate's public key, as the certificate itself encodes it.

    Shape: `certificate` is DER.

    Raises: `ValueError` when it is not a certificate.

    Source: RFC 5280 section 4.1: TBSCertificate holds an optional version, then serial number,
    signature, issuer, validity, subject and subjectPublicKeyInfo.
    """
    start, end, _ = _element(certificate, 0, len(certificate), 0x30)
    at, end, _ = _element(certificate, start, end, 0x30)
    if certificate[at : at + 1] == b"\xa0":
        at = _element(certificate, at, end, 0xA0)[1]
    for tag in (0x02, 0x30, 0x30, 0x30, 0x30):
        at = _element(certificate, at, end, tag)[1]
    _, last, first = _element(certificate, at, end, 0x30)
    return PIN_PREFIX + base64.b64encode(hashlib.sha256(certificate[first:last]).digest()).decode()


def _element(data: bytes, at: int, end: int, tag: int) -> tuple[int, int, int]:
    """Find the DER element at `at`: where its content starts, where it ends, where it begins."""
    if end - at < 2 or data[at] != tag:  # noqa: PLR2004  a tag and a length
        raise ValueError("not a certificate in DER")
    start, length = at + 2, data[at + 1]
    if length & 0x80:
        octets = length & 0x7F
        start += octets
        length = int.from_bytes(data[at + 2 : start])
    if start + length > end:
        raise ValueError("not a certificate in DER")
    return start, start + length, at

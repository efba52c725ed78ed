"""Keys, shown: what a certificate says of itself, as fields for machines and as lines for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import click

from verifier.inquiry import Inquiry
from verifier.openpgp.certificate import Certificate, Revocation, Subkey
from verifier.openpgp.key import DSA, ECDSA, ED448, ED25519, EDDSA, RSA, RSA_ENCRYPT, RSA_SIGN, PublicKey
from verifier.outcome import Json, timestamp
from verifier.report.escape import printable

_ALGORITHMS = {RSA: "RSA", RSA_ENCRYPT: "RSA", RSA_SIGN: "RSA", DSA: "DSA", ECDSA: "ECDSA", EDDSA: "EdDSA"}
_ALGORITHMS |= {ED25519: "Ed25519", ED448: "Ed448"}
_COLORS = {"good": "green", "bare": "green", "expired": "yellow", "absent": "yellow", "revoked": "red"}
_DAYS_PER_YEAR = 365


def state(certificate: Certificate | None, fingerprint: str, now: datetime) -> str:
    """Say in a word how a key stands now: absent, revoked, expired, bare or good.

    `fingerprint` names the primary or one of the subkeys.
    """
    if certificate is None:
        return "absent"
    if any(revocation for _, revocation in _terms(certificate, fingerprint)):
        return "revoked"
    end = ends(certificate, fingerprint)
    if end is not None and end <= now:
        return "expired"
    return "bare" if certificate.bare else "good"


def ends(certificate: Certificate, fingerprint: str) -> datetime | None:
    """Give when a key expires, by itself or with its primary."""
    return min((expires for expires, _ in _terms(certificate, fingerprint) if expires is not None), default=None)


def _terms(certificate: Certificate, fingerprint: str) -> Iterator[tuple[datetime | None, Revocation | None]]:
    yield certificate.expires, certificate.revocation
    yield from ((one.expires, one.revocation) for one in certificate.subkeys if one.key.fingerprint == fingerprint)


def fields(certificate: Certificate, names: Sequence[str]) -> dict[str, Json]:
    """Give everything that a certificate says of itself; `names` are its user ids."""
    return {
        **_key_fields(certificate.primary),
        "expires": timestamp(certificate.expires),
        "revocation": _revocation_fields(certificate.revocation),
        "as_of": timestamp(certificate.as_of),
        "bare": certificate.bare,
        "signs": certificate.signs,
        "user_ids": list(names),
        "subkeys": [_subkey_fields(subkey) for subkey in certificate.subkeys],
    }


def lines(certificate: Certificate, names: Sequence[str], now: datetime) -> Iterator[str]:
    """Tell everything that a certificate says of itself, line by line."""
    key = certificate.primary
    yield key.fingerprint
    yield f"  algorithm  {algorithm(key)}"
    yield f"  created    {key.created:%Y-%m-%d}"
    if certificate.bare:
        yield "  says       nothing of itself: its expiry is unknown"
    else:
        yield f"  expires    {day(certificate.expires, 'never')}"
    if certificate.revocation is not None:
        yield f"  revoked    {revoked(certificate.revocation)}"
    if certificate.as_of is not None:
        yield f"  as of      {certificate.as_of:%Y-%m-%d}, {age(now - certificate.as_of)} old"
    for subkey in certificate.subkeys:
        yield f"  subkey     {_subkey_line(subkey)}"
    for name in names:
        yield f"  user id    {printable(name)}"


def algorithm(key: PublicKey) -> str:
    """Name a key's algorithm and size."""
    return f"{_ALGORITHMS.get(key.algorithm, f'algorithm {key.algorithm}')} {key.bits}"


def revoked(revocation: Revocation) -> str:
    """Tell when a key was revoked, and what that refuses."""
    what = "refuses all its signatures" if revocation.hard else "refuses what it signed afterwards"
    return f"{revocation.made:%Y-%m-%d} ({revocation.reason}): {what}"


def day(moment: datetime | None, otherwise: str) -> str:
    """Write a day, or what stands for none."""
    return otherwise if moment is None else f"{moment:%Y-%m-%d}"


def age(span: timedelta) -> str:
    """Write a time span in days, from two years on in years."""
    days = max(span.days, 0)
    return f"{days} days" if days < 2 * _DAYS_PER_YEAR else f"{days // _DAYS_PER_YEAR} years"


@dataclass(frozen=True, slots=True)
class Row:
    """One key of a list: how it stands, where its copies are from, what it is trusted for."""

    fingerprint: str
    state: str
    ends: datetime | None
    as_of: datetime | None
    origins: tuple[str, ...]
    trusted_for: tuple[str, ...]

    def fields(self) -> dict[str, Json]:
        """Give the row for machines."""
        return {
            "fingerprint": self.fingerprint,
            "state": self.state,
            "expires": timestamp(self.ends),
            "as_of": timestamp(self.as_of),
            "origins": self.origins,
            "trusted_for": self.trusted_for,
        }

    def line(self, now: datetime) -> str:
        """Give the row for people."""
        shown = click.style(f"{self.state:<8}", fg=_COLORS[self.state])
        end = "-" if self.state == "absent" else f"expires {day(self.ends, 'never')}"
        old = "-" if self.as_of is None else f"{age(now - self.as_of)} old"
        whom = printable(", ".join(self.trusted_for) or "nobody")
        origin = printable(", ".join(self.origins) or "nowhere")
        return f"{self.fingerprint}  {shown}  {end:<18}  {old:<14}  for {whom}  from {origin}"


@dataclass(frozen=True, slots=True)
class News:
    """What asking for one key changed."""

    inquiry: Inquiry
    before: Certificate | None
    after: Certificate | None

    @property
    def is_new(self) -> bool:
        """Whether anything that counts changed."""
        return self.before != self.after

    @property
    def newly_revoked(self) -> bool:
        """Whether a revocation came that was not known before."""
        earlier = None if self.before is None else self.before.revocation
        return self.after is not None and self.after.revocation not in {None, earlier}

    def told(self) -> str:
        """Tell the gravest news first."""
        before, after = self.before, self.after
        if after is None or not self.is_new:
            return "nothing new" if self.inquiry.found else self.inquiry.told()
        if self.newly_revoked and after.revocation is not None:
            return f"revoked {revoked(after.revocation)}"
        expiry = "expiry unknown" if after.bare else f"expires {day(after.expires, 'never')}"
        if before is None:
            return f"new, {expiry}"
        if before.expires != after.expires or before.bare != after.bare:
            return f"{expiry}, our copy said {'nothing' if before.bare else day(before.expires, 'never')}"
        return f"a newer copy, {expiry} as before"

    def fields(self) -> dict[str, Json]:
        """Give the news for machines."""
        before, after = self.before, self.after
        return {
            "fingerprint": self.inquiry.fingerprint,
            "news": self.is_new,
            "revoked": self.newly_revoked,
            "expires": timestamp(None if after is None else after.expires),
            "expired_before": timestamp(None if before is None else before.expires),
            "found": bool(self.inquiry.found),
            "unknown_to": self.inquiry.unknown_to,
            "silent": self.inquiry.silent,
        }


def _key_fields(key: PublicKey) -> dict[str, Json]:
    return {
        "fingerprint": key.fingerprint,
        "algorithm": _ALGORITHMS.get(key.algorithm, str(key.algorithm)),
        "bits": key.bits,
        "created": timestamp(key.created),
    }


def _subkey_fields(subkey: Subkey) -> dict[str, Json]:
    return {
        **_key_fields(subkey.key),
        "expires": timestamp(subkey.expires),
        "revocation": _revocation_fields(subkey.revocation),
        "as_of": timestamp(subkey.as_of),
        "signs": subkey.signs,
    }


def _revocation_fields(revocation: Revocation | None) -> dict[str, Json] | None:
    if revocation is None:
        return None
    return {"made": timestamp(revocation.made), "hard": revocation.hard, "reason": revocation.reason}


def _subkey_line(subkey: Subkey) -> str:
    words = [subkey.key.fingerprint, algorithm(subkey.key), "signs" if subkey.signs else "does not sign"]
    words.append(f"created {subkey.key.created:%Y-%m-%d}")
    words.append(f"expires {day(subkey.expires, 'never')}")
    if subkey.revocation is not None:
        words.append(f"revoked {revoked(subkey.revocation)}")
    return ", ".join(words)

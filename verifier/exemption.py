"""The lines of a policy that would exempt one refused file, where a person may decide so.

Given only where all that is wrong is that evidence is missing, weak or out of date.  What may be an attack, and what
trust in a signer or a key at hand would answer, gets no lines: whoever must exempt that writes them on his own.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from verifier.coordinate import Coordinate
from verifier.errors import (
    ChecksumMissing,
    ChecksumWeak,
    KeyExpired,
    SignatureExpired,
    SignatureMalformed,
    SignatureMissing,
    SignatureWeak,
)
from verifier.outcome import Outcome
from verifier.policy import Policy

GRANTED = timedelta(days=180)
"""How long an exemption lasts if its lines are taken over as they are printed."""

OFFERED = frozenset(
    cause.code
    for cause in (
        ChecksumMissing,
        ChecksumWeak,
        KeyExpired,
        SignatureExpired,
        SignatureMalformed,
        SignatureMissing,
        SignatureWeak,
    )
)
"""The reasons to refuse that a person may set aside for known bytes."""


def may_exempt(codes: Iterable[str]) -> bool:
    """Whether every reason against a file is one that a person may set aside."""
    given = set(codes)
    return bool(given) and given <= OFFERED


def exempting(outcome: Outcome, policy: Policy, today: date) -> str | None:
    """Write the lines that would exempt a refused file; None where there are none to offer.

    Shape: TOML, one `[[exempt]]` for each reason, pinned to the bytes that were judged, at most 80 characters wide
    where the names are not longer.  Its own `reason` is empty, and a policy with that is in error until it is filled
    in.  What the policy has already, past its end, is not offered a second time.
    """
    coordinate, cause = outcome.coordinate, outcome.cause
    if cause is None or outcome.evidence is None or not isinstance(coordinate, Coordinate):
        return None
    codes = tuple(dict.fromkeys(one.code for one in (cause, *cause.others)))
    had = {one.code for one in policy.exemptions_for(coordinate) if one.sha256 == outcome.evidence.sha256}
    if not may_exempt(codes) or not had.isdisjoint(codes):
        return None
    # No part of a coordinate holds what TOML would have to escape.
    lines = f'match = "{_match(coordinate)}"\nsha256 = "{outcome.evidence.sha256}"'
    return "\n".join(
        f'[[exempt]]\n{lines}\ncode = "{code}"\nreason = ""\nuntil = {today + GRANTED}\n' for code in codes
    )


def _match(coordinate: Coordinate) -> str:
    """Name a file as an exemption does."""
    if coordinate.extension == "jar" and not coordinate.classifier:
        return f"{coordinate.group}:{coordinate.artifact}:{coordinate.version}"
    return str(coordinate)

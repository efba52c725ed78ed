"""What the shipped page says of each reason code, for whoever reads a code and wants to know what to do."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from verifier.errors import (
    PRECEDENCE,
    ChecksumMismatch,
    EnginesDisagree,
    KeyRevoked,
    PinMismatch,
    Refusal,
    SignatureBad,
    SignatureReplayed,
    TlsPinMismatch,
)

_CONTRADICTIONS = frozenset(
    cause.code
    for cause in (
        ChecksumMismatch,
        EnginesDisagree,
        KeyRevoked,
        PinMismatch,
        SignatureBad,
        SignatureReplayed,
        TlsPinMismatch,
    )
)
_REFUSALS = frozenset(cause.code for cause in PRECEDENCE if issubclass(cause, Refusal))


@dataclass(frozen=True, slots=True)
class Reason:
    """One entry of the page, part by part."""

    code: str
    means: str
    behind: str
    do: str
    never: str

    @property
    def refuses(self) -> bool:
        """Whether an artifact with this code must not be used; else it could not be had."""
        return self.code in _REFUSALS

    @property
    def contradicts(self) -> bool:
        """Whether there is evidence and it speaks against the bytes; else evidence is missing, weak or unreadable."""
        return self.code in _CONTRADICTIONS


def entry(code: str) -> str | None:
    """Give the text of a code's entry, without its heading; None for what is no code."""
    return _entries().get(code)


def reason(code: str) -> Reason:
    """Give a code's entry; every code has one."""
    parts = dict(line.split(": ", 1) for line in _entries()[code].splitlines())
    return Reason(code, parts["Means"], parts["Behind it"], parts["Do"], parts["Never"])


@cache
def _entries() -> dict[str, str]:
    page = (files("verifier") / "data" / "reasons.md").read_text(encoding="utf-8")
    found = re.findall(r"^## ([a-z-]+)\n(.*?)(?=\n## |\Z)", page, re.DOTALL | re.MULTILINE)
    return {code: text.rstrip() for code, text in found}

"""What came of asking for a key, and what that makes of a refusal for want of it.

Values only: who is asked, and over what, is the business of `keyserver`; that a key is asked for
at all, and for whom, that of the corridor.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from verifier.errors import Fact, KeyExpired, KeyUnknown, Offline, ReasonedError, Unreachable
from verifier.judge import Findings, Mark, Step
from verifier.openpgp.certificate import RawCertificate
from verifier.openpgp.key import key_id
from verifier.signing import SignatureFinding

_OWNER = "get the key from its owner and add it with verifier keys import FILE"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What the key servers said about one key.

    Shape: `found` are stripped certificates; `unknown_to` are the servers that have no such key;
    `silent` are those without an answer of use, each with the reason in brackets.  With `offline`
    nobody was asked.  `news` tells whether something came that was not at hand.
    """

    fingerprint: str
    found: tuple[RawCertificate, ...] = ()
    unknown_to: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    offline: bool = False
    news: bool = False

    def told(self) -> str:
        """Tell in one line who was asked and what came of it."""
        if self.offline:
            return "the network may not be asked"
        said = [f"no answer of use from {', '.join(self.silent)}"] if self.silent else []
        if self.found:
            said.insert(0, "it was found" if self.news else "it was found, with nothing new")
        elif self.unknown_to:
            said.insert(0, f"no such key at {', '.join(self.unknown_to)}")
        return "; ".join(said) or "the policy names no key server"

    def failure(self) -> ReasonedError | None:
        """Say why there is no key; None where there is one."""
        if self.found:
            return None
        wanted = Fact(f"the key {self.fingerprint}")
        if self.offline:
            return Offline(f"the key {self.fingerprint} is not at hand, and the network may not be asked")
        if self.silent:
            return Unreachable(
                "the signer's key is not at hand, and key servers do not answer",
                expected=wanted,
                received=Fact(f"no answer of use from {', '.join(self.silent)}"),
                hint=f"try again later, or {_OWNER}",
            )
        unknown = KeyUnknown(
            "the signer's key is not at hand, and no key server has it", expected=wanted, hint=self._hint()
        )
        unknown.fingerprint = self.fingerprint
        return unknown

    def _hint(self) -> str:
        return f"{self.told()}: {_OWNER}"


def keys_to_ask(causes: Iterable[ReasonedError]) -> tuple[str, ...]:
    """Name the keys whose absence or age is a cause of refusal, each once, in their order.

    Shape: full fingerprints, all of trusted signers: of any other the judge says `key-untrusted`.
    """
    named = (cause.fingerprint for cause in causes if isinstance(cause, KeyUnknown | KeyExpired))
    return tuple(dict.fromkeys(fingerprint for fingerprint in named if fingerprint))


def settle(findings: Findings, asked: Iterable[Inquiry]) -> Findings:
    """Put what came of asking for keys into the findings that were made after it.

    An absent key is unavailable where somebody who could have it was not heard, unknown where all
    said no; an expired copy stays expired, and its hint says who was asked.
    """
    inquiries = {inquiry.fingerprint: inquiry for inquiry in asked}
    causes = tuple(_settled(cause, inquiries) for cause in findings.causes)
    codes = {
        before.fingerprint: after.code
        for before, after in zip(findings.causes, causes, strict=True)
        if isinstance(before, KeyUnknown)
    }
    steps = tuple(
        Step("key servers", Mark.NOTED, f"asked for {fingerprint}: {inquiry.told()}")
        for fingerprint, inquiry in inquiries.items()
    )
    signatures = tuple(_marked(signature, codes) for signature in findings.signatures)
    return replace(findings, steps=(*findings.steps, *steps), causes=causes, signatures=signatures)


def _settled(cause: ReasonedError, inquiries: Mapping[str, Inquiry]) -> ReasonedError:
    if not isinstance(cause, KeyUnknown | KeyExpired) or cause.fingerprint not in inquiries:
        return cause
    inquiry = inquiries[cause.fingerprint]
    if isinstance(cause, KeyExpired):
        cause.hint = f"{inquiry.told()}; {cause.hint}"
        return cause
    instead = inquiry.failure() or cause
    instead.expected, instead.received = cause.expected, instead.received or cause.received
    return instead


def _marked(signature: SignatureFinding, codes: Mapping[str, str]) -> SignatureFinding:
    """Give an unjudged signature the code of what keeps its key away."""
    if signature.status != KeyUnknown.code:
        return signature
    for fingerprint, code in codes.items():
        if fingerprint == signature.fingerprint or key_id(fingerprint) == signature.key_id:
            return replace(signature, status=code)
    return signature

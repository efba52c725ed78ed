"""Trust, shown: who may sign what, and what is known of a signer who may not yet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap

import click

from verifier.judged import JudgedSignature
from verifier.openpgp.certificate import Certificate
from verifier.outcome import Json, timestamp
from verifier.report import keys
from verifier.report.escape import printable
from verifier.statements import Statement
from verifier.suggestion import Caution, GroupCase, KnownSigner, SignerCase
from verifier.trust import TrustEntry

WIDTH = 80
SERVICE = "a service's key: it says which service uploaded a file, not who made it"
SHOWN = 5
"""How many of many alike are shown; JSON has them all."""

_LABEL = 13


@dataclass(frozen=True, slots=True)
class Shown:
    """What would be written, where, and the command that writes it."""

    file: str
    toml: str
    command: str


def entry_lines(entry: TrustEntry) -> Iterator[str]:
    """Tell one trust entry, line by line."""
    yield click.style(printable(entry.pattern.text), bold=True)
    for key in entry.keys:
        yield from _row("key", f"{key}{', that key alone' if entry.exact else ''}")
    witnesses = "" if entry.witnesses is None else f", {_count(entry.witnesses, 'witness', 'witnesses')}"
    yield from _row("from", f"{entry.where}{witnesses}")
    yield from _row("origin", entry.origin)
    yield from _row("reason", entry.reason)
    if entry.legacy_before is not None:
        yield from _row("legacy", f"counts if made before {entry.legacy_before}")
    if entry.expires is not None:
        yield from _row("expires", str(entry.expires))
    if entry.kind == "service":
        yield from _row("note", SERVICE)


def entry_fields(entry: TrustEntry) -> dict[str, Json]:
    """Give the fields of one trust entry."""
    return {
        "match": entry.pattern.text,
        "keys": list(entry.keys),
        "exact": entry.exact,
        "kind": entry.kind,
        "witnesses": entry.witnesses,
        "legacy_before": None if entry.legacy_before is None else str(entry.legacy_before),
        "expires": None if entry.expires is None else str(entry.expires),
        "origin": entry.origin or None,
        "reason": entry.reason or None,
        "where": entry.where,
        "note": SERVICE if entry.kind == "service" else None,
    }


def signer_lines(case: SignerCase, domains: Sequence[str], now: datetime) -> Iterator[str]:
    """Tell what is known of a signer, whichever the group."""
    yield click.style(f"signer {case.fingerprint or case.signer}", bold=True)
    if case.fingerprint is None:
        text = "the signatures name this key id alone; the full fingerprint must come from the publisher"
        yield from _row("key", text)
    elif case.fingerprint != case.signer:
        yield from _row("key", f"the signatures name the key id {case.signer} alone; others state this key with it")
    if case.certificate is None:
        yield from _row("", "no copy is at hand, so no signature here was checked with it")
    else:
        yield from _row("key", _key_text(case, now))
    yield from _row("domains", ", ".join(domains))
    if case.service:
        yield from _row("note", SERVICE)
    yield from _row("elsewhere", _elsewhere(case.elsewhere))


def _key_text(case: SignerCase, now: datetime) -> str:
    certificate = case.certificate
    if certificate is None:
        return ""
    key = certificate.primary
    words = [keys.algorithm(key), f"created {key.created:%Y-%m-%d}"]
    if certificate.bare:
        words.append("says nothing of itself, so its expiry is unknown")
    else:
        words.append(f"expires {keys.day(certificate.expires, 'never')}")
    if certificate.revocation is not None:
        words.append(f"REVOKED {keys.revoked(certificate.revocation)}")
    if certificate.as_of is not None:
        words.append(f"copy {keys.age(now - certificate.as_of)} old")
    if key.is_weak:
        words.append("weak: all it signs is legacy evidence")
    return ", ".join(words)


def _elsewhere(stated: Sequence[Statement]) -> str:
    counting = sorted((one for one in stated if one.standing), key=lambda one: -one.standing)
    shown = ", ".join(f"{one.pattern} ({one.standing})" for one in counting[:SHOWN])
    rest = f", and {len(counting) - SHOWN} more" if len(counting) > SHOWN else ""
    return f"stated for {shown}{rest}" if counting else ""


def group_lines(case: SignerCase, group: GroupCase, shown: Shown | None) -> Iterator[str]:
    """Tell what is known of a signer in one group; `shown` is what would be written, where that may be said."""
    signer = case.fingerprint or case.signer
    yield ""
    yield click.style(f"group {printable(group.group)}", bold=True)
    for judged in group.waiting[:SHOWN]:
        yield from _row("refused", f"{judged.coordinate}  {', '.join(judged.codes)}")
    if len(group.waiting) > SHOWN:
        yield from _row("", f"and {len(group.waiting) - SHOWN} more")
    yield from _row("signs here", _uses_text(group))
    yield from _row("signatures", _signatures_text([signature for _, signature in group.uses]))
    yield from _stated_lines(group)
    if group.known and group.trusted is None:
        yield from known_lines(group.known, signer, case.certificate)
    for caution in group.cautions:
        yield from caution_lines(caution)
    if group.trusted is not None and not group.cautions:
        text = f"already, by {group.trusted.where} ({group.trusted.pattern}): what is missing is "
        missing = any("key-unknown" in judged.codes for judged in group.waiting)
        refresh = f"its key: verifier keys refresh {signer}, or list it under [keys] files"
        yield from _row("trusted", text + (refresh if missing else "a new look: fetch again"))
    if shown is not None:
        yield from _row("would write", f"to {shown.file}, if you decide to trust this signer:")
        yield from (f"    {line}".rstrip() for line in shown.toml.splitlines())
        yield from _row("by", "")
        yield f"    {shown.command}"


def _stated_lines(group: GroupCase) -> Iterator[str]:
    if not group.stated:
        yield from _row("stated", "by nobody for this group")
    for statement in group.stated[:SHOWN]:
        yield from _row("stated", statement_text(statement))
    if len(group.stated) > SHOWN:
        yield from _row("", f"and {len(group.stated) - SHOWN} more")
    if group.wide:
        yield from _row("", f"and by generated wildcards ({', '.join(one.pattern for one in group.wide[:SHOWN])})")


def known_lines(known: Sequence[KnownSigner], fingerprint: str, certificate: Certificate | None) -> Iterator[str]:
    """Put a new signer and those that are known side by side, loudly."""
    yield click.style("  !! A KNOWN GROUP HAS A NEW SIGNER", fg="red", bold=True)
    yield f"     new    {fingerprint}"
    yield f"            {_key_in_short(certificate)}"
    for one in known[:SHOWN]:
        yield f"     known  {one.fingerprint}"
        met = f"; met here with {', '.join(one.versions[-SHOWN:])}" if one.versions else ""
        for said in (_key_in_short(one.certificate) + met, one.source):
            yield from wrap(
                printable(said), WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12, break_on_hyphens=False
            )
    if len(known) > SHOWN:
        yield f"            and {len(known) - SHOWN} more: --format json shows all"


def _key_in_short(certificate: Certificate | None) -> str:
    if certificate is None:
        return "no copy of the key is at hand"
    return f"{keys.algorithm(certificate.primary)}, created {certificate.primary.created:%Y-%m-%d}"


def caution_lines(caution: Caution) -> Iterator[str]:
    """Tell a caution, loudly."""
    lines = wrap(caution.value, WIDTH, initial_indent="  !! ", subsequent_indent="     ", break_on_hyphens=False)
    yield from (click.style(line, fg="red", bold=True) for line in lines)


def _uses_text(group: GroupCase) -> str:
    versions = group.versions
    span = versions[0] if len(versions) == 1 else f"{len(versions)} versions, {versions[0]} to {versions[-1]}"
    days = list(dict.fromkeys(f"{moment:%Y-%m-%d}" for moment in group.dates))
    dated = f", dated {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") if days else ""
    return f"{span}{dated}, by the signatures' own word"


def _signatures_text(signatures: Sequence[JudgedSignature]) -> str:
    """Count what is known of the signatures met here: verified over the bytes, unchecked, bad; and legacy."""
    counts = {
        "verify over the bytes": sum(one.primary is not None for one in signatures),
        "not checked": sum(one.primary is None and one.status != "signature-bad" for one in signatures),
        "BAD": sum(one.status == "signature-bad" for one in signatures),
        "legacy": sum(one.legacy for one in signatures),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def statement_text(statement: Statement) -> str:
    """Say who states a signer for a pattern."""
    counts = {
        ("project", "projects"): statement.projects,
        ("former project", "former projects"): statement.former,
        ("unmerged proposal", "unmerged proposals"): statement.unmerged,
        ("container recipe", "container recipes"): statement.recipes,
        ("statement of the owner", "statements of the owner"): statement.owners,
        ("other source", "other sources"): statement.others,
    }
    text = ", ".join(_count(count, *nouns) for nouns, count in counts.items() if count)
    text = f"for {statement.pattern} by {text or 'nobody'}"
    if statement.last is not None:
        met = "seen signing" if statement.seen == "good" else "seen named as the signer"
        legacy = ", legacy" if statement.legacy else ""
        text += f"; {met} {statement.last}{legacy}"
    if statement.revoked:
        text += f"; REVOKED ({statement.revoked})" + (f" {statement.revoked_on}" if statement.revoked_on else "")
    return f"{text}; starter map: {statement.fate}"


def signer_fields(
    case: SignerCase, domains: Sequence[str], now: datetime, shown: Callable[[SignerCase, GroupCase], Shown | None]
) -> dict[str, Json]:
    """Give all that is known of a signer."""
    return {
        "signer": case.signer,
        "fingerprint": case.fingerprint,
        "key": None if case.certificate is None else keys.fields(case.certificate, ()),
        "state": keys.state(case.certificate, case.signer, now),
        "domains": list(domains),
        "service": case.service or None,
        "elsewhere": [statement_fields(statement) for statement in case.elsewhere],
        "groups": [_group_fields(group, shown(case, group)) for group in case.groups],
    }


def _group_fields(group: GroupCase, shown: Shown | None) -> dict[str, Json]:
    days = group.dates
    return {
        "group": group.group,
        "waiting": [
            {"coordinate": str(one.coordinate), "codes": list(one.codes), "record": one.record} for one in group.waiting
        ],
        "signatures": [
            {
                "coordinate": str(judged.coordinate),
                "judged": judged.status,
                "created": timestamp(signature.created),
                "digest": signature.digest,
                "status": signature.status,
                "verifies": signature.primary is not None,
                "legacy": signature.legacy,
            }
            for judged, signature in group.uses
        ],
        "versions": list(group.versions),
        "since": None if group.since is None else str(group.since),
        "until": timestamp(days[-1]) if days else None,
        "statements": [statement_fields(one) for one in (*group.stated, *group.wide)],
        "known_signers": [
            {
                "fingerprint": one.fingerprint,
                "source": one.source,
                "trusted": one.trusted,
                "key": None if one.certificate is None else keys.fields(one.certificate, ()),
                "versions": list(one.versions),
            }
            for one in group.known
        ],
        "cautions": [{"caution": caution.code, "text": caution.value} for caution in group.cautions],
        "trusted": None if group.trusted is None else entry_fields(group.trusted),
        "proposal": None if shown is None else {"file": shown.file, "toml": shown.toml, "command": shown.command},
    }


def statement_fields(one: Statement) -> dict[str, Json]:
    """Give the fields of a statement."""
    return {
        "match": one.pattern,
        "projects": one.projects,
        "former_projects": one.former,
        "unmerged": one.unmerged,
        "recipes": one.recipes,
        "owners": one.owners,
        "others": one.others,
        "seen": one.seen or None,
        "last_seen": None if one.last is None else str(one.last),
        "legacy": one.legacy,
        "revoked": one.revoked or None,
        "revoked_on": None if one.revoked_on is None else str(one.revoked_on),
        "starter_map": one.fate,
    }


def _row(label: str, text: str) -> Iterator[str]:
    """Give one labelled row, wrapped; nothing for an empty text without a label of its own."""
    if not text and label != "by":
        return
    head = f"  {label:<{_LABEL}}"
    lines = wrap(
        printable(text), WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
    yield from lines or [head.rstrip()]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"

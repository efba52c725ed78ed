"""Reads the collected facts that the starter trust map is made from.

Knows the tables' columns and their words; what follows from them is for `starter_rules`.
"""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypedDict

from starter_rules import Facts, Key, Named, Sighting, Source, Statement

from verifier.openpgp.certificate import Certificate, RawCertificate, index_certificates, isolate, parse_certificates

SERVICES = {
    "EB4C1BFD4F042F6DDDCCEC917721F63BD38B4796": "Google's package signing service",
    "8756C4F765C9AC3CB6B85D62379CE192D401AB61": "Bintray's signing service",
    "69859CF50A3C1EB40A90D5FD2D6641C6AF88103E": "Sonatype's upload service of old",
}
"""Keys of services that sign for many publishers: primary fingerprint and name."""

OWN_SIGHTINGS = Path(__file__).with_name("sightings.tsv")
"""Signatures that were met where the facts are silent, in the columns of their `signing-practice.tsv`."""

Row = dict[str, str]


class Owner(TypedDict, total=False):
    """An owner's own statement in the trust map."""

    repo: str
    until: str


class Stated(TypedDict, total=False):
    """One key under a pattern of the trust map, or of its groups."""

    fingerprint: str
    sources: list[str]
    former_sources: list[str]
    unmerged_sources: list[str]
    map_version_ranges: dict[str, list[str]]
    keysmap_version_ranges: list[str]
    first_party: list[Owner]
    revoked: dict[str, str]
    seen_live: dict[str, str]


class Provenance(TypedDict):
    """Where statements of the trust map were read."""

    repo: str
    project: str
    merged: bool | None


class TrustMap(TypedDict):
    """What is read of the trust map."""

    provenance: list[Provenance]
    patterns: dict[str, list[Stated]]
    groups: dict[str, list[Stated]]
    exceptions: list[Row]


_WITHDRAWN = "revoked-or-withdrawn:"
_KEY_BITS = re.compile(r"(?:RSA|DSA)([0-9]+)")
_LEGACY_BITS = 2048
_UNTIL = re.compile(r"until ([0-9]{4}-[0-9]{2}-[0-9]{2})")
_EXPIRY = re.compile(r"expiry stated ([0-9]{4}-[0-9]{2}-[0-9]{2})")
_MAJOR_VERSIONS = re.compile(r"([0-9]+)\.x and ([0-9]+)\.x")
_NO_LONGER_PUBLISHED = ("not in the newest version of the file", "file removed")
_MET = frozenset({"good", "seen-only"})
"""Results of a signature that names the key as its signer and does not fail."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KEYS_MAP = "s4u/pgp-keys-map"
"""The map whose version ranges stand under `keysmap_version_ranges`."""
_EVERY_VERSION = "(,0.0.0],[0.0.0,)"


@dataclass(frozen=True)
class Ring:
    """The key material of the facts: whole certificates, and what is known of single keys.

    `primaries` leads from a signing subkey to its primary; `loose` are the subkeys that none bound
    so, or that were revoked as compromised since.
    """

    certificates: dict[str, Certificate]
    raw: dict[str, RawCertificate]
    primaries: dict[str, str]
    loose: dict[str, str]

    def key(self, fingerprint: str) -> Key:
        """Name the key that a statement about a fingerprint is about.

        A signing subkey stands for its primary.  A loose one, and a key of which we have no
        material, is taken for itself alone.
        """
        primary = self.primaries.get(fingerprint, fingerprint)
        return Key(primary, exact=primary not in self.certificates)

    def compromised(self) -> Iterator[str]:
        """Give the fingerprints that were revoked for good."""
        for certificate in self.certificates.values():
            parts = [(certificate.primary, certificate.revocation)]
            parts += [(subkey.key, subkey.revocation) for subkey in certificate.subkeys]
            yield from (key.fingerprint for key, revocation in parts if revocation and revocation.hard)

    def is_weak(self, key: Key) -> bool:
        """Whether every signature under the key is legacy evidence, that of a strong subkey too."""
        certificate = self.certificates.get(key.fingerprint)
        return certificate is not None and certificate.primary.is_weak

    def had_ended(self, key: Key, day: date) -> bool:
        """Whether our copy of the key shows an expiry before that day."""
        certificate = self.certificates.get(key.fingerprint)
        return certificate is not None and certificate.expires is not None and certificate.expires.date() < day

    def facts(self, key: Key) -> Certificate | None:
        """Give what the key table says of a key."""
        if not key.exact:
            return self.certificates[key.fingerprint]
        owner = self.loose.get(key.fingerprint)
        return None if owner is None else isolate(self.raw[owner], key.fingerprint)


def read_facts(directory: Path, ring: Ring, as_of: date) -> Facts:
    """Gather what the rules go by."""
    trust_map = read_trust_map(directory)
    publishers = list(rows(directory / "publisher-keys.tsv"))
    statements = [*_stated_by_projects(trust_map, ring), *_stated_by_publishers(publishers, ring)]
    pairs = [(pattern, stated) for pattern, found in trust_map["patterns"].items() for stated in found]
    mentions = {(Named.parse(pattern), ring.key(stated["fingerprint"])) for pattern, stated in pairs}
    revoked = {stated["fingerprint"] for _, stated in pairs if stated.get("revoked", {}).get("kind") == "hard"}
    return Facts(
        as_of=as_of,
        statements=tuple(statements),
        mentions=frozenset(mentions | {(statement.named, statement.key) for statement in statements}),
        sightings=tuple(
            replace(seen, legacy=ring.is_weak(seen.key) or seen.legacy)
            for seen in _sightings(directory, trust_map, publishers, ring)
        ),
        services=SERVICES,
        compromised=frozenset(ring.key(fingerprint) for fingerprint in revoked | set(ring.compromised())),
        denied=frozenset(_denied(trust_map, ring)),
        complete=_complete(publishers, ring),
    )


def read_trust_map(directory: Path) -> TrustMap:
    """Read the map of who states which key."""
    trust_map: TrustMap = json.loads((directory / "trust-map.json").read_text(encoding="utf-8"))
    return trust_map


def _stated_by_projects(trust_map: TrustMap, ring: Ring) -> Iterator[Statement]:
    """Give a statement for each project whose newest published file holds the pair, and the owners'."""
    projects = {source["repo"]: source["project"] for source in trust_map["provenance"] if source.get("merged")}
    for pattern, found in trust_map["patterns"].items():
        for stated in found:
            named, key = Named.parse(pattern), ring.key(stated["fingerprint"])
            for source in stated.get("sources", []):
                if source in projects:
                    yield Statement(named, key, Source.PROJECT, projects[source], _versions(stated, source))
            for owner in stated.get("first_party", []):
                until = date.fromisoformat(owner["until"]) if "until" in owner else None
                yield Statement(named, key, Source.OWNER, owner["repo"], until=until)


def _versions(stated: Stated, source: str) -> tuple[str, ...]:
    ranges = stated.get("map_version_ranges", {}).get(source, [])
    if source == _KEYS_MAP:
        ranges = [*ranges, *stated.get("keysmap_version_ranges", [])]
    return tuple(text for text in ranges if text != _EVERY_VERSION)


def _stated_by_publishers(publishers: Iterable[Row], ring: Ring) -> Iterator[Statement]:
    kinds = {"first-party": Source.OWNER, "container-recipe": Source.RECIPE}
    for row in publishers:
        if row["kind"] in kinds:
            note = row["note"] or ""
            majors = _MAJOR_VERSIONS.search(note)
            lapsed = any(words in note for words in _NO_LONGER_PUBLISHED)
            known = filter(None, (_day_in(_DAY, row["stated"]), _day_in(_DAY, row["seen_live"])))
            yield Statement(
                named=Named.parse(row["pattern"]),
                key=ring.key(row["fingerprint"]),
                source=kinds[row["kind"]],
                witness=row["source"],
                versions=(f"[{majors[1]},{int(majors[2]) + 1})",) if majors else (),
                until=_day_in(_UNTIL, note),
                lapsed=max(known) if lapsed else None,
                expiry=_day_in(_EXPIRY, note),
            )


def _day_in(pattern: re.Pattern[str], text: str) -> date | None:
    match = pattern.search(text)
    return date.fromisoformat(match[match.lastindex or 0]) if match else None


def _denied(trust_map: TrustMap, ring: Ring) -> Iterator[tuple[Named, Key]]:
    """Give the pairs of which a source says that the key was withdrawn there."""
    for exception in trust_map["exceptions"]:
        if exception["statement"].startswith(_WITHDRAWN):
            group, _, rest = exception["pattern"].partition(":")
            fingerprint = exception["statement"].removeprefix(_WITHDRAWN)
            yield Named.parse(f"{group}:{rest.partition(':')[0]}"), ring.key(fingerprint)


def _complete(publishers: Iterable[Row], ring: Ring) -> dict[str, frozenset[Key]]:
    found: dict[str, frozenset[Key]] = {}
    for row in publishers:
        if "exhaustive list" in (row["note"] or ""):
            found[row["pattern"]] = found.get(row["pattern"], frozenset()) | {ring.key(row["fingerprint"])}
    return found


def _sightings(directory: Path, trust_map: TrustMap, publishers: Iterable[Row], ring: Ring) -> Iterator[Sighting]:
    """Give every signature that was met, from each table that tells of some."""
    for row in (*rows(directory / "signing-practice.tsv"), *rows(OWN_SIGHTINGS)):
        if row["result"] in _MET:
            yield _sighting(row["coordinate"], row["signing_fingerprint"], row, ring, legacy=_is_legacy(row))
    for row in rows(directory / "current-signers.tsv"):
        if row["result"] in _MET:
            yield _sighting(row["coordinate"], row["signer"], row, ring, legacy=None)
    yield from _legacy_signers(directory / "legacy-signers.tsv", ring)
    for row in publishers:
        result, _, made = row["seen_live"].partition(" ")
        if made:
            # `sha1-older` tells of an older signature, and so of this one that it is clean.
            legacy = row["legacy"] != "no" and "-older" not in row["legacy"]
            yield _group_sighting(row["pattern"], row["fingerprint"], result, made, ring, legacy=legacy)
    for pattern, found in trust_map["groups"].items():
        for stated in found:
            seen = stated.get("seen_live", {})
            if "last" in seen:
                yield _group_sighting(pattern, stated["fingerprint"], seen["result"], seen["last"], ring, legacy=None)


def _legacy_signers(path: Path, ring: Ring) -> Iterator[Sighting]:
    for row in rows(path):
        for column, legacy in (("last_seen", True), ("newest_modern_seen", False)):
            if made := _day_in(_DAY, row[column]):
                # The table does not say of which group it was: the day tells of the signer alone.
                yield Sighting("", "", ring.key(row["primary"]), made, verified=False, legacy=legacy)


def _group_sighting(
    pattern: str, fingerprint: str, result: str, made: str, ring: Ring, *, legacy: bool | None
) -> Sighting:
    group, key, day = Named.parse(pattern).group, ring.key(fingerprint), date.fromisoformat(made)
    good = result == "good"
    return Sighting(group, "", key, day, good, legacy, after_expiry=good and ring.had_ended(key, day))


def _sighting(coordinate: str, fingerprint: str, row: Row, ring: Ring, *, legacy: bool | None) -> Sighting:
    group, artifact = coordinate.split(":")[:2]
    return Sighting(
        group=group,
        artifact=artifact,
        key=ring.key(fingerprint),
        made=date.fromisoformat(row["made"]),
        verified=row["result"] == "good",
        legacy=legacy,
        after_expiry=row["key_state"] == "expired-in-our-copy",
    )


def _is_legacy(row: Row) -> bool:
    bits = _KEY_BITS.fullmatch(row["key"])
    return row["digest"] == "SHA1" or row["sig_version"] == "3" or bool(bits and int(bits[1]) < _LEGACY_BITS)


def rows(path: Path) -> Iterator[Row]:
    """Read a table whose first line names its columns; lines with a # before it are for people."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def read_ring(directory: Path) -> Ring:
    """Read every certificate of the facts, copies of one put together."""
    data = b"\n".join(path.read_bytes() for path in sorted(directory.glob("*.asc")))
    raw = {found.fingerprint: found for found in index_certificates(data, skipped=_complain)}
    certificates = {found.primary.fingerprint: found for found in parse_certificates(data, skipped=_complain)}
    primaries = {
        subkey.key.fingerprint: certificate.primary.fingerprint
        for certificate in certificates.values()
        for subkey in certificate.subkeys
        if subkey.signs and not (subkey.revocation and subkey.revocation.hard)
    }
    loose = {name: found.fingerprint for found in raw.values() for name in found.subkey_fingerprints}
    return Ring(certificates, raw, primaries, {name: loose[name] for name in loose.keys() - primaries.keys()})


def _complain(reason: str) -> None:
    print(f"skipped: {reason}", file=sys.stderr)

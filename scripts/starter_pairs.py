"""Counts what all sources say of each pair of a pattern and a key, for `trust suggest`.

Counts and dates, no judgement: what became of a pair in the map is told by `starter_rules`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from starter_facts import Ring, Row, TrustMap, read_trust_map, rows
from starter_rules import Facts, Key, Named, Sighting

Pair = tuple[Named, Key]


@dataclass
class Count:
    """Who states one pair: the names of independent sources, by how their statement stands."""

    projects: set[str] = field(default_factory=set)
    former: set[str] = field(default_factory=set)
    unmerged: set[str] = field(default_factory=set)
    recipes: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)

    def numbers(self) -> list[str]:
        """Give the counts, each source in the first column that has it and in no other."""
        former = self.former - self.projects
        unmerged = self.unmerged - self.projects - former
        columns = (self.projects, former, unmerged, self.recipes, self.owners, self.others)
        return [str(len(names)) for names in columns]


def pair_lines(directory: Path, ring: Ring, facts: Facts, fates: Mapping[Pair, str]) -> list[str]:
    """Give a line for each pair as `verifier.statements` reads it, sorted."""
    trust_map = read_trust_map(directory)
    counts: dict[Pair, Count] = defaultdict(Count)
    told: dict[Key, tuple[str, str]] = {}
    _count_projects(trust_map, ring, counts, told)
    for row in rows(directory / "publisher-keys.tsv"):
        _count_publisher(row, counts[Named.parse(row["pattern"]), ring.key(row["fingerprint"])])
    lines = []
    for (named, key), count in counts.items():
        columns = [str(named), key.fingerprint, "exact" if key.exact else "primary", *count.numbers()]
        columns += [*_seen(named, key, facts), _revoked(key, ring, told), fates.get((named, key), "too few witnesses")]
        lines.append("\t".join(columns))
    return sorted(lines)


def _count_projects(
    trust_map: TrustMap, ring: Ring, counts: dict[Pair, Count], told: dict[Key, tuple[str, str]]
) -> None:
    sources = {source["repo"]: source for source in trust_map["provenance"]}
    for pattern, found in trust_map["patterns"].items():
        for stated in found:
            key = ring.key(stated["fingerprint"])
            count = counts[Named.parse(pattern), key]
            for repo in stated.get("sources", []):
                if repo in sources:
                    merged = sources[repo].get("merged")
                    (count.projects if merged else count.unmerged).add(sources[repo]["project"])
            count.former |= {sources[repo]["project"] for repo in stated.get("former_sources", []) if repo in sources}
            unmerged = (repo for repo in stated.get("unmerged_sources", []) if repo in sources)
            count.unmerged |= {sources[repo]["project"] for repo in unmerged}
            count.owners |= {owner["repo"] for owner in stated.get("first_party", [])}
            revoked = stated.get("revoked", {})
            # A revoked subkey says nothing of the primary that stands for it here.
            if "kind" in revoked and (key.exact or revoked.get("of") != "subkey"):
                told[key] = (revoked["kind"], revoked.get("date", ""))


def _count_publisher(row: Row, count: Count) -> None:
    kinds = {"first-party": count.owners, "container-recipe": count.recipes}
    kinds.get(row["kind"], count.others).add(row["source"])


def _seen(named: Named, key: Key, facts: Facts) -> Iterator[str]:
    """Give how and when the key was seen signing what the pattern names, and whether that was legacy evidence."""
    covered = [s for s in facts.seen_by_key[key] if s.group and named.covers(_named(s, named))]
    if not covered:
        yield from ("-", "-", "-")
        return
    newest = max(covered, key=lambda sighting: (sighting.made, sighting.verified))
    yield "good" if any(sighting.verified for sighting in covered) else "named"
    yield str(newest.made)
    legacy = [s for s in (*covered, *_of_key_alone(key, facts)) if s.legacy is not None]
    last = max(legacy, key=lambda sighting: sighting.made, default=None)
    yield "-" if last is None else "legacy" if last.legacy else "clean"


def _named(sighting: Sighting, named: Named) -> Named:
    """Name what was seen; where a table tells of the group alone, it may have been any artifact."""
    return Named(sighting.group, artifact=sighting.artifact or named.artifact)


def _of_key_alone(key: Key, facts: Facts) -> list[Sighting]:
    return [sighting for sighting in facts.seen_by_key[key] if not sighting.group]


def _revoked(key: Key, ring: Ring, told: Mapping[Key, tuple[str, str]]) -> str:
    certificate = ring.facts(key)
    if certificate is not None and certificate.revocation is not None:
        kind = "hard" if certificate.revocation.hard else "soft"
        return f"{kind}:{certificate.revocation.made:%Y-%m-%d}"
    kind, day = told.get(key, ("-", ""))
    return f"{kind}:{date.fromisoformat(day)}" if day else kind

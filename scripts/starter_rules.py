"""Decides which signers the starter trust map names, and until when their weaker evidence counts.

Takes facts and gives entries, without reading or writing anything.  The rules:

- Two or more independent projects state the key for what the entry names, each by a statement that
  covers it; a container recipe counts as one.  Or the owner states it, and that alone is enough.
- An entry never reaches further than a statement.  A wildcard over one or two segments was written
  by a generator and becomes no entry itself.  It counts for the groups and artifacts that another
  statement names with the same key, for the groups that the key was seen signing, and, where it is the only key
  stated for the wildcard, for every group that is stated exactly.
- A service's key says which service uploaded a file.  It counts only for what is named exactly.
- A statement for some versions counts for those; the entry keeps the range.
- A key, or a signing subkey, that was revoked as compromised is left out, and so is a pair that a
  source withdrew or that the owner's list, where it calls itself complete, leaves out.
- What the owner states until a day ends then, whoever else states it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import cached_property
from typing import TypeVar

ENOUGH_WITNESSES = 2
SEGMENTS_OF_A_STATED_WILDCARD = 3
FIRST_COLLISION = date(2017, 2, 23)
ONE_YEAR = timedelta(days=365)
STILL_IN_USE = 3 * ONE_YEAR
"""How long ago a practice may have been seen last: the sample holds few artifacts, often not the newest."""
COVERED = "covered by a wider entry of the same key"
SERVICE_REASON = "{} signs what others upload: it tells which service uploaded a file, not who made it"


@dataclass(frozen=True, order=True)
class Named:
    """What a statement names: a group or all below it, and there one artifact or every one."""

    group: str
    below: bool = False
    artifact: str = ""

    @classmethod
    def parse(cls, text: str) -> "Named":
        """Read `group`, `group.*`, or either with `:artifact`, where `*` is every artifact."""
        group, _, artifact = text.partition(":")
        return cls(group.removesuffix(".*"), group.endswith(".*"), "" if artifact == "*" else artifact)

    def __str__(self) -> str:
        return self.group + (".*" if self.below else "") + (f":{self.artifact}" if self.artifact else "")

    def covers(self, other: "Named") -> bool:
        """Whether all that the other names is named by this."""
        within = other.group == self.group and (self.below or not other.below)
        within = within or (self.below and other.group.startswith(f"{self.group}."))
        return within and self.artifact in {"", other.artifact}

    def meets(self, other: "Named") -> bool:
        """Whether one covers the other."""
        return self.covers(other) or other.covers(self)

    @property
    def is_generated(self) -> bool:
        """Whether it is a wildcard so wide that only a generator writes it."""
        return self.below and self.group.count(".") + 1 < SEGMENTS_OF_A_STATED_WILDCARD

    @property
    def can_be_an_entry(self) -> bool:
        """Whether the policy's patterns can express it."""
        return not self.is_generated and not (self.below and self.artifact)


@dataclass(frozen=True, order=True)
class Key:
    """A primary key that stands for its signing subkeys, or with `exact` one key alone."""

    fingerprint: str
    exact: bool = False


class Source(Enum):
    """Who states something."""

    PROJECT = "independent project"
    RECIPE = "container recipe"
    OWNER = "owner"


@dataclass(frozen=True)
class Statement:
    """That somebody holds a key for the signer of something.

    `versions` are Maven ranges, none for every version.  `until` is the last day that the owner
    states; `lapsed` the last day for which a list is known that is no longer published;
    `expiry` the key's own end where the owner says more than our copy of the key.
    """

    named: Named
    key: Key
    source: Source
    witness: str
    versions: tuple[str, ...] = ()
    until: date | None = None
    lapsed: date | None = None
    expiry: date | None = None


@dataclass(frozen=True)
class Sighting:
    """A signature met on an artifact: `verified` over the file, `legacy`, or after the key's end."""

    group: str
    artifact: str
    key: Key
    made: date
    verified: bool
    legacy: bool | None = None
    after_expiry: bool = False


@dataclass(frozen=True)
class Facts:
    """All that the selection goes by.

    `mentions` is what any source names, also those that no longer count.  `services` names services
    by their key's fingerprint.  `denied` holds what a source withdrew, `complete` the keys of the
    owners' lists that call themselves complete.
    """

    as_of: date
    statements: tuple[Statement, ...]
    mentions: frozenset[tuple[Named, Key]]
    sightings: tuple[Sighting, ...]
    services: Mapping[str, str]
    compromised: frozenset[Key]
    denied: frozenset[tuple[Named, Key]]
    complete: Mapping[str, frozenset[Key]]

    @cached_property
    def stated_by_key(self) -> Mapping[Key, list[Statement]]:
        """The statements of each key."""
        return _by_key(self.statements)

    @cached_property
    def seen_by_key(self) -> Mapping[Key, list[Sighting]]:
        """The sightings of each key."""
        return _by_key(self.sightings)


@dataclass(frozen=True)
class Entry:
    """One line of the map; `pattern` is in the policy's own notation."""

    pattern: str
    key: Key
    kind: str
    witnesses: int
    legacy_before: date | None
    expires: date | None
    origin: str
    reason: str


@dataclass(frozen=True)
class _Support:
    """A named set of artifacts with the statements that carry it."""

    named: Named
    versions: str
    statements: tuple[Statement, ...]

    @property
    def pattern(self) -> str:
        return f"{self.named}:{self.versions}" if self.versions else str(self.named)

    def witnesses(self, source: Source) -> list[str]:
        return sorted({statement.witness for statement in self.statements if statement.source is source})

    @property
    def is_enough(self) -> bool:
        return bool(self.witnesses(Source.OWNER)) or self.has_enough_others

    @property
    def has_enough_others(self) -> bool:
        others = self.witnesses(Source.PROJECT) + self.witnesses(Source.RECIPE)
        return len(others) >= ENOUGH_WITNESSES


@dataclass(frozen=True)
class Selection:
    """The entries, sorted; how many of what was named did not become one, by rule; the fate of each named pair."""

    entries: list[Entry]
    dropped: Counter[str]
    fates: dict[tuple[Named, Key], str]


def select(facts: Facts) -> Selection:
    """Choose the entries, and tell of everything that was named what became of it."""
    entries: list[Entry] = []
    dropped: Counter[str] = Counter()
    fates: dict[tuple[Named, Key], str] = {}
    named_by_key: dict[Key, set[Named]] = defaultdict(set)
    for named, key in facts.mentions:
        named_by_key[key].add(named)
    for key, mentioned in named_by_key.items():
        supports = []
        for named in sorted(mentioned | _seen(key, facts)):
            problem = _obstacle(named, key, facts)
            found = [] if problem else list(_supports(named, key, facts))
            supports += found
            if named in mentioned:
                fates[named, key] = COVERED if found else problem or "too few witnesses"
                dropped.update([] if found else [fates[named, key]])
        kept = [support for support in supports if not _is_covered(support, supports)]
        dropped[COVERED] += len(supports) - len(kept)
        for support in kept:
            if support.named in mentioned:
                fates[support.named, key] = f"entry for {support.versions}" if support.versions else "entry"
        entries += [_entry(support, key, facts) for support in kept]
    entries += _break_down(entries, facts)
    return Selection(sorted(entries, key=lambda entry: (entry.pattern, entry.key)), dropped, fates)


def _break_down(entries: Iterable[Entry], facts: Facts) -> Iterator[Entry]:
    """Break a short wildcard down to the groups that are stated exactly.

    Only where one key alone is stated for the wildcard: it is then how the organisation signs.  Several
    keys are those of people, and the wildcard cannot tell who of them signs which group.
    """
    spoken_for = [(Named.parse(":".join(e.pattern.split(":")[:2])), e.key) for e in entries]
    exact = {Named(named.group) for named, _ in facts.mentions if not named.below}
    for wildcard in {named for named, _ in facts.mentions if named.is_generated and not named.artifact}:
        named_keys = {
            key for named, key in facts.mentions if named == wildcard and key.fingerprint not in facts.services
        }
        groups = [named for named in sorted(exact) if wildcard.covers(named)]
        found = {
            key: [s for named in groups if not _obstacle(named, key, facts) for s in _supports(named, key, facts)]
            for key in named_keys
        }
        stated = {key: supports for key, supports in found.items() if supports}
        if len(stated) != 1:
            continue
        ((key, supports),) = stated.items()
        known = [named for named, other in spoken_for if other == key]
        yield from (_entry(s, key, facts) for s in supports if not any(named.covers(s.named) for named in known))


def _seen(key: Key, facts: Facts) -> set[Named]:
    """Name the groups that a key was seen signing, and the artifacts where versions are stated."""
    if key.fingerprint in facts.services:
        return set()
    seen = {Named(sighting.group) for sighting in facts.seen_by_key[key] if sighting.group}
    if any(statement.versions for statement in facts.stated_by_key[key]):
        seen |= {Named(sighting.group, artifact=sighting.artifact) for sighting in facts.seen_by_key[key]}
    return seen


def _obstacle(named: Named, key: Key, facts: Facts) -> str:
    if key in facts.compromised:
        return "key revoked for good"
    if any(other == key and named.meets(what) for what, other in facts.denied):
        return "contradicted: withdrawn by a source"
    if any(named.meets(Named(group)) and key not in keys for group, keys in facts.complete.items()):
        return "contradicted: not in the owner's complete list"
    if key.fingerprint in facts.services and named.below:
        return "service key beyond what is named exactly"
    if not named.can_be_an_entry:
        return "generated wildcard broken down" if named.is_generated else "pattern that no policy can express"
    return ""


def _supports(named: Named, key: Key, facts: Facts) -> Iterator[_Support]:
    """Give what carries the named set: for every version, else for each stated range of versions."""
    stated = [s for s in facts.stated_by_key[key] if _counts(s, named, exactly=key.fingerprint in facts.services)]
    whole = tuple(statement for statement in stated if not statement.versions)
    support = _Support(named, "", whole)
    if support.is_enough:
        yield support
        return
    if named.artifact:
        for versions in sorted({versions for statement in stated for versions in statement.versions}):
            ranged = tuple(statement for statement in stated if versions in statement.versions)
            support = _Support(named, versions, whole + ranged)
            if support.is_enough:
                yield support


def _counts(statement: Statement, named: Named, *, exactly: bool) -> bool:
    if exactly and statement.named.below:
        return False
    return statement.named.covers(named) and not (statement.named.is_generated and named.below)


def _is_covered(support: _Support, supports: Iterable[_Support]) -> bool:
    wider = (other for other in supports if other.named != support.named and not other.versions)
    return any(other.named.covers(support.named) for other in wider)


def _entry(support: _Support, key: Key, facts: Facts) -> Entry:
    owners = support.witnesses(Source.OWNER)
    service = facts.services.get(key.fingerprint, "")
    expires, expiry_reason = _expires(support, key, facts)
    legacy_before, legacy_reason = _legacy_before(key, facts)
    reasons = [SERVICE_REASON.format(service) if service else "", legacy_reason, expiry_reason]
    return Entry(
        pattern=support.pattern,
        key=key,
        kind="service" if service else "owner" if owners else "projects",
        witnesses=len({statement.witness for statement in support.statements}),
        legacy_before=legacy_before,
        expires=expires,
        origin=_origin(support, key, facts),
        reason="; ".join(filter(None, reasons)),
    )


def _origin(support: _Support, key: Key, facts: Facts) -> str:
    texts = []
    for source in (Source.PROJECT, Source.RECIPE, Source.OWNER):
        names = support.witnesses(source)
        if source is Source.OWNER and names:
            texts.append(f"its owner ({', '.join(names)})")
        elif names:
            shown = f" ({', '.join(names)})" if len(names) <= ENOUGH_WITNESSES else ""
            texts.append(f"{len(names)} {source.value}{'s' * (len(names) > 1)}{shown}")
    seen = [s for s in facts.seen_by_key[key] if support.named.covers(Named(s.group, artifact=support.named.artifact))]
    text = f"stated by {' and '.join(texts)}"
    verified = max((sighting.made for sighting in seen if sighting.verified), default=None)
    claimed = max((sighting.made for sighting in seen), default=None)
    if verified:
        return f"{text}, seen signing {verified}"
    return f"{text}, seen named as the signer {claimed}" if claimed else text


def _expires(support: _Support, key: Key, facts: Facts) -> tuple[date | None, str]:
    """Choose the day from which the key's signatures are expired, where its own copy does not say.

    The owner's last day binds, and where the entry rests on a list that is no longer published, the
    last day known for that list.  A key seen signing after the end that our copy shows was extended:
    it counts until the end that its owner states, else for a while.
    """
    stated = [s for s in facts.stated_by_key[key] if s.source is Source.OWNER and s.named.meets(support.named)]
    ends = [(s.until, f"its owner states it until {s.until}") for s in stated if s.until]
    current = any(s.lapsed is None for s in support.statements if s.source is Source.OWNER)
    if not current and not support.has_enough_others:
        ends += [(s.lapsed, f"the owner's list that names it was known last on {s.lapsed}") for s in stated if s.lapsed]
    if ends:
        last, reason = min(ends)
        return last + timedelta(days=1), reason
    late = max((sighting.made for sighting in facts.seen_by_key[key] if sighting.after_expiry), default=None)
    if late is None:
        return None, ""
    said = max((s.expiry for s in facts.stated_by_key[key] if s.expiry and s.expiry > late), default=None)
    reason = f"seen signing {late}, after the expiry in our copy of the key"
    return (said, f"{reason}; its owner states the end") if said else (_while_after(late, facts), reason)


def _legacy_before(key: Key, facts: Facts) -> tuple[date | None, str]:
    """Choose the day before which legacy signatures of a key count, where the default is too early.

    A signer that was last met with legacy signatures counts for a while after that one, but no
    longer than to the day of a clean one that was seen later.
    """
    seen = facts.seen_by_key[key]
    last = max((sighting.made for sighting in seen if sighting.legacy), default=None)
    if last is None or last < FIRST_COLLISION:
        return None, ""
    clean = [sighting.made for sighting in seen if sighting.legacy is False and sighting.made > last]
    day = min([_while_after(last, facts), *clean])
    return day, f"seen with a legacy signature of {last}"


def _while_after(last: date, facts: Facts) -> date:
    """Give a last day to a practice that was last seen on a day.

    One that is still in use when the facts were gathered goes on for a year from then, so that
    releases made meanwhile can be used; of an older one the sample cannot have met every
    release, and it gets a year from its last sighting.
    """
    in_use = facts.as_of - last <= STILL_IN_USE
    return (facts.as_of if in_use else last) + ONE_YEAR


T = TypeVar("T", Statement, Sighting)


def _by_key(values: Iterable[T]) -> Mapping[Key, list[T]]:
    found: dict[Key, list[T]] = defaultdict(list)
    for value in values:
        found[value.key].append(value)
    return found

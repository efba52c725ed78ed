"""Who states which key signs what: the facts behind the starter map, and those that were not enough for it.

The table is text here, a line a pair of a pattern and a key, read when something asks for it;
only what manages trust loads it.  It proves nothing: a statement is what somebody else met or
published, and whether it is enough is for a person to say.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from verifier.errors import ConfigError
from verifier.openpgp.key import key_id

SEGMENTS_OF_A_STATED_WILDCARD = 3
MAX_STATEMENTS_CHARACTERS = 8 * 1024 * 1024

_WHERE = "statements of the starter map"


@dataclass(frozen=True, slots=True)
class Statement:
    """What all sources say of one key as the signer of what a pattern names.

    Shape: `pattern` is `group`, `group.*`, or either with `:artifact`.  `projects` counts the
    independent projects that state it now, `former` those that did, `unmerged` proposals, `recipes`
    packagers, `owners` the owner's own statements, `others` the rest.  `seen` is `good` (verified
    over a file), `named` (a signature names the key) or empty, `last` the date of the newest such
    signature, `legacy` whether the newest known one is legacy evidence.  `revoked` is `hard`,
    `soft` or empty.  `fate` is what became of it in the starter map: `entry`, or the rule that left it out.
    """

    pattern: str
    fingerprint: str
    exact: bool
    projects: int
    former: int
    unmerged: int
    recipes: int
    owners: int
    others: int
    seen: str
    last: date | None
    legacy: bool | None
    revoked: str
    revoked_on: date | None
    fate: str

    @property
    def standing(self) -> int:
        """How many independent sources state it now."""
        return self.projects + self.recipes + self.owners

    @property
    def is_contradicted(self) -> bool:
        """Whether a source withdrew it, or the owner's complete list leaves it out."""
        return self.fate.startswith("contradicted")

    @property
    def is_wide(self) -> bool:
        """Whether it is a wildcard that only a generator writes, and so tells little of any one group."""
        group = self.pattern.partition(":")[0]
        return group.endswith(".*") and group.count(".") < SEGMENTS_OF_A_STATED_WILDCARD

    def covers(self, group: str) -> bool:
        """Whether it speaks of the group, or of some artifact in it."""
        named = self.pattern.partition(":")[0]
        below = named.removesuffix(".*")
        return group == below or (below != named and group.startswith(f"{below}."))


class Statements:
    """The whole table, searched as text."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_STATEMENTS_CHARACTERS:
            raise ConfigError(_WHERE, f"{len(text)} characters, and the bound is {MAX_STATEMENTS_CHARACTERS}")
        self._lines = [line for line in text.splitlines() if line and not line.startswith("#")]

    def of_signer(self, identity: str) -> tuple[Statement, ...]:
        """Give what is stated of a key, by its fingerprint or 64-bit key id in upper-case hex, sorted by pattern.

        Raises: `ConfigError` where a line that holds it is none of ours.
        """
        found = _parsed(line for line in self._lines if identity in line)
        return tuple(one for one in found if identity in {one.fingerprint, key_id(one.fingerprint)})

    def of_group(self, group: str) -> tuple[Statement, ...]:
        """Give what is stated of a group and of the artifacts in it, sorted by pattern.

        Raises: `ConfigError` where a line that speaks of it is none of ours.
        """
        first = group.partition(".")[0]
        found = _parsed(line for line in self._lines if line.startswith(first))
        return tuple(one for one in found if one.covers(group))


def _parsed(lines: Iterable[str]) -> Iterator[Statement]:
    return map(_parse, lines)


def _parse(line: str) -> Statement:
    try:
        pattern, fingerprint, scope, *numbers, seen, last, legacy, revoked, fate = line.split("\t")
        projects, former, unmerged, recipes, owners, others = map(int, numbers)
        kind, _, day = revoked.partition(":")
        return Statement(
            pattern=pattern,
            fingerprint=fingerprint,
            exact=scope == "exact",
            projects=projects,
            former=former,
            unmerged=unmerged,
            recipes=recipes,
            owners=owners,
            others=others,
            seen="" if seen == "-" else seen,
            last=None if last == "-" else date.fromisoformat(last),
            legacy=None if legacy == "-" else legacy == "legacy",
            revoked="" if kind == "-" else kind,
            revoked_on=date.fromisoformat(day) if day else None,
            fate=fate,
        )
    except ValueError as error:
        hint = "install the package anew"
        raise ConfigError(_WHERE, f"the line {line[:200]!r} is no statement", hint=hint) from error

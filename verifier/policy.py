"""What is required of which artifact: the values of a policy, and the questions it answers.

Reads no file and no clock: `policy_file` makes these values out of text, the judge compares with
today.
"""

import hashlib
import json
from dataclasses import astuple, dataclass, field, replace
from datetime import date
from enum import Enum
from pathlib import PurePath

from verifier.coordinate import Coordinate
from verifier.digest import Algorithm
from verifier.maven.profile import Context
from verifier.pattern import Pattern, PatternIndex
from verifier.trust import TrustEntry


class SignatureDemand(Enum):
    """What is asked of an artifact's signatures."""

    TRUSTED = "trusted"
    PRESENT_MUST_BE_TRUSTED = "present-must-be-trusted"
    NONE = "none"


class MissingPom(Enum):
    """What becomes of a graph where the POM of a dependency is nowhere."""

    FAIL = "fail"
    LEAF = "leaf"


class Engine(Enum):
    """Who judges OpenPGP signatures."""

    NATIVE = "native"
    GNUPG = "gnupg"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is required of one artifact.

    `checksum` is the weakest that counts.  Legacy evidence counts only if made before
    `legacy_before`, and never where that is None.
    """

    signature: SignatureDemand
    checksum: Algorithm
    engine: Engine
    legacy_before: date | None
    where: str
    missing_pom: MissingPom = MissingPom.FAIL

    @property
    def legacy_final(self) -> bool:
        """Whether no trust entry may bring legacy evidence back."""
        return self.legacy_before is None


@dataclass(frozen=True, slots=True)
class PatternRule:
    """A rule for what a pattern matches; it is whole, the defaults filled in."""

    pattern: Pattern
    rule: Rule


@dataclass(frozen=True, slots=True)
class Repository:
    """A place to ask.

    Shape: `url` is https and has no slash at its end.  `groups` are the groups bound to it; without
    any it serves whatever is bound nowhere.  `credentials` is `netrc`, `env:PREFIX` or
    `settings:SERVER-ID`.
    """

    id: str
    url: str
    where: str
    groups: tuple[Pattern, ...] = ()
    ca_file: str | None = None
    tls_pins: tuple[str, ...] = ()
    snapshots: bool = False
    releases: bool = True
    credentials: str | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """One file that is accepted in spite of one reason code, by its sha256 in lower-case hex, up to a day."""

    coordinate: Coordinate
    sha256: str
    code: str
    reason: str
    until: date
    where: str


class KeyServerKind(Enum):
    """How a key server is spoken to."""

    HKP = "hkp"
    VKS = "vks"


@dataclass(frozen=True, slots=True)
class KeyServer:
    """Where a key that is not at hand is asked for.

    Shape: `url` is https and has no slash at its end.
    """

    kind: KeyServerKind
    url: str

    def __str__(self) -> str:
        return f"vks+{self.url}" if self.kind is KeyServerKind.VKS else self.url


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on every download: seconds to connect, without progress and in total; bytes of a file."""

    connect: float = 10
    stall: float = 30
    total: float = 15 * 60
    file: int = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy; `file` is None for the built-in one.

    Shape: `repositories` in the order in which they are asked; `key_files`, `keys_ca_file` and every
    `ca_file` as paths that are relative to where the policy's own path is.
    """

    file: str | None
    repositories: tuple[Repository, ...]
    require: Rule
    rules: tuple[PatternRule, ...] = ()
    trust: tuple[TrustEntry, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    key_files: tuple[str, ...] = ()
    key_servers: tuple[KeyServer, ...] = ()
    keys_ca_file: str | None = None
    limits: Limits = Limits()
    starter: bool = True
    context: Context = field(default_factory=Context)
    _bound: PatternIndex[Repository] = field(init=False, compare=False, repr=False)
    _rules: PatternIndex[Rule] = field(init=False, compare=False, repr=False)
    _trust: PatternIndex[TrustEntry] = field(init=False, compare=False, repr=False)
    _exemptions: dict[Coordinate, list[Exemption]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        exemptions: dict[Coordinate, list[Exemption]] = {}
        for exemption in self.exemptions:
            exemptions.setdefault(exemption.coordinate, []).append(exemption)
        indices = {
            "_bound": PatternIndex((pattern, one) for one in self.repositories for pattern in one.groups),
            "_rules": PatternIndex((one.pattern, one.rule) for one in self.rules),
            "_trust": PatternIndex((one.pattern, one) for one in self.trust),
            "_exemptions": exemptions,
        }
        for name, index in indices.items():
            object.__setattr__(self, name, index)

    @property
    def asks_gnupg(self) -> bool:
        """Whether some rule has signatures judged by gpg."""
        return any(rule.engine is not Engine.NATIVE for rule in (self.require, *(one.rule for one in self.rules)))

    def judged_by(self, engine: Engine) -> "Policy":
        """Give the same policy with every signature judged by that engine."""
        rules = tuple(replace(one, rule=replace(one.rule, engine=engine)) for one in self.rules)
        return replace(self, require=replace(self.require, engine=engine), rules=rules)

    def rule_for(self, coordinate: Coordinate) -> Rule:
        """Choose the most specific rule that matches, else what is required of all."""
        found = self._rules.matching(coordinate)
        return found[0] if found else self.require

    def repositories_for(self, group: str) -> tuple[Repository, ...]:
        """Choose who may be asked for a group, in order: those that it is bound to, else all that bind nothing."""
        return self._bound.covering(group) or tuple(one for one in self.repositories if not one.groups)

    def serves(self, pattern: Pattern) -> bool:
        """Whether some repository may be asked for something that matches."""
        return bool(self.repositories_for(pattern.group)) or any(
            pattern.covers_group(bound.group) for one in self.repositories for bound in one.groups
        )

    def trust_for(self, coordinate: Coordinate) -> tuple[TrustEntry, ...]:
        """Give the policy's own trust entries that match, most specific first."""
        return self._trust.matching(coordinate)

    def exemptions_for(self, coordinate: Coordinate) -> tuple[Exemption, ...]:
        """Give the exemptions of exactly this file, past their end or not."""
        return tuple(self._exemptions.get(coordinate, ()))

    def digest(self, starter_digest: str) -> str:
        """Sum up everything that this policy decides, so that a verdict can name what it was made under.

        Shape: `sha256:<hex>`.  Comments, order where it means nothing, and where the file lies leave
        it as it is.  `starter_digest` stands for the starter map, and does not count where the map
        is off.
        """
        parts = {
            "repositories": [self._repository_facts(one) for one in self.repositories],
            "require": _rule_facts(self.require),
            "rules": sorted([one.pattern.text, *_rule_facts(one.rule)] for one in self.rules),
            "trust": sorted(_trust_facts(one) for one in self.trust),
            "exemptions": sorted(
                [str(one.coordinate), one.sha256, one.code, one.reason, one.until.isoformat()]
                for one in self.exemptions
            ),
            "keys": sorted(self._relative(path) for path in self.key_files),
            # They are no evidence, but whom one may ask decides which keys and revocations are known.
            "key servers": [sorted(str(server) for server in self.key_servers), self._ca_facts(self.keys_ca_file)],
            "limits": [float(bound) for bound in astuple(self.limits)],
            "starter": starter_digest if self.starter else None,
            "context": _context_facts(self.context),
        }
        canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def _repository_facts(self, one: Repository) -> list[object]:
        groups = sorted(pattern.text for pattern in one.groups)
        kinds = [one.snapshots, one.releases]
        return [one.id, one.url, groups, self._ca_facts(one.ca_file), sorted(one.tls_pins), kinds, one.credentials]

    def _ca_facts(self, ca_file: str | None) -> str | None:
        return None if ca_file is None else self._relative(ca_file)

    def _relative(self, path: str) -> str:
        base = PurePath(self.file or "").parent
        return str(PurePath(path).relative_to(base)) if PurePath(path).is_relative_to(base) else path


def _rule_facts(rule: Rule) -> list[str]:
    words = [rule.signature.value, rule.checksum.value, rule.engine.value]
    return [*words, _day(rule.legacy_before), rule.missing_pom.value]


def _context_facts(context: Context) -> list[object]:
    properties = sorted([name, value] for name, value in context.properties.items())
    return [context.java_version, context.os_name, context.os_arch, context.os_version, properties]


def _trust_facts(entry: TrustEntry) -> list[str]:
    keys = ",".join(sorted(entry.keys))
    days = [_day(entry.legacy_before), _day(entry.expires)]
    return [entry.pattern.text, keys, str(entry.exact), *days, entry.origin, entry.reason]


def _day(day: date | None) -> str:
    return "never" if day is None else day.isoformat()

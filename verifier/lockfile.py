"""The lock file: which bytes a build uses, file by file, and what vouched for each when they were locked.

Text in, values out, and back.  Nothing here compares a pin with what arrived, which is the judge's business, or
chooses a version.  One line stands for one file and nothing stands for the whole: no sum, no count and no date, so
that branches which lock different files merge line by line.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import quote, unquote

from verifier.coordinate import Coordinate, Metadata, Subject, parse_subject
from verifier.errors import ConfigError, CoordinateInvalid, Fact
from verifier.maven.profile import Context

MAX_LOCK_BYTES = 16 * 1024 * 1024
MAX_LOCK_LINES = 200_000
MAX_LINE_CHARACTERS = 8 * 1024

HEADER = "# verifier.lock: these bytes, vouched for like this, and nothing else; written by verifier lock"
_CONTEXT = "# context: "
_INPUT = "# input: "
_LINE = re.compile(
    r"(?P<name>\S+) sha256:(?P<sha256>[0-9a-f]{64}) "
    r"(?:(?P<kind>key|exempt):(?P<detail>\S+)|(?P<word>witnessed|unsigned))"
)
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_CODES = re.compile(r"[a-z]+(?:-[a-z]+)*(?:,[a-z]+(?:-[a-z]+)*)*")
_MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_SAFE = "/:,+!@*()[]~"
_HINT = (
    "verifier lock writes COORDINATE sha256:<64 hex digits> key:<fingerprint>, or witnessed, exempt:<code>, unsigned"
)
_MEND = "take the line that is right, or run: verifier lock --update"


class Kind(Enum):
    """What a verdict rests on, the strongest last."""

    UNSIGNED = "unsigned"
    EXEMPT = "exempt"
    WITNESSED = "witnessed"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a verdict rests on, as a lock line says it.

    Shape: `detail` is the primary fingerprint of a key, or the codes of exemptions, sorted, with commas between.

    >>> str(Grounds(Kind.EXEMPT, "signature-missing"))
    'exempt:signature-missing'
    """

    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.detail}" if self.detail else self.kind.value


UNSIGNED = Grounds(Kind.UNSIGNED)


@dataclass(frozen=True, slots=True)
class Locked:
    """One line: a file, its sha256 in lower-case hex, and what vouched for it; `line` counts from 1."""

    subject: Subject
    sha256: str
    grounds: Grounds
    file: str = ""
    line: int = 0

    @property
    def name(self) -> str:
        """The coordinate as the line writes it."""
        return str(self.subject)

    @property
    def where(self) -> str:
        """The line's place, `file:line`."""
        return f"{self.file}:{self.line}"

    def __str__(self) -> str:
        return f"{self.subject} sha256:{self.sha256} {self.grounds}"


@dataclass(frozen=True, slots=True)
class Setting:
    """All that a locked graph depends on beside its inputs; the repositories are the policy's alone.

    Shape: `scopes` sorted; with `all_platforms` the graph is that of every platform known, whatever the context says.
    """

    context: Context = field(default_factory=Context)
    maven_version: str = ""
    scopes: tuple[str, ...] = ()
    plugins: bool = False
    sources: bool = False
    javadoc: bool = False
    all_platforms: bool = False


Location: TypeAlias = tuple[str, int]
"""A file and a line in it."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file.

    Shape: `entries` has each artifact under its coordinate's text; `metadata` the files that steered a choice of
    version, one for each repository, which are never fetched by a lock.  `inputs` are what was locked, as on the
    command line: coordinates, and `-f FILE` with a path that starts at the lock file's directory.
    """

    file: str
    entries: Mapping[str, Locked]
    metadata: tuple[Locked, ...] = ()
    setting: Setting | None = None
    inputs: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    freed: frozenset[tuple[str, str]] = frozenset()
    """Group and artifact of those whose version is to be chosen anew."""

    def find(self, coordinate: Coordinate) -> Locked | None:
        """Give the line of a file; None where there is none."""
        return self.entries.get(str(coordinate))

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """Every artifact that is locked, in the file's order."""
        return tuple(one.subject for one in self.entries.values() if isinstance(one.subject, Coordinate))

    def nearest(self, subject: Subject) -> Fact:
        """Say what is locked in place of a file that is not: its other versions, else where its line would stand."""
        if isinstance(subject, Coordinate):
            file = (subject.group, subject.artifact, subject.extension, subject.classifier)
            others = [
                self.entries[str(one)]
                for one in self.kept(subject.group, subject.artifact)
                if (one.group, one.artifact, one.extension, one.classifier) == file
            ]
            if others:
                return Fact(" or ".join(one.name for one in others), others[0].where)
        before = [one.line + 1 for one in self.entries.values() if one.name < str(subject)]
        after = [one.line for one in self.entries.values()]
        return Fact("a line of its own", f"{self.file}:{max(before, default=min(after, default=1))}")

    def kept(self, group: str, artifact: str) -> tuple[Coordinate, ...]:
        """Give the locked files of an artifact, whose versions are chosen before all others; none of a freed one."""
        if (group, artifact) in self.freed:
            return ()
        return tuple(one for one in self.coordinates if (one.group, one.artifact) == (group, artifact))


def lock_locations(lock: Lock) -> Mapping[str, Location]:
    """Say for each name that an outcome may have on which line it is locked."""
    return {one.name: (one.file, one.line) for one in (*lock.metadata, *lock.entries.values())}


def is_lock(text: str) -> bool:
    """Whether a text is a lock file: by its head, or by its first line that is no comment."""
    if text.startswith(HEADER):
        return True
    for line in text.splitlines():
        if line.strip() and not line.startswith(("#", *_MARKERS)):
            return _LINE.fullmatch(line.rstrip()) is not None
    return _CONTEXT in text


def parse_lock(text: str, file: str, *, mend: bool = False) -> Lock:
    r"""Read a lock file.

    Shape: one line a file in any order, `COORDINATE sha256:<hex> GROUNDS`; equal lines count once.  What begins with
    `#` is a comment, save for one `# context: name=value …` with values in percent notation, and `# input: …` lines.
    With `mend` conflict markers are passed over, and so are lines with digests that contradict each other: for who
    makes it anew.

    Raises: `ConfigError` with `file:line` for any other line, for two that contradict each other, naming both, and
    where a bound is passed.

    >>> lock = parse_lock(f"org.example:widget:jar:1.0 sha256:{'0' * 64} unsigned\n", "verifier.lock")
    >>> lock.entries["org.example:widget:jar:1.0"].where
    'verifier.lock:1'
    """
    if len(text) > MAX_LOCK_BYTES:
        raise ConfigError(file, f"is over {MAX_LOCK_BYTES} bytes")
    lines = text.split("\n")
    if len(lines) > MAX_LOCK_LINES:
        raise ConfigError(file, f"has more than {MAX_LOCK_LINES} lines")
    reading = _Reading(file, mend)
    for number, line in enumerate(lines, 1):
        reading.take(line.rstrip("\r"), number)
    for name in reading.contradicted:
        reading.entries.pop(name, None)
    if not reading.entries and not mend:
        raise ConfigError(file, "locks nothing", hint="verifier lock COORDINATE or verifier lock -f FILE writes one")
    return Lock(
        file,
        MappingProxyType(reading.entries),
        tuple(dict.fromkeys(reading.metadata)),
        reading.setting,
        tuple(reading.inputs),
        tuple(reading.comments),
    )


@dataclass(slots=True)
class _Reading:
    """What has been read of a lock file so far."""

    file: str
    mend: bool
    entries: dict[str, Locked] = field(default_factory=dict)
    metadata: list[Locked] = field(default_factory=list)
    contradicted: set[str] = field(default_factory=set)
    inputs: dict[str, None] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    setting: Setting | None = None
    setting_line: int = 0

    def take(self, line: str, number: int) -> None:
        if line.startswith(_MARKERS):
            if not self.mend:
                hint = "keep the lines of both sides; where two contradict each other, run: verifier lock --update"
                raise ConfigError(f"{self.file}:{number}", "two branches were not merged to the end here", hint=hint)
        elif len(line) > MAX_LINE_CHARACTERS:
            raise ConfigError(f"{self.file}:{number}", f"the line is over {MAX_LINE_CHARACTERS} characters")
        elif line.startswith("#"):
            self._take_comment(line.rstrip(), number)
        elif line.strip():
            self._take_entry(_parse_line(line.rstrip(), self.file, number))

    def _take_comment(self, line: str, number: int) -> None:
        if line.startswith(_CONTEXT):
            setting = _parse_setting(line.removeprefix(_CONTEXT), f"{self.file}:{number}")
            if self.setting is not None and self.setting != setting and not self.mend:
                raise ConfigError(
                    f"{self.file}:{number}",
                    f"this context contradicts the one at {self.file}:{self.setting_line}",
                    hint="keep the one that is meant and run: verifier lock --update",
                )
            self.setting, self.setting_line = self.setting or setting, self.setting_line or number
        elif line.startswith(_INPUT):
            self.inputs[line.removeprefix(_INPUT).strip()] = None
        elif line != HEADER:
            self.comments.append(line)

    def _take_entry(self, locked: Locked) -> None:
        if isinstance(locked.subject, Metadata):
            # Each repository has one of that name.
            self.metadata.append(locked)
            return
        known = self.entries.setdefault(locked.name, locked)
        if str(known) == str(locked):
            return
        if not self.mend:
            raise ConfigError(
                locked.where,
                f"{locked.name} is locked twice, as {_brief(known)} at {known.where} and here as {_brief(locked)}",
                hint=_MEND,
            )
        if known.sha256 != locked.sha256:  # else who vouches is found out anew, and the bytes stay pinned
            self.contradicted.add(locked.name)


def _brief(locked: Locked) -> str:
    return f"sha256:{locked.sha256} {locked.grounds}"


def _parse_line(line: str, file: str, number: int) -> Locked:
    where = f"{file}:{number}"
    match = _LINE.fullmatch(line)
    if match is None:
        shown = line if len(line) <= 200 else f"{line[:200]}…"  # noqa: PLR2004  (what fits on a screen)
        raise ConfigError(where, f"this is no line of a lock file: {shown!r}", hint=_HINT)
    kind, detail = Kind(match["kind"] or match["word"]), match["detail"] or ""
    if kind is Kind.KEY and not _FINGERPRINT.fullmatch(detail):
        problem = f"{detail!r} is no full fingerprint: 40 or 64 upper-case hex digits"
        raise ConfigError(where, problem, hint=_HINT)
    if kind is Kind.EXEMPT and not _CODES.fullmatch(detail):
        raise ConfigError(where, f"{detail!r} is no reason code", hint=_HINT)
    try:
        subject = parse_subject(match["name"])
    except CoordinateInvalid as cause:
        raise ConfigError(where, f"{cause.reason}: {match['name']!r}", hint=_HINT) from cause
    if str(subject) != match["name"]:
        raise ConfigError(where, f"{match['name']!r} is written {subject} in a lock file")
    return Locked(subject, match["sha256"], Grounds(kind, detail), file, number)


def write_lock(lock: Lock) -> str:
    """Write a lock file: the head, then one line a file, sorted.

    Shape: equal locks give equal text, whatever they were read from.
    """
    head = [HEADER, *lock.comments]
    if lock.setting is not None:
        head.append(f"{_CONTEXT}{_write_setting(lock.setting)}")
    head += [f"{_INPUT}{one}" for one in sorted(set(lock.inputs))]
    lines = sorted({str(one) for one in (*lock.entries.values(), *lock.metadata)})
    # The empty line keeps what is inserted above it apart from what is inserted below: git merges the two.
    return "\n".join([*head, "", *lines]) + "\n"


# The context line


def _write_setting(setting: Setting) -> str:
    return " ".join(f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}" for name, value in setting_words(setting))


def setting_words(setting: Setting) -> Iterator[tuple[str, str]]:
    """Give what the context line says, name by name."""
    context = setting.context
    yield "java-version", context.java_version
    yield "os", "/".join(part for part in (context.os_name, context.os_arch, context.os_version) if part)
    yield "maven-version", setting.maven_version
    yield "scopes", ",".join(setting.scopes)
    for name in _SWITCHES:
        if getattr(setting, name.replace("-", "_")):
            yield name, "yes"
    if context.profiles:
        yield "profiles", ",".join(context.profiles)
    for name, value in sorted(context.properties.items()):
        yield f"{_PROPERTY}{name}", value


_SWITCHES = ("plugins", "sources", "javadoc", "all-platforms")
_PROPERTY = "property:"
_WORDS = frozenset({"java-version", "os", "maven-version", "scopes", "profiles", *_SWITCHES})
_SYSTEM = re.compile(r"(?P<name>[^/]+)/(?P<arch>[^/]+)(?:/(?P<version>[^/]+))?")
_SCOPES = frozenset({"compile", "runtime", "provided", "test", "system"})


def _parse_setting(text: str, where: str) -> Setting:
    words: dict[str, str] = {}
    for word in text.split():
        name, equals, value = (unquote(part) for part in word.partition("="))
        if not equals or name in words or not (name in _WORDS or name.startswith(_PROPERTY)):
            raise ConfigError(where, f"the context says {word!r}, which means nothing", hint="run: verifier lock")
        words[name] = value
    missing = {"java-version", "os", "maven-version", "scopes"} - words.keys()
    system = _SYSTEM.fullmatch(words.get("os", ""))
    if missing or system is None:
        raise ConfigError(where, f"the context does not say: {', '.join(sorted(missing)) or 'os=name/arch'}")
    scopes = _listed(words["scopes"])
    if not scopes or not _SCOPES.issuperset(scopes):
        problem = f"the context says scopes={words['scopes']}: write one or more of {','.join(sorted(_SCOPES))}"
        raise ConfigError(where, problem)
    odd = [name for name in _SWITCHES if words.get(name, "yes") != "yes"]
    if odd:
        raise ConfigError(where, f"the context says {odd[0]}={words[odd[0]]}: write {odd[0]}=yes, or leave it away")
    context = Context(
        java_version=words["java-version"],
        os_name=system["name"],
        os_arch=system["arch"],
        os_version=system["version"] or "",
        properties=MappingProxyType(
            {name.removeprefix(_PROPERTY): value for name, value in words.items() if name.startswith(_PROPERTY)}
        ),
        profiles=_listed(words.get("profiles", "")),
    )
    switches = {name.replace("-", "_"): name in words for name in _SWITCHES}
    return Setting(context, words["maven-version"], scopes, **switches)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def lock_of(
    file: str,
    locked: Iterable[Locked],
    setting: Setting,
    inputs: Iterable[str],
    comments: Iterable[str] = (),
) -> Lock:
    """Make a lock out of lines, sorted as they are written."""
    lines = sorted({str(one): one for one in locked}.items())
    return Lock(
        file,
        MappingProxyType({one.name: one for _, one in lines if isinstance(one.subject, Coordinate)}),
        tuple(one for _, one in lines if isinstance(one.subject, Metadata)),
        setting,
        tuple(sorted(set(inputs))),
        tuple(comments),
    )

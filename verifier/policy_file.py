"""Reads `verifier.toml` into a `Policy`, and makes the built-in one.

Everything wrong is a `ConfigError` with `file:line`: what a policy says is either understood
whole or refused.  Finding and reading the file is left to whoever opens it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import PurePath
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit

from verifier.coordinate import Coordinate, parse_coordinate
from verifier.digest import Algorithm
from verifier.errors import (
    PRECEDENCE,
    ConfigError,
    CoordinateInvalid,
    InsecureTransport,
    NoRepository,
    PinMismatch,
    PomInvalid,
    RedirectRefused,
    Refusal,
    TlsPinMismatch,
    TlsUntrusted,
    TooLarge,
    Truncated,
    WrongRepository,
)
from verifier.maven.profile import Context
from verifier.pattern import Pattern, PatternInvalid, parse_pattern
from verifier.policy import (
    Engine,
    Exemption,
    KeyServer,
    KeyServerKind,
    Limits,
    MissingPom,
    PatternRule,
    Policy,
    Repository,
    Rule,
    SignatureDemand,
)
from verifier.policy_words import (
    MAX_SIZE_BYTES,
    VKS_PREFIX,
    OperatingSystem,
    WordInvalid,
    parse_credentials,
    parse_duration,
    parse_fingerprint,
    parse_java_version,
    parse_key_server,
    parse_operating_system,
    parse_pin,
    parse_property_name,
    parse_repository_id,
    parse_repository_url,
    parse_sha256,
    parse_size,
    refuse_plain_http,
)
from verifier.toml_table import Table, parse_toml, shown
from verifier.trust import TrustEntry

MAX_POLICY_BYTES = 1024 * 1024
MAX_RULES = 1000
MAX_RULES_OF_ONE_ARTIFACT = 16
FIRST_SHA1_COLLISION = date(2017, 2, 23)

DEFAULT_KEY_SERVERS = (
    KeyServer(KeyServerKind.VKS, "https://keys.openpgp.org"),
    KeyServer(KeyServerKind.HKP, "https://keyserver.ubuntu.com"),
)

_BUILT_IN = "built-in default"
_CENTRAL = "central"
_RULE_KEYS = ("signature", "checksum", "engine", "legacy-before")
_TABLE_KEYS = {
    "repository": ("id", "url", "groups", "ca-file", "tls-pins", "snapshots", "releases", "credentials"),
    "require": (*_RULE_KEYS, "starter"),
    "rule": ("match", *_RULE_KEYS, "missing-pom"),
    "trust": ("match", "keys", "exact", "legacy-before", "expires", "origin", "reason"),
    "exempt": ("match", "sha256", "code", "reason", "until"),
    "keys": ("files", "servers", "ca-file"),
    "limits": ("connect", "stall", "total", "file"),
    "context": ("java-version", "os", "properties"),
}
_SINGLE_TABLES = {"require", "keys", "limits", "context"}
_MISSING_POMS = {answer.value: answer for answer in MissingPom}
_SIGNATURES = {demand.value: demand for demand in SignatureDemand}
_ENGINES = {engine.value: engine for engine in Engine}
_CHECKSUMS = {algorithm.value: algorithm for algorithm in Algorithm if algorithm is not Algorithm.MD5}
# Of these there are no bytes in hand that a pin could vouch for, or the pin itself is what failed.
_NEVER_EXEMPT = (
    InsecureTransport,
    TlsUntrusted,
    TlsPinMismatch,
    RedirectRefused,
    TooLarge,
    Truncated,
    CoordinateInvalid,
    PomInvalid,
    NoRepository,
    WrongRepository,
    PinMismatch,
)
_EXEMPT_CODES = {
    cause.code: cause.code for cause in PRECEDENCE if issubclass(cause, Refusal) and cause not in _NEVER_EXEMPT
}

T = TypeVar("T")


def builtin_policy(default_repository_url: str) -> Policy:
    """Make the policy that holds where no file says otherwise: one repository, named `central`.

    Raises: `ConfigError` where the address is not that of a repository.
    """
    try:
        url = parse_repository_url(default_repository_url)
    except WordInvalid as error:
        raise ConfigError(_BUILT_IN, error.problem, hint=error.hint) from error
    require = Rule(SignatureDemand.TRUSTED, Algorithm.SHA1, Engine.NATIVE, FIRST_SHA1_COLLISION, _BUILT_IN)
    return Policy(None, (Repository(_CENTRAL, url, _BUILT_IN),), require, key_servers=DEFAULT_KEY_SERVERS)


def parse_policy(text: str, file: str, *, default_repository_url: str) -> Policy:
    """Read a policy file, which extends the built-in policy.

    Shape: TOML; `file` is its path, which errors name and which the paths in it are relative to.

    Raises: `ConfigError` for the first thing wrong: no TOML, an unknown key, a value of another
    type or without meaning, an address that is not https, a rule that can never match.

    >>> text = '[require]  # of everything' + chr(10) + 'checksum = "sha256"'
    >>> parse_policy(text, "verifier.toml", default_repository_url="https://repo.example").require.where
    'verifier.toml:1'
    """
    if len(text) > MAX_POLICY_BYTES:
        raise ConfigError(file, f"a policy has at most {MAX_POLICY_BYTES} bytes")
    root = parse_toml(text, file)
    _check_whole(root)
    default = builtin_policy(default_repository_url)
    require, keys = root.table("require"), root.table("keys")
    base = replace(
        default,
        file=file,
        repositories=_repositories(root, default, file),
        require=_rule(require, default.require) if require else default.require,
        starter=require.flag("starter", default=True) if require else True,
        key_files=_paths(keys, "files", file) if keys else (),
        key_servers=_key_servers(keys) if keys else default.key_servers,
        keys_ca_file=_word(keys, "ca-file", lambda text: _path(text, file)) if keys else None,
        limits=_limits(root.table("limits"), default.limits),
        context=_context(root.table("context"), default.context),
    )
    return replace(base, rules=_rules(root, base), trust=_trust(root, base), exemptions=_exemptions(root, base))


def with_repository(policy: Policy, url: str, where: str) -> Policy:
    """Add a repository, last; its id is the host's name.  One that is there already stays where it is.

    Raises: `ConfigError` naming `where`, which is the option or file that asked.
    """
    try:
        address = parse_repository_url(url)
        name = parse_repository_id(urlsplit(address).hostname or "")
    except WordInvalid as error:
        raise ConfigError(where, error.problem, hint=error.hint) from error
    if any(one.url == address for one in policy.repositories):
        return policy
    if any(one.id.lower() == name for one in policy.repositories):
        hint = "give it an id of its own in a [[repository]] of the policy"
        raise ConfigError(where, f"there is a repository '{name}' with another address", hint=hint)
    return replace(policy, repositories=(*policy.repositories, Repository(name, address, where)))


def _check_whole(root: Table) -> None:
    root.refuse_unknown(tuple(_TABLE_KEYS))
    for where, text in root.every_text():
        try:
            refuse_plain_http(text)
        except WordInvalid as error:
            raise ConfigError(where, error.problem, hint=error.hint) from error
    for name, known in _TABLE_KEYS.items():
        single = root.table(name) if name in _SINGLE_TABLES else None
        tables = () if name in _SINGLE_TABLES else root.tables(name)
        for table in (single, *tables):
            if table:
                table.refuse_unknown(known)


def _word(table: Table, key: str, parse: Callable[[str], T]) -> T | None:
    text = table.text(key)
    return None if text is None else _meaning(table, key, text, parse)


def _words(table: Table, key: str, parse: Callable[[str], T]) -> tuple[T, ...] | None:
    texts = table.texts(key)
    if texts is None:
        return None
    values = tuple(_meaning(table, key, text, parse) for text in texts)
    if len(set(values)) < len(values):
        raise table.error(key, f"'{key}' names the same twice, written differently")
    return values


def _meaning(table: Table, key: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except (PatternInvalid, WordInvalid) as error:
        raise table.error(key, error.problem, error.hint) from error


def _choice(table: Table, key: str, choices: Mapping[str, T]) -> T | None:
    text = table.text(key)
    if text is not None and text not in choices:
        raise table.error(key, f"'{key}' cannot be {shown(text)}", f"one of: {', '.join(choices)}")
    return None if text is None else choices[text]


def _paths(table: Table, key: str, file: str) -> tuple[str, ...]:
    return _words(table, key, lambda text: _path(text, file)) or ()


def _path(text: str, file: str) -> str:
    if not text.strip() or "\0" in text:
        raise WordInvalid(f"{shown(text)} is no path")
    return str(PurePath(file).parent / text)


def _key_servers(keys: Table) -> tuple[KeyServer, ...]:
    if keys.is_empty_array("servers"):
        return ()
    texts = _words(keys, "servers", parse_key_server)
    return DEFAULT_KEY_SERVERS if texts is None else tuple(map(_key_server, texts))


def _key_server(text: str) -> KeyServer:
    kind = KeyServerKind.VKS if text.startswith(VKS_PREFIX) else KeyServerKind.HKP
    return KeyServer(kind, text.removeprefix(VKS_PREFIX))


def _repositories(root: Table, default: Policy, file: str) -> tuple[Repository, ...]:
    if "repository" not in root:
        return default.repositories
    found: dict[str, Repository] = {}
    for table in root.tables("repository"):
        one = _repository(table, default.repositories[0].url, file)
        # A cache directory and a path of the proxy carry the id, and some file systems are blind to case.
        other = found.setdefault(one.id.lower(), one)
        if other is not one:
            raise table.error("id", f"there is a repository '{other.id}' already, at {other.where}")
    if not found:
        raise root.error("repository", "the list of repositories is empty", "name at least one or leave the key out")
    return tuple(found.values())


def _repository(table: Table, central_url: str, file: str) -> Repository:
    name = table.required("id", _word(table, "id", parse_repository_id))
    url = _word(table, "url", parse_repository_url) or (central_url if name == _CENTRAL else None)
    groups = _words(table, "groups", parse_pattern) or ()
    for pattern in groups:
        if not pattern.names_groups_only:
            raise table.error("groups", f"'{pattern}' is no group", "write group or group.*")
    one = Repository(
        id=name,
        url=table.required("url", url),
        where=table.where(),
        groups=groups,
        ca_file=_word(table, "ca-file", lambda text: _path(text, file)),
        tls_pins=_words(table, "tls-pins", parse_pin) or (),
        snapshots=table.flag("snapshots", default=False),
        releases=table.flag("releases", default=True),
        credentials=_word(table, "credentials", parse_credentials),
    )
    if not (one.snapshots or one.releases):
        raise table.error("releases", f"the repository '{one.id}' serves neither releases nor snapshots")
    return one


def _rule(table: Table, default: Rule) -> Rule:
    if table.text("checksum") == Algorithm.MD5.value:
        raise table.error("checksum", "md5 may refuse and never vouch", f"one of: {', '.join(_CHECKSUMS)}")
    never = table.is_false("legacy-before")
    return Rule(
        signature=_choice(table, "signature", _SIGNATURES) or default.signature,
        checksum=_choice(table, "checksum", _CHECKSUMS) or default.checksum,
        engine=_choice(table, "engine", _ENGINES) or default.engine,
        legacy_before=None if never else table.day("legacy-before") or default.legacy_before,
        where=table.where(),
        missing_pom=_choice(table, "missing-pom", _MISSING_POMS) or default.missing_pom,
    )


def _context(table: Table | None, default: Context) -> Context:
    if table is None:
        return default
    system = _word(table, "os", parse_operating_system)
    properties = table.strings("properties")
    for name in properties:
        _meaning(table, "properties", name, parse_property_name)
    return replace(
        default if system is None else with_system(default, system),
        java_version=_word(table, "java-version", parse_java_version) or default.java_version,
        properties=MappingProxyType(properties),
    )


def with_system(context: Context, system: OperatingSystem) -> Context:
    """Move a context to another operating system."""
    return replace(context, os_name=system.name, os_arch=system.arch, os_version=system.version)


def _limits(table: Table | None, default: Limits) -> Limits:
    if table is None:
        return default
    size = table.number("file")
    if size is None:
        size = _word(table, "file", parse_size) or default.file
    elif not 0 < size <= MAX_SIZE_BYTES:
        raise table.error("file", f"'file' is from 1 to {MAX_SIZE_BYTES} bytes, not {size}")
    return Limits(
        connect=_word(table, "connect", parse_duration) or default.connect,
        stall=_word(table, "stall", parse_duration) or default.stall,
        total=_word(table, "total", parse_duration) or default.total,
        file=size,
    )


def _match(table: Table, base: Policy) -> Pattern:
    pattern = table.required("match", _word(table, "match", parse_pattern))
    if not base.serves(pattern):
        raise _never(table, pattern.text)
    return pattern


def _never(table: Table, what: str) -> ConfigError:
    return table.error(
        "match",
        f"this can never match: no repository serves '{what}'",
        "every repository here is bound to other groups: bind this one too, or add a [[repository]] without groups",
    )


def _rules(root: Table, base: Policy) -> tuple[PatternRule, ...]:
    found: dict[str, list[PatternRule]] = {}
    tables = root.tables("rule")
    if len(tables) > MAX_RULES:
        raise tables[MAX_RULES].error("match", f"a policy has at most {MAX_RULES} rules", "use wider patterns")
    for table in tables:
        one = PatternRule(_match(table, base), _rule(table, base.require))
        same = found.setdefault(one.pattern.stem, [])
        for other in same:
            if one.pattern.rivals(other.pattern):
                problem = f"'{one.pattern}' is no more specific than '{other.pattern}' at {other.rule.where}"
                raise table.error("match", problem, "merge the two, or make one of them narrower")
        same.append(one)
        if len(same) > MAX_RULES_OF_ONE_ARTIFACT:
            problem = f"'{one.pattern.stem}' has more than {MAX_RULES_OF_ONE_ARTIFACT} rules"
            raise table.error("match", problem, "join versions in one range, as in [1.0],[2.0]")
    return tuple(one for same in found.values() for one in same)


def _trust(root: Table, base: Policy) -> tuple[TrustEntry, ...]:
    return tuple(
        TrustEntry(
            pattern=_match(table, base),
            keys=table.required("keys", _words(table, "keys", parse_fingerprint)),
            exact=table.flag("exact", default=False),
            legacy_before=table.day("legacy-before"),
            expires=table.day("expires"),
            origin=table.text("origin") or "",
            reason=table.text("reason") or "",
            where=table.where(),
        )
        for table in root.tables("trust")
    )


def _exemptions(root: Table, base: Policy) -> tuple[Exemption, ...]:
    found: dict[tuple[Coordinate, str, str], Exemption] = {}
    for table in root.tables("exempt"):
        one = _exemption(table, base)
        other = found.setdefault((one.coordinate, one.sha256, one.code), one)
        if other is not one:
            raise table.error("match", f"the same exemption stands at {other.where} already")
    return tuple(found.values())


def _exemption(table: Table, base: Policy) -> Exemption:
    coordinate = table.required("match", _word(table, "match", _parse_exempt))
    if not base.repositories_for(coordinate.group):
        raise _never(table, coordinate.group)
    return Exemption(
        coordinate=coordinate,
        sha256=table.required("sha256", _word(table, "sha256", parse_sha256)),
        code=table.required("code", _choice(table, "code", _EXEMPT_CODES)),
        reason=_reason(table),
        until=table.required("until", table.day("until")),
        where=table.where(),
    )


def _reason(table: Table) -> str:
    """Read why bytes are exempt: lines that were taken over as they were offered have none yet."""
    if table.is_blank("reason"):
        hint = "say why these bytes may be used, after a comparison of their digest with another source"
        raise table.error("reason", "'reason' is empty: an exemption counts only with one", hint)
    return table.required("reason", table.text("reason"))


def _parse_exempt(text: str) -> Coordinate:
    hint = "write group:artifact:version, which is the JAR, or group:artifact:extension[:classifier]:version"
    if text.startswith("pkg:"):
        raise WordInvalid(f"an exemption names one file by its coordinate, not {shown(text)}", hint)
    try:
        return parse_coordinate(text)
    except CoordinateInvalid as error:
        received = "" if error.received is None else f": {error.received.value}"
        raise WordInvalid(f"{error.reason}{received}", hint) from error

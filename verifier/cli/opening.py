"""Puts the house together for one run: policy, trust, keys, network, record and cache.

The only place that reads the environment; nothing in it weakens what is verified.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from packageurl.contrib.purl2url import DEFAULT_MAVEN_REPOSITORY

from verifier import __version__, credentials
from verifier.cache import Cache
from verifier.cli.main import Options
from verifier.courier import Courier
from verifier.errors import ConfigError
from verifier.fetch import Rules, Run, Verifier
from verifier.keyring import Keyring
from verifier.keyserver import CONNECTIONS_PER_SERVER, MAX_ANSWER_SECONDS, KeyServers, endpoint
from verifier.keystore import KeyStore
from verifier.policy import Policy, Repository
from verifier.policy_file import MAX_POLICY_BYTES, builtin_policy, parse_policy, with_repository
from verifier.proxies import read_proxies
from verifier.record import Record
from verifier.seal import Seal, load_seal
from verifier.starter import KeyFacts, load_starter
from verifier.transport import Bounds, Endpoint

POLICY_NAME = "verifier.toml"
NO_HOME = Path("/nonexistent")
"""The home of users that have none, by Debian's custom: root could make it, and nobody should."""
_CONNECTIONS_PER_JOB = 3
RECORD = "record.sqlite"
MAX_CONNECTIONS = 48


@dataclass(frozen=True, slots=True)
class Directories:
    """Where this user's files are.

    Source: XDG Base Directory Specification 0.8; a relative path in a variable is ignored.
    """

    home: Path
    cache: Path
    config: Path
    state: Path


def find_directories(environment: Mapping[str, str]) -> Directories:
    """Read the base directories from the environment, with the usual defaults."""
    home = Path(environment.get("HOME") or NO_HOME)

    def base(variable: str, default: str) -> Path:
        path = Path(environment.get(variable, ""))
        return (path if path.is_absolute() else home / default) / "verifier"

    return Directories(
        home=home,
        cache=base("XDG_CACHE_HOME", ".cache"),
        config=base("XDG_CONFIG_HOME", ".config"),
        state=base("XDG_STATE_HOME", ".local/state"),
    )


@dataclass(frozen=True, slots=True)
class Workflow:
    """A CI that shows annotations: GitHub's, or one that says it is like it; `summary` is what it shows of a step."""

    summary: Path | None


def find_workflow() -> Workflow | None:
    """Say whether this runs in such a CI; it never has a part in a verdict.

    Source: GitHub's page "Default environment variables".
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return None
    summary = Path(os.environ.get("GITHUB_STEP_SUMMARY", ""))
    return Workflow(summary if summary.is_file() else None)


def load_policy(named: Path | None, directories: Directories) -> Policy:
    """Find and read the policy: the one named, else the nearest, else the user's, else the built-in.

    Raises: `ConfigError` where it cannot be read or says something wrong.
    """
    path = named or _nearest_policy(Path.cwd())
    own = directories.config / POLICY_NAME
    if path is None and own.is_file():
        path = own
    if path is None:
        return builtin_policy(DEFAULT_MAVEN_REPOSITORY)
    return read_policy(read_text(path, MAX_POLICY_BYTES), path)


def read_policy(text: str, path: Path) -> Policy:
    """Read the text of a policy file.

    Raises: `ConfigError` where it says something wrong.
    """
    return parse_policy(text, str(path), default_repository_url=DEFAULT_MAVEN_REPOSITORY)


def _nearest_policy(directory: Path) -> Path | None:
    for folder in (directory, *directory.parents):
        if (folder / POLICY_NAME).is_file():
            _check_owner(folder / POLICY_NAME, directory)
            return folder / POLICY_NAME
    return None


def _check_owner(path: Path, directory: Path) -> None:
    """See that a policy which was found, and not named, is not just anybody's.

    Raises: `ConfigError` where all may write it, or where it belongs neither to this user or root nor to
    whoever owns the working directory.
    """
    status = path.stat()
    owners = {os.geteuid(), 0, directory.stat().st_uid}
    if status.st_uid not in owners or status.st_mode & stat.S_IWOTH:
        problem = "this policy was found, and it belongs to another user or all may write it"
        raise ConfigError(str(path), problem, hint="if it is yours, name it with --policy")


def read_text(path: Path, max_bytes: int) -> str:
    """Read one of the user's own text files.

    Raises: `ConfigError` where it is missing, no UTF-8, or over its bound.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise ConfigError(str(path), f"is over {max_bytes} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"is not UTF-8 text: byte {error.start} cannot be read") from error


def write_text(path: Path, content: str) -> None:
    """Write one of the user's own text files, aside and renamed: it is whole, or as it was before.

    Raises: `ConfigError` where it cannot be written.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        try:
            with aside.open("x", encoding="utf-8", newline="") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                shutil.copymode(path, aside)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be written: {error.strerror}") from error


def load_rules(options: Options, repositories: Sequence[str] = ()) -> Rules:
    """Read the effective policy; `repositories` are the URLs that the command line adds."""
    policy = load_policy(options.policy, find_directories(os.environ))
    for url in repositories:
        policy = with_repository(policy, url, "--repository")
    return rules_of(policy)


def rules_of(policy: Policy) -> Rules:
    """Put the starter map beside a policy, where it is in use."""
    starter = load_starter()
    digest = policy.digest(starter.digest if policy.starter else "")
    return Rules(policy, digest, starter if policy.starter else None)


def cache_root(options: Options) -> Path:
    """Give the cache directory for these options.

    Raises: `ConfigError` where nothing says where it is.
    """
    root = (options.cache or find_directories(os.environ).cache).absolute()
    if root.is_relative_to(NO_HOME):
        problem = "is not set, or names no directory: the cache has no place"
        raise ConfigError("HOME", problem, hint="name a directory with --cache, or set XDG_CACHE_HOME")
    return root


def open_record(options: Options) -> Record:
    """Give the record of the cache, not started."""
    return Record(cache_root(options) / RECORD, open_seal(options))


def open_seal(options: Options) -> Seal:
    """Give the seal of this machine, or one without a key and the reason why."""
    state = find_directories(os.environ).state
    if state.is_relative_to(NO_HOME):
        return Seal.none("HOME is not set, or names no directory: the key has no place")
    return load_seal(state / "seal.key", cache_root(options))


def open_keyring(options: Options, policy: Policy) -> Keyring:
    """Give all keys at hand, and the key servers behind them; nothing is asked or read yet."""
    return Keyring(
        tuple(Path(file) for file in policy.key_files),
        KeyFacts.load(),
        KeyStore(cache_root(options) / "keys"),
        open_key_servers(policy),
    )


def open_key_servers(policy: Policy) -> KeyServers:
    """Give the policy's key servers, not asked yet."""
    ca_file = None if policy.keys_ca_file is None else Path(policy.keys_ca_file)
    transport = Courier(
        tuple(endpoint(server, ca_file) for server in policy.key_servers),
        Bounds(policy.limits.connect, policy.limits.stall, min(policy.limits.total, MAX_ANSWER_SECONDS)),
        connections=CONNECTIONS_PER_SERVER * len(policy.key_servers),
        proxies=read_proxies(os.environ),
        user_agent=f"verifier/{__version__}",
        libraries=_libraries(),
    )
    return KeyServers(policy.key_servers, ca_file, transport)


def open_verifier(
    options: Options, rules: Rules, jobs: int, *, scratch: Path | None = None, will_ask: bool = False
) -> Verifier:
    """Give a verifier for these options, not started.

    `scratch` is a directory for record and cache in place of the user's, for judging by rules that
    are not in force.  `will_ask` tells that the network will be
    asked in any case, as it is where nothing is cached yet.
    """
    policy = rules.policy
    endpoints = open_endpoints(policy)
    place = options if scratch is None else replace(options, cache=scratch)
    will_ask = will_ask or not (cache_root(place) / RECORD).exists()
    record = open_record(place)
    return Verifier(
        rules,
        open_keyring(options, policy),
        open_upstream(
            policy,
            endpoints,
            min(MAX_CONNECTIONS, _CONNECTIONS_PER_JOB * jobs),
            at_once=will_ask and not options.offline,
        ),
        endpoints,
        record,
        Cache(cache_root(place), record),
        Run(options.offline, jobs, now=lambda: datetime.now(UTC)),
    )


def open_endpoints(policy: Policy) -> dict[str, Endpoint]:
    """Give the policy's repositories as the network sees them, by id."""
    home = find_directories(os.environ).home
    return {repository.id: _endpoint(repository, home) for repository in policy.repositories}


def open_upstream(policy: Policy, endpoints: Mapping[str, Endpoint], connections: int, *, at_once: bool) -> Courier:
    """Give the transport to these repositories, not started."""
    return Courier(
        tuple(endpoints.values()),
        Bounds(policy.limits.connect, policy.limits.stall, policy.limits.total),
        connections=connections,
        proxies=read_proxies(os.environ),
        user_agent=f"verifier/{__version__}",
        libraries=_libraries(),
        at_once=at_once,
    )


def _libraries() -> dict[str, str]:
    """Give what an interpreter may need to be started, where its libraries lie in no usual place."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}


def _endpoint(repository: Repository, home: Path) -> Endpoint:
    host = urlsplit(repository.url).hostname or ""
    return Endpoint(
        name=repository.id,
        url=repository.url,
        ca_file=None if repository.ca_file is None else Path(repository.ca_file),
        tls_pins=repository.tls_pins,
        credentials=None
        if repository.credentials is None
        else credentials.resolve(repository.credentials, host, os.environ, home),
    )

"""Plays a scene: serves it over TLS, fetches it as the command line would, and says how it came out.

Nothing is simulated: server, certificates, the policy's text, cache and verdict are real, and each
scene has its own.  What a scene serves is for `scenes` to say.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from verifier import __version__
from verifier.cache import Cache
from verifier.coordinate import Coordinate
from verifier.demo.certificates import Authority
from verifier.demo.packets import Signer, make_signer, sign, write_certificate
from verifier.demo.repository import JAR, POM, Files, publish, write_jar, write_pom
from verifier.demo.server import ADDRESS, Answer, Server
from verifier.errors import CacheError
from verifier.fetch import Rules, Run, Verifier
from verifier.keyring import Keyring
from verifier.outcome import Outcome
from verifier.policy_file import parse_policy
from verifier.proxies import Proxies
from verifier.record import Record
from verifier.seal import load_seal
from verifier.starter import KeyFacts
from verifier.transport import Bounds, Endpoint
from verifier.upstream import Upstream

_DAY = timedelta(days=1)
_REPOSITORY = "demo"
_POLICY = """\
[[repository]]
id = "{repository}"
url = "{url}"
ca-file = "{ca_file}"

[require]
starter = false

[[trust]]
match = "org.example.*"
keys = ["{fingerprint}"]

[keys]
files = ["{key_file}"]
servers = []

[limits]
connect = "5 s"
stall = "5 s"
total = "20 s"
file = "1 MiB"
"""


@dataclass(frozen=True, slots=True)
class Props:
    """What all scenes share: the honest publisher, its repository, and who vouches for its server.

    `born` is when its key was made, `made` when it signed; `identity` is the server's certificate.
    """

    directory: Path
    now: datetime
    born: datetime
    made: datetime
    authority: Authority
    identity: Path
    signer: Signer
    certificate: bytes
    files: Files

    @property
    def honest(self) -> frozenset[bytes]:
        """All that the publisher ever released."""
        return frozenset(answer.body for answer in self.files.values())


@dataclass(frozen=True, slots=True)
class Setting:
    """What one scene exchanges; None is what is honest.

    `certificate` is that of `signer`, whom the policy trusts.  With `spoilt` there is a fetch
    first, and these bytes then take the file's place in the cache; `offline` concerns what follows.
    """

    files: Files
    coordinate: Coordinate = JAR
    identity: Path | None = None
    signer: Signer | None = None
    certificate: bytes | None = None
    spoilt: bytes | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Maven:
    """What a plain Maven client does about an attack, and how that is known."""

    does: str
    known: str


@dataclass(frozen=True, slots=True)
class Scene:
    """An attack, or none.

    `expected` is the reason code, None where the file must be verified; `first` is the reason code
    of the refusal that must come before, where a file of the cache is to be fetched anew.
    """

    title: str
    maven: Maven
    expected: str | None
    prepare: Callable[[Props], Setting]
    first: str | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """How a scene came out.

    `first` is the reason code of a refusal before the outcome.  `clean`: at the end the cache holds
    nothing that the publisher did not release, and nothing at all where the file was not verified.
    """

    scene: Scene
    outcome: Outcome
    first: str | None
    clean: bool

    @property
    def code(self) -> str | None:
        """The reason code; None where the file was verified."""
        return None if self.outcome.cause is None else self.outcome.cause.code

    @property
    def is_expected(self) -> bool:
        """Whether the verdicts are the right ones, and the cache is clean."""
        return (self.first, self.code) == (self.scene.first, self.scene.expected) and self.clean


@contextmanager
def open_stage() -> Iterator[Props]:
    """Make what all scenes share, in a temporary directory that is gone afterwards.

    Raises: `CacheError` where there is no place for it.
    """
    with _translated():
        directory = tempfile.TemporaryDirectory(prefix="verifier-demo-")
    with directory as name:
        with _translated():
            props = _make_props(Path(name))
        yield props


def play(scene: Scene, props: Props) -> Played:
    """Play one scene.

    1. Serve its files.
    2. Fetch, with a policy, a cache and a seal of its own.
    3. Where the scene spoils the cache: do so, and fetch again.
    4. Compare what the cache holds with what was released.

    Raises: `CacheError` where the disk or the loopback interface does not do its part.
    """
    with _translated(), tempfile.TemporaryDirectory(dir=props.directory) as name:
        directory, setting, first = Path(name), scene.prepare(props), None
        with Server(setting.files, setting.identity or props.identity) as server:  # 1.
            rules = _write_policy(directory, server.url, props, setting)
            with _make_verifier(directory, rules, offline=False) as verifier:
                outcome = verifier.fetch(setting.coordinate)  # 2.
            if setting.spoilt is not None and outcome.file is not None:
                _replace(Path(outcome.file), setting.spoilt)
                with _make_verifier(directory, rules, offline=setting.offline) as verifier:
                    outcome = verifier.fetch(setting.coordinate)  # 3.
                    if outcome.cause is None:
                        first = next((entry.row.code for entry in verifier.record.latest_refusals(1)), None)
        held = [path.read_bytes() for path in directory.glob("cache/repository/**/*") if path.is_file()]
        clean = props.honest.issuperset(held) and bool(held) == (outcome.cause is None)  # 4.
        return Played(scene, outcome, first, clean)


def _make_props(directory: Path) -> Props:
    now = datetime.now(UTC).replace(microsecond=0)
    born, made = now - 400 * _DAY, now - 30 * _DAY
    authority, signer = Authority(directory, "authority", now), make_signer(born)
    contents = {JAR: write_jar(JAR.version, "an honest library\n"), POM: write_pom(POM)}
    files: dict[str, Answer] = {}
    for coordinate, content in contents.items():
        files |= publish(coordinate, content, sign(signer, content, made))
    return Props(
        directory=directory,
        now=now,
        born=born,
        made=made,
        authority=authority,
        identity=authority.issue(ADDRESS),
        signer=signer,
        certificate=write_certificate(signer),
        files=files,
    )


def _write_policy(directory: Path, url: str, props: Props, setting: Setting) -> Rules:
    keys = directory / "publisher.keys"
    keys.write_bytes(setting.certificate or props.certificate)
    text = _POLICY.format(
        repository=_REPOSITORY,
        url=url,
        ca_file=props.authority.file,
        fingerprint=(setting.signer or props.signer).fingerprint,
        key_file=keys.name,
    )
    policy = parse_policy(text, str(directory / "verifier.toml"), default_repository_url=url)
    return Rules(policy, policy.digest(""), None)


def _make_verifier(directory: Path, rules: Rules, *, offline: bool) -> Verifier:
    """Put a verifier together as the command line does, but for all that it would ask the environment."""
    policy, cache = rules.policy, directory / "cache"
    endpoints = {
        one.id: Endpoint(one.id, one.url, None if one.ca_file is None else Path(one.ca_file))
        for one in policy.repositories
    }
    bounds = Bounds(policy.limits.connect, policy.limits.stall, policy.limits.total)
    agent = f"verifier/{__version__}"
    upstream = Upstream(tuple(endpoints.values()), bounds, connections=3, proxies=Proxies(), user_agent=agent)
    record = Record(cache / "record.sqlite", load_seal(directory / "state" / "seal.key", cache))
    keyring = Keyring(tuple(Path(file) for file in policy.key_files), KeyFacts(b""))
    run = Run(offline, jobs=1, now=lambda: datetime.now(UTC))
    return Verifier(rules, keyring, upstream, endpoints, record, Cache(cache, record), run)


def _replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "the show needs a directory for temporary files (TMPDIR) and the loopback interface"
        raise CacheError(error.filename or "demo", error.strerror or str(error), hint=hint) from error

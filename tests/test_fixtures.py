"""The fixtures are what they say: remade exactly, verified by gpg, and each attack is answered by its code."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import need
from servers import Authority, FileServer

from verifier.cache import Cache
from verifier.coordinate import parse_coordinate
from verifier.errors import PRECEDENCE
from verifier.fetch import Rules, Run, Verifier
from verifier.keyring import Keyring
from verifier.layout import file_path, is_sidecar, parse_path
from verifier.policy_file import parse_policy
from verifier.proxies import Proxies
from verifier.record import Record
from verifier.seal import load_seal
from verifier.starter import KeyFacts
from verifier.transport import Bounds, Endpoint
from verifier.upstream import Upstream

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
HONEST, ATTACKS = FIXTURES / "honest", FIXTURES / "attacks"
MAX_BYTES = 600 * 1024
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    code: str
    coordinate: str


def listed() -> list[Row]:
    text = (ATTACKS / "README.md").read_text(encoding="utf-8")
    return [Row(*found) for found in re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", text, re.MULTILINE)]


def files_below(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def artifacts_below(root: Path) -> list[str]:
    return [path for path in files_below(root) if not is_sidecar(path)]


# What they hold


def test_the_script_remakes_every_byte() -> None:
    need("gpg")

    done = subprocess.run(
        [sys.executable, str(FIXTURES / "make.py"), "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file()) < MAX_BYTES


@pytest.mark.parametrize("key", sorted((FIXTURES / "keys").iterdir()), ids=lambda key: key.name)
def test_every_key_says_that_it_is_for_tests(key: Path) -> None:
    assert key.read_text(encoding="ascii").startswith("A throw-away key for tests.")


def test_every_attack_has_a_folder_and_every_folder_an_attack() -> None:
    folders = {path.name for path in ATTACKS.iterdir() if path.is_dir()}

    assert {row.code for row in listed()} == folders
    assert folders <= {cause.code for cause in PRECEDENCE}


@pytest.mark.parametrize("code", sorted({row.code for row in listed()}))
def test_a_folder_holds_only_files_of_its_attacks_that_differ(code: str) -> None:
    attacked = {file_path(parse_coordinate(row.coordinate)) for row in listed() if row.code == code}

    for path, data in files_below(ATTACKS / code).items():
        honest = HONEST / path
        assert not honest.is_file() or honest.read_bytes() != data
        assert any(path.startswith(file) for file in attacked)


# What gpg says


@pytest.fixture(scope="module")
def gpg_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    keys = [str(key) for key in sorted((FIXTURES / "keys").glob("*.public.asc"))]
    command = [need("gpg"), "--homedir", str(home), "--batch", "--no-autostart", "--import", *keys]
    subprocess.run(command, capture_output=True, check=True)
    return home


def gpg_status(home: Path, signature: Path, data: Path) -> str:
    command = [need("gpg"), "--homedir", str(home), "--batch", "--no-autostart", "--trust-model", "always"]
    command += ["--status-fd", "1", "--verify", str(signature), str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=False, errors="replace").stdout


def test_gpg_finds_every_honest_signature_good(gpg_home: Path) -> None:
    signatures = sorted(HONEST.rglob("*.asc"))

    for signature in signatures:
        status = gpg_status(gpg_home, signature, signature.with_suffix(""))
        assert "[GNUPG:] GOODSIG" in status, signature

    assert len(signatures) == len(artifacts_below(HONEST)) - 4  # the relic and the door are unsigned


@pytest.mark.parametrize(
    "row", [row for row in listed() if row.code == "signature-bad"], ids=lambda row: row.coordinate
)
def test_gpg_finds_the_bad_signatures_bad(gpg_home: Path, row: Row) -> None:
    path = file_path(parse_coordinate(row.coordinate))
    attacked = {name: ATTACKS / row.code / name for name in files_below(ATTACKS / row.code)}

    status = gpg_status(
        gpg_home, attacked.get(f"{path}.asc", HONEST / f"{path}.asc"), attacked.get(path, HONEST / path)
    )

    assert "[GNUPG:] BADSIG" in status


# What we say


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FileServer, Path]]:
    """Serve the honest repository, and one more for each attack, with its files laid over."""
    authority = Authority(tmp_path_factory.mktemp("ca"))
    honest = files_below(HONEST)
    files = {f"/honest/{path}": data for path, data in honest.items()}
    for code in {row.code for row in listed()}:
        laid_over = honest | files_below(ATTACKS / code)
        files |= {f"/{code}/{path}": data for path, data in laid_over.items()}
    with FileServer(authority.context(), files) as started:
        yield started, authority.file


@contextmanager
def verifier_of(url: str, ca_file: Path, directory: Path) -> Iterator[Verifier]:
    text = (FIXTURES / "policy.toml").read_text(encoding="utf-8")
    repository = f'url = "{url}"\nca-file = "{ca_file}"'
    text = text.replace('url = "https://repo.example/releases"', repository)
    policy = parse_policy(text, str(FIXTURES / "policy.toml"), default_repository_url=url)
    endpoints = {"example": Endpoint("example", url, ca_file)}
    bounds = Bounds(policy.limits.connect, policy.limits.stall, policy.limits.total)
    upstream = Upstream(
        tuple(endpoints.values()), bounds, connections=4, proxies=Proxies(), user_agent="verifier/fixtures"
    )
    cache = directory / "cache"
    record = Record(cache / "record.sqlite", load_seal(directory / "state" / "seal.key", cache))
    keyring = Keyring(tuple(Path(file) for file in policy.key_files), KeyFacts(b""))
    run = Run(offline=False, jobs=2, now=lambda: NOW)
    rules = Rules(policy, policy.digest(""), None)
    with Verifier(rules, keyring, upstream, endpoints, record, Cache(cache, record), run) as verifier:
        yield verifier


def test_everything_honest_is_verified(server: tuple[FileServer, Path], tmp_path: Path) -> None:
    with verifier_of(f"{server[0].url}/honest", server[1], tmp_path) as verifier:
        outcomes = [verifier.fetch(parse_path(path)) for path in artifacts_below(HONEST)]

    assert len(outcomes) == len(artifacts_below(HONEST)) > 20
    assert {str(outcome.coordinate): outcome.cause for outcome in outcomes if outcome.cause} == {}


@pytest.mark.parametrize("row", listed(), ids=lambda row: f"{row.code} {row.coordinate}")
def test_each_attack_is_answered_by_its_code(row: Row, server: tuple[FileServer, Path], tmp_path: Path) -> None:
    coordinate = parse_coordinate(row.coordinate)

    with verifier_of(f"{server[0].url}/{row.code}", server[1], tmp_path) as verifier:
        if row.code == "signature-replayed":
            verifier.fetch(parse_coordinate("com.example:gizmo:2.3"))
        outcome = verifier.fetch(coordinate)

    assert outcome.cause is not None
    assert outcome.cause.code == row.code
    assert not (tmp_path / "cache" / "repository" / "example" / file_path(coordinate)).exists()


@pytest.mark.parametrize("code", sorted({row.code for row in listed()}))
def test_what_an_attack_leaves_alone_stays_verified(code: str, server: tuple[FileServer, Path], tmp_path: Path) -> None:
    attacked = {row.coordinate for row in listed() if row.code == code}
    others = [parse_path(path) for path in artifacts_below(HONEST)]
    neighbours = [coordinate for coordinate in others if str(coordinate) not in attacked]

    with verifier_of(f"{server[0].url}/{code}", server[1], tmp_path) as verifier:
        causes = {str(each): verifier.fetch(each).cause for each in neighbours[:6]}

    assert set(causes.values()) == {None}

"""The direction of imports, those inside functions included: each room knows only what stands above it."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import verifier

ROOT = Path(verifier.__file__).parent

ORDER = """
ground    verifier errors
pure      coordinate digest
pure      layout
pure      maven maven.*
pure      demand
pure      lockfile
pure      lock_difference platforms
pure      formats formats.*
pure      openpgp openpgp.*
pure      gnupg_answer
pure      pattern statements
pure      trust
pure      judged
pure      suggestion
pure      policy
pure      toml_lines
pure      toml_table
pure      policy_words
pure      policy_file policy_edit
pure      archive
pure      contents
pure      evidence
pure      signing
pure      judge
pure      inquiry
pure      wanted outcome
pure      notices exemption
pure      proxies clients
world     steps
world     seal starter credentials tls flight names
world     record keystore keyfile
world     answer
world     transport
world     wire
world     body
world     cache
world     upstream
world     courier
world     keyserver keyring gather
world     measure workspace
world     gnupg_engine
world     revision
corridor  fetch
corridor  ahead
corridor  resolve
corridor  project
corridor  upkeep checkup
door      report report.*
door      export
door      proxy proxy.*
show      demo demo.*
door      cli cli.*
door      __main__
"""
"""Kind and rooms, highest first; a room imports those of the lines above, and of its own package."""

IMPURE = (
    "asyncio concurrent.futures ctypes fcntl getpass glob http importlib io locale logging multiprocessing netrc os"
    " pathlib random requests secrets select shutil signal socket sqlite3 ssl subprocess sys tempfile threading time"
    " urllib.request urllib3 uuid"
)
PURE_EXCEPTIONS = {
    ("errors", "os.strerror"): "the system's words for its own errors",
    ("policy", "pathlib.PurePath"): "paths as text",
    ("policy_file", "pathlib.PurePath"): "paths as text",
}
ONLY = {
    "requests": ("upstream", "wire"),
    "urllib3": ("wire",),
    "httptools": ("answer",),
    "cryptography": ("openpgp.mathematics", "demo.*"),
    "sqlite3": ("record",),
    "ssl": ("tls", "wire", "checkup", "demo.*", "proxy.app", "cli.proxy"),
    "socket": ("flight", "names", "wire", "courier", "demo.*"),
    "subprocess": ("gnupg_engine", "revision", "courier"),
    "json.dumps": ("policy", "evidence", "outcome", "record", "courier", "report.*", "proxy.*"),
    "click": ("cli.*", "report.*"),
    "os.environ": ("cli.main", "cli.opening"),
    "os.environb": (),
    "os.getenv": (),
    "pathlib.Path.home": (),
    "os.path.expanduser": (),
    "os.path.expandvars": (),
    "datetime.datetime.now": ("cli.*", "demo.*"),
    "datetime.datetime.utcnow": (),
    "datetime.date.today": (),
    "pickle": (),
    "eval": (),
    "exec": (),
}


@dataclass(frozen=True)
class Room:
    """A module by its name inside the package, with all that it names of other modules, dotted."""

    name: str
    uses: frozenset[str]
    opens_files: bool


def read(path: Path, root: Path = ROOT) -> Room:
    parts = path.relative_to(root).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    uses = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                uses.add(alias.name)
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name is from"
            for alias in node.names:
                uses.add(f"{node.module}.{alias.name}")
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        dotted = _dotted(node)
        if dotted is not None:
            head, dot, rest = dotted.partition(".")
            if head in names or head in {"eval", "exec"}:
                uses.add(names.get(head, head) + dot + rest)
    opens = any(isinstance(node, ast.Call) and _dotted(node.func) == "open" for node in ast.walk(tree))
    return Room(".".join(parts) or "verifier", frozenset(uses), opens)


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := _dotted(node.value)) is not None:
        return f"{head}.{node.attr}"
    return None


@cache
def rooms() -> dict[str, Room]:
    return {room.name: room for room in map(read, sorted(ROOT.rglob("*.py")))}


@cache
def levels() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((words[0], tuple(words[1:])) for words in map(str.split, ORDER.strip().splitlines()))


def places_of(name: str) -> list[int]:
    return [at for at, (_, patterns) in enumerate(levels()) if any(fnmatchcase(name, one) for one in patterns)]


def level_of(name: str) -> int:
    return next(iter(places_of(name)), -1)


def is_pure(name: str) -> bool:
    return any(levels()[place][0] in {"ground", "pure"} for place in places_of(name))


def neighbours(room: Room) -> Iterator[str]:
    """Give the rooms of the house that a room imports."""
    for use in room.uses:
        parts = use.split(".")
        if parts[0] != "verifier":
            continue
        name = ".".join(parts[1:])
        while name and name not in rooms():
            name = name.rpartition(".")[0]
        if name != room.name:
            yield name or "verifier"


def is_use_of(use: str, name: str) -> bool:
    return use == name or use.startswith(f"{name}.")


NAMES = sorted(rooms())
PURE = [name for name in NAMES if is_pure(name)]


def test_every_room_has_one_place_in_the_order() -> None:
    assert {name: len(places_of(name)) for name in NAMES} == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_room_imports_only_rooms_above_it(name: str) -> None:
    package = name.partition(".")[0]
    wrong = {
        other
        for other in neighbours(rooms()[name])
        if level_of(other) >= level_of(name) and other.partition(".")[0] != package
    }

    assert wrong == set()


def test_no_rooms_import_one_another() -> None:
    TopologicalSorter({name: set(neighbours(room)) for name, room in rooms().items()}).prepare()


@pytest.mark.parametrize("name", PURE)
def test_a_pure_room_has_no_window(name: str) -> None:
    room = rooms()[name]
    wrong = {
        use
        for use in room.uses
        if any(is_use_of(use, module) for module in IMPURE.split())
        and not any(name == of and (use == allowed or allowed.startswith(f"{use}.")) for of, allowed in PURE_EXCEPTIONS)
    }

    assert wrong == set()
    assert not room.opens_files


@pytest.mark.parametrize("foreign", ONLY)
def test_a_foreign_thing_has_its_rooms_and_no_other(foreign: str) -> None:
    using = {name for name, room in rooms().items() if any(is_use_of(use, foreign) for use in room.uses)}

    assert {name for name in using if not any(fnmatchcase(name, one) for one in ONLY[foreign])} == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_room_imports_nothing_that_is_not_installed_with_it(name: str) -> None:
    known = {
        *sys.stdlib_module_names,
        "verifier",
        "click",
        "cryptography",
        "cyclonedx",
        "packageurl",
        "requests",
        "urllib3",
        "httptools",
        "gnupg",
        "tomlkit",
        "aiohttp",
        "prometheus_client",
    }
    imports = {use.partition(".")[0] for use in _imports(ROOT / f"{name.replace('.', '/')}.py")}

    assert imports <= known


def _imports(path: Path) -> Iterator[str]:
    if path.exists():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or ""


def test_the_test_sees_imports_inside_functions(tmp_path: Path) -> None:
    source = tmp_path / "judge.py"
    source.write_text("def f():\n    import os as system\n    from datetime import datetime as d\n"
                      "    system.environ\n    d.now()\n    open('x')\n")  # fmt: skip

    room = read(source, tmp_path)

    assert {"os.environ", "datetime.datetime.now"} <= room.uses
    assert room.opens_files

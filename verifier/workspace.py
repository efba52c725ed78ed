"""The user's own files: the POMs of a project and its modules, and what lies beside them in `.mvn`.

Read from his disk, with bounds, and judged by nobody; what they mean is for Maven's rules (`verifier.maven`) to say.
"""

from dataclasses import dataclass
from pathlib import Path

from verifier.coordinate import Coordinate
from verifier.errors import ConfigError, Fact, PomInvalid
from verifier.maven.lifecycle import MavenRelease
from verifier.maven.maven_config import MAX_CONFIG_BYTES, MavenConfig, parse_maven_config
from verifier.maven.plugins import parse_extensions
from verifier.maven.pom import Plugin, Pom, parse_pom
from verifier.maven.profile import Context
from verifier.maven.reactor import Module, describe_module, is_parent, modules_of
from verifier.maven.xml import MAX_XML_BYTES

MAX_MODULES = 2_000
MAX_LOCAL_PARENTS = 50

POM_FILE = "pom.xml"
EXTENSIONS_FILE = "extensions.xml"
CONFIG_FILE = "maven.config"
JVM_FILE = "jvm.config"


@dataclass(frozen=True, slots=True)
class MavenFolder:
    """What the nearest `.mvn` upward of a POM holds: extensions of Maven, options of every mvn, and of its JVM.

    Shape: `jvm_properties` are the names of the properties that the JVM is given, which POMs may ask for.
    """

    extensions: tuple[Plugin, ...] = ()
    config: MavenConfig | None = None
    jvm_properties: tuple[str, ...] = ()


def read_maven_folder(pom: Path, release: MavenRelease) -> MavenFolder:
    """Read what lies in the nearest `.mvn` upward, the way that release of Maven does.

    Raises: `ConfigError` for what cannot be read, `PomInvalid` for extensions that are none.
    """
    folder = next((each / ".mvn" for each in _plain(pom.absolute()).parents if (each / ".mvn").is_dir()), None)
    if folder is None:
        return MavenFolder()
    extensions, config, jvm = (folder / name for name in (EXTENSIONS_FILE, CONFIG_FILE, JVM_FILE))
    return MavenFolder(
        parse_extensions(_bytes_at(extensions, MAX_XML_BYTES), str(extensions)) if extensions.exists() else (),
        parse_maven_config(
            _bytes_at(config, MAX_CONFIG_BYTES), str(config), one_each_line=release.takes_one_argument_each_line
        )
        if config.exists()
        else None,
        tuple(
            word[2:].partition("=")[0]
            for word in _bytes_at(jvm, MAX_CONFIG_BYTES).decode(errors="replace").split()
            if word.startswith("-D")
        )
        if jvm.exists()
        else (),
    )


def read_project(pom: Path, context: Context) -> tuple[Module, ...]:
    """Read a POM and all the modules below it, a POM before its modules."""
    found: dict[Path, Module] = {}
    pending = [pom]
    known: dict[Path, Pom] = {}
    while pending:
        path = _plain(pending.pop())
        if path in found:
            raise PomInvalid(
                "modules go round in a circle, or one is named twice",
                expected=Fact("each module once"),
                received=Fact(str(path), str(pom)),
            )
        if len(found) >= MAX_MODULES:
            raise PomInvalid("the project has too many modules", expected=Fact(f"at most {MAX_MODULES}"))
        read = _read(path, known)
        found[path] = describe_module(str(path), read, _parents_of(path, read, known), context)
        pending += [_pom_at(path.parent / name) for name in reversed(modules_of(read, context))]
    return _each_once(tuple(found.values()))


def _each_once(modules: tuple[Module, ...]) -> tuple[Module, ...]:
    seen: dict[Coordinate, Module] = {}
    for module in modules:
        other = seen.setdefault(module.coordinate, module)
        if other is not module:
            raise PomInvalid(
                "two modules have the same name",
                expected=Fact(other.path, str(other.coordinate)),
                received=Fact(module.path, str(module.coordinate)),
            )
    return modules


def _parents_of(path: Path, pom: Pom, known: dict[Path, Pom]) -> tuple[Pom, ...]:
    """Find the parents that lie where their children say, nearest first."""
    parents: list[Pom] = []
    passed = {path}
    while pom.parent and pom.parent.relative_path:
        path = _pom_at(path.parent / pom.parent.relative_path)
        candidate = _read(path, known) if path.is_file() else None
        if candidate is None or not is_parent(candidate, pom.parent, pom.origin):
            break
        if path in passed or len(passed) > MAX_LOCAL_PARENTS:
            raise PomInvalid(
                "parents go round in a circle, or too far",
                expected=Fact("a chain that ends"),
                received=Fact(str(path), pom.origin),
            )
        passed.add(path)
        parents.append(candidate)
        pom = candidate
    return tuple(parents)


def _read(path: Path, known: dict[Path, Pom]) -> Pom:
    if path not in known:
        known[path] = parse_pom(_bytes_at(path, MAX_XML_BYTES), str(path))
    return known[path]


def _bytes_at(path: Path, limit: int) -> bytes:
    try:
        if not path.is_file():
            raise ConfigError(str(path), "is not a file", hint="name a pom.xml; modules are looked for below it")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise ConfigError(str(path), f"is over {limit} bytes")
    return data


def _pom_at(path: Path) -> Path:
    """Give the POM's path where a directory is named."""
    path = _plain(path)
    return path / POM_FILE if path.is_dir() else path


def _plain(path: Path) -> Path:
    """Take links and `..` out of a path.

    Raises: `ConfigError` for what cannot be a path.
    """
    try:
        path = path.resolve()
        path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{str(path)[:200]!r}", f"cannot be a path: {error.__class__.__name__}") from error
    return path

"""A POM as it is written: text in, the raw model out.

What is inherited, what is switched on and what `${…}` means is the model's business; a POM's claim to be
some coordinate is checked where the POM was asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from verifier.coordinate import Coordinate
from verifier.errors import Fact, PomInvalid
from verifier.maven.pom_shape import check_shape
from verifier.maven.xml import Element, read_xml

DEFAULT_PLUGIN_GROUP = "org.apache.maven.plugins"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A group and an artifact to leave out; `*` stands for any, and what was not written for none."""

    group: str
    artifact: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency as declared; a part that is None was not written, which differs from an empty one."""

    group: str | None
    artifact: str | None
    version: str | None = None
    type: str = "jar"
    classifier: str | None = None
    scope: str | None = None
    optional: str | None = None
    system_path: str | None = None
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def key(self) -> tuple[str | None, ...]:
        """What makes two declarations the same one, in lists and in management."""
        return (self.group, self.artifact, self.type, self.classifier)

    @property
    def is_import(self) -> bool:
        """Whether this entry of a dependencyManagement stands for another POM's management."""
        return self.type == "pom" and self.scope == "import"

    def __str__(self) -> str:
        return ":".join(part or "" for part in (self.group, self.artifact, self.type, self.classifier) if part)


@dataclass(frozen=True, slots=True)
class Parent:
    """The parent that a POM names; its version may be a range."""

    group: str
    artifact: str
    version: str
    relative_path: str = "../pom.xml"


@dataclass(frozen=True, slots=True)
class Activation:
    """When a profile applies: every condition that is not None must hold."""

    by_default: bool = False
    jdk: str | None = None
    os: Mapping[str, str] | None = None
    property: tuple[str, str] | None = None
    file_exists: str | None = None
    file_missing: str | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a plugin."""

    id: str
    phase: str | None
    goals: tuple[str, ...]
    configuration: Element | None = None


@dataclass(frozen=True, slots=True)
class Plugin:
    """A build plugin as declared."""

    group: str
    artifact: str
    version: str | None = None
    extensions: bool = False
    inherited: bool = True
    dependencies: tuple[Dependency, ...] = ()
    executions: tuple[Execution, ...] = ()
    configuration: Element | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes two declarations the same plugin."""
        return (self.group, self.artifact)


@dataclass(frozen=True, slots=True)
class Extension:
    """A build extension as declared."""

    group: str | None
    artifact: str | None
    version: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that a POM names; for the report, since only the policy's repositories are asked."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Relocation:
    """Where an artifact went; a part that is None stays as it was."""

    group: str | None = None
    artifact: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """What a POM and a profile may both hold."""

    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    dependencies: tuple[Dependency, ...] = ()
    management: tuple[Dependency, ...] = ()
    modules: tuple[str, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    managed_plugins: tuple[Plugin, ...] = ()
    repositories: tuple[Repository, ...] = ()
    relocation: Relocation | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile of a POM."""

    id: str
    activation: Activation | None
    section: Section


@dataclass(frozen=True, slots=True)
class Pom:
    """A POM as it is written.

    Shape: `fields` holds the plain values, such as `name` or `build.finalName`; `is_stand_in` tells that this is no POM
    of a repository but takes the place of one that may not be used.
    """

    origin: str
    group: str | None
    artifact: str | None
    version: str | None
    model_version: str | None
    packaging: str
    parent: Parent | None
    section: Section
    profiles: tuple[Profile, ...]
    extensions: tuple[Extension, ...]
    fields: Mapping[str, str]
    is_stand_in: bool = False

    @property
    def own_group(self) -> str | None:
        """The group that is written here, in the POM itself or in its parent element."""
        return self.parent.group if self.group is None and self.parent else self.group

    @property
    def own_version(self) -> str | None:
        """The version that is written here, in the POM itself or in its parent element."""
        return self.parent.version if self.version is None and self.parent else self.version


def stand_in(coordinate: Coordinate) -> Pom:
    """Make a POM that says nothing but its coordinate, so that what lies around a POM can be looked at without it."""
    return Pom(
        origin=str(coordinate),
        group=coordinate.group,
        artifact=coordinate.artifact,
        version=coordinate.version,
        model_version=None,
        packaging="pom",
        parent=None,
        section=Section(),
        profiles=(),
        extensions=(),
        fields=MappingProxyType({}),
        is_stand_in=True,
    )


def parse_pom(document: bytes, origin: str) -> Pom:
    """Read a POM.

    Shape: elements that Maven's model does not know are skipped; one that it does know stands once.  `origin`
    is the POM's coordinate, URL or path, for messages.

    Raises: `PomInvalid` naming the POM and the element.

    Source: https://maven.apache.org/xsd/maven-4.0.0.xsd; maven-model 3.8.7, MavenXpp3Reader, not strict.

    >>> parse_pom(b"<project><artifactId> widget </artifactId></project>", "example").artifact
    'widget'
    """
    root = read_xml(document, origin, _invalid)
    if root.name != "project":
        raise _invalid("the POM is another kind of document", Fact("<project>"), Fact(f"<{root.name}>", origin))
    check_shape(root, "project", origin)
    build = root.first("build")
    return Pom(
        origin=origin,
        group=_text(root, "groupId"),
        artifact=_text(root, "artifactId"),
        version=_text(root, "version"),
        model_version=_text(root, "modelVersion"),
        packaging=_text_or(root, "packaging", "jar"),
        parent=_parent(root.first("parent"), origin),
        section=_section(root),
        profiles=tuple(_profile(element) for element in _items(root, "profiles", "profile")),
        extensions=tuple(
            Extension(_text(element, "groupId"), _text(element, "artifactId"), _text(element, "version"))
            for element in _items(build, "extensions", "extension")
        ),
        fields=_fields(root),
    )


def _invalid(reason: str, expected: Fact, received: Fact) -> PomInvalid:
    return PomInvalid(reason, expected=expected, received=received)


def _text(element: Element | None, name: str) -> str | None:
    child = element.first(name) if element else None
    return child.text if child else None


def _text_or(element: Element, name: str, default: str) -> str:
    text = _text(element, name)
    return default if text is None else text


def _is_true(text: str | None) -> bool:
    return text is not None and text.lower() == "true"


def _items(element: Element | None, container: str, name: str) -> tuple[Element, ...]:
    found = element.first(container) if element else None
    return tuple(child for child in found.children if child.name == name) if found else ()


# From elements to values


def _parent(element: Element | None, origin: str) -> Parent | None:
    if element is None:
        return None
    parts = [_text(element, name) for name in ("groupId", "artifactId", "version")]
    if not all(parts):
        raise _invalid(
            "the POM's parent is not named in full", Fact("groupId, artifactId and version"), Fact("<parent>", origin)
        )
    group, artifact, version = (part or "" for part in parts)
    return Parent(group, artifact, version, _text_or(element, "relativePath", "../pom.xml"))


def _section(element: Element) -> Section:
    build = element.first("build")
    management = build.first("pluginManagement") if build else None
    distribution = element.first("distributionManagement")
    relocation = distribution.first("relocation") if distribution else None
    properties = element.first("properties")
    return Section(
        properties=MappingProxyType({child.name: child.text for child in properties.children} if properties else {}),
        dependencies=_dependencies(element),
        management=_dependencies(element.first("dependencyManagement")),
        modules=tuple(module.text for module in _items(element, "modules", "module")),
        plugins=_plugins(build),
        managed_plugins=_plugins(management),
        repositories=tuple(
            Repository(_text_or(repository, "id", "default"), _text_or(repository, "url", ""))
            for container, item in (("repositories", "repository"), ("pluginRepositories", "pluginRepository"))
            for repository in _items(element, container, item)
        ),
        relocation=Relocation(*(_text(relocation, name) for name in ("groupId", "artifactId", "version")))
        if relocation
        else None,
    )


def _dependencies(element: Element | None) -> tuple[Dependency, ...]:
    return tuple(_dependency(item) for item in _items(element, "dependencies", "dependency"))


def _dependency(element: Element) -> Dependency:
    texts = {child.name: child.text for child in element.children}
    return Dependency(
        group=texts.get("groupId"),
        artifact=texts.get("artifactId"),
        version=texts.get("version"),
        type=texts.get("type", "jar"),
        classifier=texts.get("classifier"),
        scope=texts.get("scope"),
        optional=texts.get("optional"),
        system_path=texts.get("systemPath"),
        exclusions=tuple(
            Exclusion(_text_or(item, "groupId", ""), _text_or(item, "artifactId", ""))
            for item in _items(element, "exclusions", "exclusion")
        )
        if "exclusions" in texts
        else (),
    )


def _profile(element: Element) -> Profile:
    return Profile(_text_or(element, "id", "default"), _activation(element.first("activation")), _section(element))


def _activation(element: Element | None) -> Activation | None:
    if element is None:
        return None
    os, condition, file = (element.first(name) for name in ("os", "property", "file"))
    return Activation(
        by_default=_is_true(_text(element, "activeByDefault")),
        jdk=_text(element, "jdk"),
        os=MappingProxyType({child.name: child.text for child in os.children}) if os else None,
        property=(_text_or(condition, "name", ""), _text_or(condition, "value", "")) if condition else None,
        file_exists=_text_or(file, "exists", "") if file else None,
        file_missing=_text_or(file, "missing", "") if file else None,
    )


def _plugins(element: Element | None) -> tuple[Plugin, ...]:
    return tuple(_plugin(item) for item in _items(element, "plugins", "plugin"))


def _plugin(element: Element) -> Plugin:
    return Plugin(
        group=_text_or(element, "groupId", DEFAULT_PLUGIN_GROUP),
        artifact=_text_or(element, "artifactId", ""),
        version=_text(element, "version"),
        extensions=_is_true(_text(element, "extensions")),
        inherited=_text_or(element, "inherited", "true").lower() != "false",
        dependencies=_dependencies(element),
        executions=tuple(
            Execution(
                id=_text_or(item, "id", "default"),
                phase=_text(item, "phase"),
                goals=tuple(goal.text for goal in _items(item, "goals", "goal")),
                configuration=item.first("configuration"),
            )
            for item in _items(element, "executions", "execution")
        ),
        configuration=element.first("configuration"),
    )


def _fields(root: Element) -> Mapping[str, str]:
    """Collect what `${project.…}` may name besides the coordinate."""
    fields = {child.name: child.text for child in root.children if child.name in _NAMED}
    for section in ("build", "parent", "organization", "scm", "prerequisites"):
        found = root.first(section)
        if found:
            fields |= {f"{section}.{child.name}": child.text for child in found.children if not child.children}
    return MappingProxyType(fields)


_NAMED = frozenset({"modelVersion", "packaging", "name", "description", "url", "inceptionYear"})

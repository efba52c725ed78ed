"""The effective model of a POM: what it says once its profiles, parents, imports and expressions have had their word.

Everything is computed for a stated context, and everything that is read comes from a `Source`.  Where Maven
goes on without the dependencies of a POM that it cannot use, this refuses.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from verifier.coordinate import Coordinate, base_version
from verifier.errors import Fact, NotFound, PomInvalid
from verifier.maven.interpolation import Interpolator
from verifier.maven.merge import (
    import_management,
    inherit,
    inherit_plugins,
    inject_management,
    inject_profile,
    without_duplicates,
)
from verifier.maven.pom import Dependency, Extension, Parent, Plugin, Pom, Relocation, Repository, Section
from verifier.maven.profile import Context, active_profiles
from verifier.maven.source import Source, pom_coordinate
from verifier.maven.versions import Versions, parse_range

MAX_PARENTS = 50
MAX_IMPORTS_WITHIN = 50
MAX_MANAGED = 200_000

_ID = re.compile(r"[A-Za-z0-9_.-]+")
_INHERITED_FIELDS = ("build.", "organization.", "inceptionYear")


@dataclass(frozen=True, slots=True)
class Model:
    """An effective model.

    Shape: `lineage` are the parents, nearest first; plugins are read for a project alone.  Where a POM above stands in
    for one that may not be used, nobody knows what the model depends on: it then depends on nothing.  Its plugins are
    known all the same if `has_parents` tells that no parent is missing.
    """

    origin: str
    group: str
    artifact: str
    version: str
    packaging: str
    dependencies: tuple[Dependency, ...]
    management: tuple[Dependency, ...]
    relocation: Relocation | None
    repositories: tuple[Repository, ...]
    modules: tuple[str, ...]
    plugins: tuple[Plugin, ...]
    managed_plugins: tuple[Plugin, ...]
    extensions: tuple[Extension, ...]
    properties: Mapping[str, str]
    lineage: tuple[Coordinate, ...]
    has_parents: bool = True
    has_imports: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether every POM above could be used."""
        return self.has_parents and self.has_imports


@dataclass(frozen=True, slots=True)
class _Assembled:
    """A POM with all its parents merged in, nothing interpolated; `sections` are theirs one by one, nearest first."""

    pom: Pom
    group: str | None
    version: str | None
    section: Section
    sections: tuple[Section, ...]
    fields: Mapping[str, str]
    extensions: tuple[Extension, ...]
    lineage: tuple[Coordinate, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Imported:
    """The management of a POM with that of its imports; `is_whole` tells that none of them is missing."""

    management: tuple[Dependency, ...]
    is_whole: bool


class Models:
    """Builds effective models; each POM is asked for and built once."""

    def __init__(self, source: Source, versions: Versions, context: Context) -> None:
        self._source = source
        self._versions = versions
        self._project_context = context
        # Profiles that the user names are switches of his own project.
        self._context = replace(context, profiles=())
        self._system = context.system_properties()
        self._assembled: dict[Coordinate, _Assembled] = {}
        self._models: dict[Coordinate, Model] = {}
        self._building: list[Coordinate] = []

    def effective(self, coordinate: Coordinate, where: str) -> Model | None:
        """Build the model of a POM from a repository; None where policy lets this POM be missing.

        Shape: `coordinate` names the `.pom` file exactly; `where` says who asked, for messages.

        Raises: `PomInvalid` for what Maven calls invalid, for what names another coordinate inside than
        outside, and for circles of parents or imports; `NotFound` where a parent or an import is nowhere; what
        the source raises.

        Source: maven-model-builder 3.8.7, DefaultModelBuilder, validation level minimal, without plugins.
        """
        known = self._models.get(coordinate)
        if known is not None:
            return known
        if coordinate in self._building:
            raise _circle("imports", [*self._building, coordinate])
        if len(self._building) > MAX_IMPORTS_WITHIN:
            raise _circle("imports", self._building)
        pom = self._read(coordinate, where)
        if pom is None:
            return None
        self._building.append(coordinate)
        try:
            model = self._build(self._assemble(coordinate, pom, (coordinate,)), {}, coordinate)
        finally:
            self._building.pop()
        self._models[coordinate] = model
        return model

    def project(self, pom: Pom, parents: Sequence[Pom] = (), basedir: str = "") -> Model:
        """Build the model of the user's own POM; his properties come before the POM's there.

        Shape: `parents` are those found by relativePath, nearest first; the one above the last of them comes from
        the repositories.

        Raises: as `effective`.
        """
        assembled = self._assemble_local([pom, *parents])
        users = self._project_context.properties
        if basedir:
            directory = {"basedir": basedir, "project.basedir": basedir, "pom.basedir": basedir}
            users = {**users, **directory}
        return self._build(assembled, users, None)

    def _read(self, coordinate: Coordinate, where: str) -> Pom | None:
        try:
            return self._source.pom(coordinate)
        except NotFound as error:
            raise NotFound(
                f"{error.reason}, wanted by {where}", expected=error.expected, received=error.received, hint=error.hint
            ) from error

    def adopt(self, coordinate: Coordinate, model: Model) -> None:
        """Let a project's model stand for its coordinate, wherever that is asked for from now on."""
        self._models[coordinate] = model

    # Parents

    def _assemble(self, coordinate: Coordinate, pom: Pom, below: tuple[Coordinate, ...]) -> _Assembled:
        """Merge a repository's POM with its parents, from the top down; `below` are the POMs that led here."""
        known = self._assembled.get(coordinate)
        if known is None:
            section = self._prepare(pom, self._context)
            above = self._find_parent(pom, pom.parent, below) if pom.parent else None
            known = self._assembled[coordinate] = _join(pom, section, above)
        return known

    def _assemble_local(self, poms: Sequence[Pom]) -> _Assembled:
        first = poms[0]
        section = self._prepare(first, self._project_context)
        if len(poms) > 1:
            above: tuple[_Assembled, Coordinate | None] | None = (self._assemble_local(poms[1:]), None)
        else:
            above = self._find_parent(first, first.parent, ()) if first.parent else None
        return _join(first, section, above)

    def _prepare(self, pom: Pom, context: Context) -> Section:
        section = without_duplicates(pom.section)
        for profile in active_profiles(pom.profiles, context, pom.origin):
            section = inject_profile(section, profile.section)
        return section

    def _find_parent(self, pom: Pom, parent: Parent, below: tuple[Coordinate, ...]) -> tuple[_Assembled, Coordinate]:
        if (pom.group, pom.artifact) == (parent.group, parent.artifact):
            raise _invalid(pom, "the POM is its own parent", "another artifact", f"{parent.group}:{parent.artifact}")
        where = f"<parent> of {pom.origin}"
        version = self._parent_version(pom, parent, where)
        coordinate = pom_coordinate(parent.group, parent.artifact, version, where)
        if coordinate in below or len(below) > MAX_PARENTS:
            raise _circle("parents", [*below, coordinate])
        known = self._assembled.get(coordinate)
        found = known.pom if known else self._read(coordinate, where)
        if found is None:
            raise NotFound(f"a parent POM is missing: {coordinate}", received=Fact(str(coordinate), where))
        if found.packaging != "pom":
            raise _invalid(found, "a parent must have the packaging pom", "pom", found.packaging)
        _check_claim(found, (found.own_group, found.artifact, found.own_version), coordinate)
        return self._assemble(coordinate, found, (*below, coordinate)), coordinate

    def _parent_version(self, pom: Pom, parent: Parent, where: str) -> str:
        """Choose the parent's version: the highest of a range, which must have an upper bound."""
        wanted = parse_range(parent.version, where)
        if wanted is None:
            return self._versions.exact(parent.group, parent.artifact, parent.version, "pom")
        if any(interval.upper is None for interval in wanted.intervals):
            raise NotFound(
                "a parent's version range has no upper bound",
                expected=Fact("an upper bound"),
                received=Fact(wanted.text, where),
            )
        chosen = self._versions.within(parent.group, parent.artifact, wanted)[-1].text
        if chosen != parent.version and (pom.version is None or "${" in pom.version):
            raise _invalid(pom, "the POM takes its version from a range of parents", "a constant", str(pom.version))
        return chosen

    # The rest

    def _build(self, assembled: _Assembled, users: Mapping[str, str], coordinate: Coordinate | None) -> Model:
        """Interpolate, import, inject and check, in this order."""
        pom, section = assembled.pom, assembled.section
        fields = {**assembled.fields, "artifactId": pom.artifact or "", "packaging": pom.packaging}
        fields |= {
            name: value
            for name, value in (("groupId", assembled.group), ("version", assembled.version))
            if value is not None
        }
        interpolator = Interpolator(fields, users, section.properties, self._system, pom.origin)
        for value in section.properties.values():
            # A circle among properties spoils the POM even where nothing uses them.
            interpolator.text(value)
        group, artifact, version = (
            interpolator.text(part or "") for part in (assembled.group, pom.artifact, assembled.version)
        )
        if coordinate is not None:
            _check_claim(pom, (group, artifact, version), coordinate)
        own = tuple(interpolator.dependency(each) for each in section.management)
        imported = self._import(own, assembled)
        management = imported.management
        dependencies = inject_management(
            tuple(interpolator.dependency(each) for each in section.dependencies), management
        )
        plugins, managed_plugins = inherit_plugins(assembled.sections) if coordinate is None else ((), ())
        relocation = section.relocation
        model = Model(
            origin=pom.origin,
            group=group,
            artifact=artifact,
            version=version,
            packaging=interpolator.text(pom.packaging),
            dependencies=tuple(each if each.scope else replace(each, scope="compile") for each in dependencies),
            management=management,
            relocation=relocation
            and Relocation(
                *(interpolator.optional(part) for part in (relocation.group, relocation.artifact, relocation.version))
            ),
            repositories=tuple(
                Repository(interpolator.text(each.id), interpolator.text(each.url)) for each in section.repositories
            ),
            modules=section.modules,
            plugins=tuple(_plugin(each, interpolator) for each in plugins),
            managed_plugins=tuple(_plugin(each, interpolator) for each in managed_plugins),
            extensions=tuple(
                Extension(*(interpolator.optional(part) for part in (each.group, each.artifact, each.version)))
                for each in assembled.extensions
            ),
            properties=section.properties,
            lineage=assembled.lineage,
            has_parents=assembled.is_whole,
            has_imports=imported.is_whole,
        )
        if not model.is_whole:
            return replace(model, dependencies=(), management=(), relocation=None)
        _check(model, pom, own)
        return model

    def _import(self, management: Sequence[Dependency], assembled: _Assembled) -> _Imported:
        """Replace entries of type pom and scope import by the management of the POMs that they name."""
        pom = assembled.pom
        imports = [entry for entry in management if entry.is_import]
        if not assembled.is_whole:
            # An expression that the missing parent would give a value is no mistake of this POM.
            imports = [entry for entry in imports if "${" not in f"{entry}:{entry.version}"]
        if not imports:
            return _Imported(tuple(management), is_whole=True)
        coordinates = [self._import_coordinate(entry, pom) for entry in imports]
        self._source.hint(coordinates)
        imported, is_whole = [], True
        for coordinate in coordinates:
            where = f"<dependencyManagement> of {pom.origin}"
            model = self.effective(coordinate, where)
            if model is None:
                raise NotFound(f"an imported POM is missing: {coordinate}", received=Fact(str(coordinate), where))
            imported.append(model.management)
            is_whole = is_whole and model.is_whole
        own = tuple(entry for entry in management if not entry.is_import)
        if len(own) + sum(map(len, imported)) > MAX_MANAGED:
            raise _invalid(pom, "the POM manages too many dependencies", f"at most {MAX_MANAGED}", "more")
        return _Imported(import_management(own, imported), is_whole)

    def _import_coordinate(self, entry: Dependency, pom: Pom) -> Coordinate:
        where = f"<dependencyManagement> of {pom.origin}"
        group, artifact, version = entry.group or "", entry.artifact or "", entry.version or ""
        if not version.startswith(("[", "(")):
            version = self._versions.exact(group, artifact, version, "pom")
        return pom_coordinate(group, artifact, version, where)


def _join(pom: Pom, section: Section, above: tuple[_Assembled, Coordinate | None] | None) -> _Assembled:
    if above is None:
        return _Assembled(
            pom, pom.group, pom.version, section, (section,), pom.fields, pom.extensions, (), not pom.is_stand_in
        )
    parent, coordinate = above
    inherited = {name: value for name, value in parent.fields.items() if name.startswith(_INHERITED_FIELDS)}
    return _Assembled(
        pom=pom,
        group=parent.group if pom.group is None else pom.group,
        version=parent.version if pom.version is None else pom.version,
        section=inherit(section, parent.section),
        sections=(section, *parent.sections),
        fields=MappingProxyType({**inherited, **pom.fields}),
        extensions=(*pom.extensions, *(each for each in parent.extensions if each not in pom.extensions)),
        lineage=((coordinate,) if coordinate else ()) + parent.lineage,
        is_whole=parent.is_whole,
    )


def _plugin(plugin: Plugin, interpolator: Interpolator) -> Plugin:
    return replace(
        plugin,
        group=interpolator.text(plugin.group),
        artifact=interpolator.text(plugin.artifact),
        version=interpolator.optional(plugin.version),
        dependencies=tuple(interpolator.dependency(each) for each in plugin.dependencies),
    )


# What a model must be


def _check_claim(pom: Pom, claim: tuple[str | None, str | None, str | None], coordinate: Coordinate) -> None:
    """Refuse a POM that names another coordinate inside than the one it was asked for by."""
    group, artifact, version = claim
    pairs = ((group, coordinate.group), (artifact, coordinate.artifact))
    is_same = all(claimed is None or "${" in claimed or claimed == asked for claimed, asked in pairs)
    versions = {coordinate.version, base_version(coordinate.version)}
    is_same = is_same and (
        version is None or "${" in version or version in versions or base_version(version) in versions
    )
    if not is_same:
        raise PomInvalid(
            "the POM names another coordinate inside",
            expected=Fact(f"{coordinate.group}:{coordinate.artifact}:{coordinate.version}"),
            received=Fact(f"{group}:{artifact}:{version}", pom.origin),
        )


def _check(model: Model, pom: Pom, management: Sequence[Dependency]) -> None:
    """Refuse what Maven calls invalid; `management` is the POM's own, as what it imports was checked on its way.

    Source: maven-model-builder 3.8.7, DefaultModelValidator.validateEffectiveModel, level minimal.
    """
    if not pom.model_version:
        raise _invalid(pom, "the POM has no model version", "<modelVersion>", "none")
    for name, value in (("groupId", model.group), ("artifactId", model.artifact)):
        if not _ID.fullmatch(value):
            raise _invalid(pom, f"the POM's {name} is no name", "letters, digits, '.', '_' and '-'", value)
    if not model.version:
        raise _invalid(pom, "the POM has no version", "<version>", "none")
    if not model.packaging or (model.modules and model.packaging != "pom"):
        raise _invalid(
            pom, "the POM's packaging does not fit", "pom" if model.modules else "a packaging", model.packaging
        )
    for entry in model.dependencies:
        problem = _problem(entry, is_managed=False)
        if problem:
            raise _invalid(pom, problem, "a dependency that Maven takes", f"{entry} in <dependencies>")
    for entry in management:
        problem = "" if entry.is_import else _problem(entry, is_managed=True)
        if problem:
            raise _invalid(pom, problem, "a dependency that Maven takes", f"{entry} in <dependencyManagement>")


def _problem(entry: Dependency, *, is_managed: bool) -> str:
    """Say what is wrong with a dependency; nothing where it is in order."""
    if not _ID.fullmatch(entry.group or "") or not _ID.fullmatch(entry.artifact or ""):
        return "a dependency has no proper name"
    if not is_managed and not (entry.type and entry.version):
        return "a dependency has no version" if entry.type else "a dependency's type is empty"
    if entry.scope == "system":
        is_absolute = entry.system_path is not None and entry.system_path.startswith("/")
        return "" if is_absolute else f"a dependency of scope system has no absolute path but {entry.system_path}"
    return "a dependency has a path but not the scope system" if entry.system_path else ""


def _invalid(pom: Pom, reason: str, expected: str, received: str) -> PomInvalid:
    return PomInvalid(reason, expected=Fact(expected), received=Fact(received, pom.origin))


def _circle(of: str, way: Sequence[Coordinate]) -> PomInvalid:
    shown = " -> ".join(f"{each.group}:{each.artifact}:{each.version}" for each in way[-20:])
    return PomInvalid(
        f"{of} go round in a circle, or too far", expected=Fact("a chain that ends"), received=Fact(shown)
    )

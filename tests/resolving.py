"""Ask the resolver a question, and write its answer as Maven's own libraries do."""

from verifier.coordinate import Coordinate
from verifier.errors import PomInvalid
from verifier.maven.graph import Demand
from verifier.maven.pom import Dependency
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolved, Resolver
from verifier.maven.source import Source


def resolve(source: Source, mode: str, name: str, context: Context | None = None) -> tuple[Resolved, ...]:
    """Resolve `group:artifact:version` as a dependency of an empty project, as a root, or as the project itself."""
    group, artifact, version = name.split(":")
    resolver = Resolver(source, context or Context())
    if mode == "dependency":
        return resolver.dependencies([Demand(group, artifact, version, scope="compile")])
    if mode == "root":
        return resolver.root(Demand(group, artifact, version))
    model = resolver.models.effective(Coordinate(group, artifact, version, "pom"), "a test")
    assert model is not None
    return resolver.project(model)


def write(resolved: tuple[Resolved, ...]) -> str:
    return " ".join(
        ":".join(filter(None, (*_parts(each.coordinate), each.scope, "optional" if each.optional else "")))
        for each in resolved
    )


def _parts(coordinate: Coordinate) -> tuple[str, ...]:
    return (coordinate.group, coordinate.artifact, coordinate.extension, coordinate.classifier, coordinate.version)


def write_model(source: Source, name: str) -> str:
    """Write the dependencies and the management of an effective model, after relocation."""
    group, artifact, version = name.split(":")
    coordinates = [Coordinate(group, artifact, version, "pom")]
    resolver = Resolver(source, Context())
    while True:
        last = coordinates[-1]
        model = resolver.models.effective(last, "a test")
        assert model is not None
        relocation = model.relocation
        if relocation is None:
            break
        moved = (
            relocation.group or last.group,
            relocation.artifact or last.artifact,
            relocation.version or last.version,
        )
        if Coordinate(*moved, "pom") in coordinates:
            raise PomInvalid("relocations go round")
        coordinates.append(Coordinate(*moved, "pom"))
    words = [f"d {_line(each)}" for each in model.dependencies]
    words += [f"m {_line(each)}" for each in model.management]
    return "|".join(" ".join(word.split()) for word in words)


def _line(dependency: Dependency) -> str:
    d = dependency
    parts = (d.group, d.artifact, d.version, d.type, d.classifier, d.scope, d.optional, d.system_path)
    exclusions = ",".join(f"{each.group or 'null'}:{each.artifact or 'null'}" for each in d.exclusions)
    return ";".join(["null" if part is None else part for part in parts] + [exclusions])

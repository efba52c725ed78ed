"""A resolved graph as text, drawn as `mvn dependency:tree` draws it, and as the JSON report's fields."""

from collections.abc import Iterable, Mapping, Sequence

from verifier.coordinate import Coordinate
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolved
from verifier.outcome import Json
from verifier.policy_words import JAVA_NAMES
from verifier.report.escape import printable


def tree(resolved: Sequence[Resolved], root: str = "") -> Iterable[str]:
    """Draw a graph, one line for each artifact, in the order given.

    Shape: under a root everything has a branch; without one what lies at depth 1 stands by itself.
    """
    if root:
        yield printable(root)
    top = 1 if root else 2
    open_levels: set[int] = set()
    lines = []
    # From the end: whether a branch goes on below a line is known once what follows has been seen.
    for each in reversed(resolved):
        open_levels = {level for level in open_levels if level <= each.depth}
        bars = "".join("|  " if level in open_levels else "   " for level in range(top, each.depth))
        branch = "" if each.depth < top else ("+- " if each.depth in open_levels else "\\- ")
        lines.append(f"{bars}{branch}{printable(_label(each))}")
        open_levels.add(each.depth)
    yield from reversed(lines)


def _label(each: Resolved) -> str:
    optional = " (optional)" if each.optional else ""
    exact = "" if each.file == each.coordinate else f" -> {each.file.version}"
    return f"{each.coordinate}:{each.scope}{optional}{exact}"


def resolved_fields(resolved: Sequence[Resolved]) -> list[Json]:
    """Give the report's `resolved`; `exact` is the version under which the file lies today."""
    return [
        {
            "coordinate": str(each.coordinate),
            "scope": each.scope,
            "optional": each.optional,
            "depth": each.depth,
            "parent": _text(each.parent),
            "exact": each.file.version,
        }
        for each in resolved
    ]


def context_fields(context: Context, origins: Mapping[str, str]) -> dict[str, Json]:
    """Give the report's `context`: what the graph was computed for; `origins` has the place of properties in files."""
    short = {java: name for name, java in JAVA_NAMES.items()}
    system = [short.get(context.os_name, context.os_name), context.os_arch, context.os_version]
    return {
        "java_version": context.java_version,
        "os": "/".join(part for part in system if part),
        "properties": dict(sorted(context.properties.items())),
        "profiles": list(context.profiles),
        "origins": dict(origins),
    }


def _text(coordinate: Coordinate | None) -> str | None:
    return None if coordinate is None else str(coordinate)

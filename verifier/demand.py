"""Reads what is asked for: a coordinate whose version may still have to be chosen.

`coordinate` reads names of single files; here a version may be a range, LATEST or RELEASE as well, and what it
means is found out by Maven's rules.
"""

from verifier.coordinate import make_coordinate, split_coordinate
from verifier.errors import CoordinateInvalid, Fact
from verifier.maven.graph import Demand
from verifier.maven.range import RangeInvalid, VersionRange

_WORDS = frozenset({"LATEST", "RELEASE"})


def parse_demand(text: str) -> Demand:
    """Read a coordinate or a package URL as a dependency with the scope compile.

    Shape: as `coordinate.parse_coordinate`; the version may be a range, LATEST or RELEASE too.

    Raises: `CoordinateInvalid`.

    Source: https://maven.apache.org/pom.html#Dependency_Version_Requirement_Specification.

    >>> parse_demand("org.example:widget:[1.0,2.0)").version
    '[1.0,2.0)'
    """
    group, artifact, version, extension, classifier = split_coordinate(text)
    is_range = version.startswith(("[", "("))
    if is_range:
        try:
            VersionRange.parse(version)
        except RangeInvalid as error:
            raise CoordinateInvalid(
                "the version range cannot be read", expected=Fact(str(error)), received=Fact(repr(version))
            ) from error
    # What is chosen in the end is checked again, by whoever chooses.
    make_coordinate(group, artifact, "0" if is_range or version in _WORDS else version, extension, classifier)
    return Demand(group, artifact, version, extension, classifier, type=extension, scope="compile")

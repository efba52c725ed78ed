"""What a dependency's type says about the file: its extension, its classifier, and whether its dependencies follow.

Build extensions may register more types in Maven; without them, as here, an unknown type is its own extension.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArtifactType:
    """The file that a type stands for; `has_all_inside` tells that its dependencies are in the file already."""

    extension: str
    classifier: str = ""
    has_all_inside: bool = False


def artifact_type(name: str) -> ArtifactType:
    """Look up a type.

    Source: maven-resolver-provider 3.8.7, MavenRepositorySystemUtils.newSession.

    >>> artifact_type("test-jar")
    ArtifactType(extension='jar', classifier='tests', has_all_inside=False)
    >>> artifact_type("zip").extension
    'zip'
    """
    return _TYPES.get(name) or ArtifactType(name)


_TYPES = {
    "pom": ArtifactType("pom"),
    "maven-plugin": ArtifactType("jar"),
    "jar": ArtifactType("jar"),
    "ejb": ArtifactType("jar"),
    "ejb-client": ArtifactType("jar", "client"),
    "test-jar": ArtifactType("jar", "tests"),
    "javadoc": ArtifactType("jar", "javadoc"),
    "java-source": ArtifactType("jar", "sources"),
    "war": ArtifactType("war", has_all_inside=True),
    "ear": ArtifactType("ear", has_all_inside=True),
    "rar": ArtifactType("rar", has_all_inside=True),
}

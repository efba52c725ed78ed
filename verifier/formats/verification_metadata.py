"""Gradle's `verification-metadata.xml`: the components and their files.

Only the list is read here; who is trusted in it, and its digests, are not taken over.
"""

from verifier.coordinate import Coordinate
from verifier.errors import ConfigError, CoordinateInvalid
from verifier.formats.entry import Entry, Misnamed, bounded, make_module
from verifier.formats.tags import Tag, parse_tags
from verifier.layout import parse_path

ROOT = "verification-metadata"


def parse_verification_metadata(text: str, file: str) -> tuple[Entry, ...]:
    """Read the files that Gradle knows, each by its component and its file name.

    Shape: `components/component[group, name, version]/artifact[name]`.

    Raises: `ConfigError` for what is no such document.

    Source: https://schema.gradle.org/dependency-verification/dependency-verification-1.3.xsd.
    """
    root = parse_tags(text, file)
    if root.name != ROOT:
        raise ConfigError(file, f"the root element is <{root.name}> and not <{ROOT}>")
    return bounded(
        [
            _entry(component, artifact)
            for components in root.below("components")
            for component in components.below("component")
            for artifact in component.below("artifact")
        ],
        file,
    )


def _entry(component: Tag, artifact: Tag) -> Entry:
    group, name, version = (component.attributes.get(key, "") for key in ("group", "name", "version"))
    file = artifact.attributes.get("name", "")
    try:
        make_module(group, name, version)
        found: Coordinate = parse_path(f"{group.replace('.', '/')}/{name}/{version}/{file}")
    except CoordinateInvalid as cause:
        return Misnamed.of(f"{group}:{name}:{version}/{file}", cause)
    return found

"""CycloneDX bills of materials, JSON and XML: the Maven artifacts among their components, by package URL.

Components of other kinds, and those without a package URL, are none of ours and are left out.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from verifier.coordinate import make_coordinate, split_coordinate
from verifier.errors import ConfigError, CoordinateInvalid
from verifier.formats.entry import Entry, Json, Misnamed, bounded, make_module, parse_json
from verifier.formats.tags import Tag, parse_tags

MAX_NESTING = 32
ROOT = "bom"
_OURS = "pkg:maven/"


def is_cyclonedx(document: dict[str, Json]) -> bool:
    """Whether a JSON document is such a bill."""
    return document.get("bomFormat") == "CycloneDX"


def parse_cyclonedx_json(text: str, file: str) -> tuple[Entry, ...]:
    """Read the Maven components of a JSON bill, nested ones included.

    Shape: a package URL with a `type` names a file, one without a module.

    Raises: `ConfigError` for what is no such document.

    Source: CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/.
    """
    document = parse_json(text, file)
    if not is_cyclonedx(document):
        raise ConfigError(file, "this is no CycloneDX bill of materials")
    return bounded([_entry(purl) for purl in _purls(document.get("components"), file, 0)], file)


def parse_cyclonedx_xml(text: str, file: str) -> tuple[Entry, ...]:
    """Read the Maven components of an XML bill, as `parse_cyclonedx_json` does.

    Raises: `ConfigError` for what is no such document.
    """
    root = parse_tags(text, file)
    if root.name != ROOT or "cyclonedx.org" not in root.attributes.get("xmlns", "cyclonedx.org"):
        raise ConfigError(file, "this is no CycloneDX bill of materials")
    return bounded([_entry(purl) for purl in _purls_of(root)], file)


def _purls(components: Json, file: str, depth: int) -> Iterator[str]:
    if components is None:
        return
    if not isinstance(components, list) or depth > MAX_NESTING:
        raise ConfigError(file, "the components are no list, or are nested too deep")
    for component in components:
        if not isinstance(component, dict):
            raise ConfigError(file, "a component is no object")
        purl = component.get("purl")
        if isinstance(purl, str) and purl.startswith(_OURS):
            yield purl
        yield from _purls(component.get("components"), file, depth + 1)


def _purls_of(parent: Tag) -> Iterator[str]:
    for components in parent.below("components"):
        for component in components.below("component"):
            yield from (purl.text for purl in component.below("purl") if purl.text.startswith(_OURS))
            yield from _purls_of(component)


def _entry(purl: str) -> Entry:
    try:
        parts = split_coordinate(purl)
        if "type=" in urlsplit(purl).query or parts.classifier:
            return make_coordinate(*parts)
        return make_module(parts.group, parts.artifact, parts.version)
    except (CoordinateInvalid, ValueError) as cause:
        return Misnamed.of(purl, cause if isinstance(cause, CoordinateInvalid) else CoordinateInvalid(str(cause)))

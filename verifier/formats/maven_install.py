"""Bazel's `maven_install.json` of rules_jvm_external, format versions 2 and 3.

The digests in it are not taken over: every file is judged by policy.
"""

from verifier.coordinate import make_coordinate
from verifier.errors import ConfigError, CoordinateInvalid, Fact
from verifier.formats.entry import Entry, Json, Misnamed, bounded, parse_json

_VERSIONS = ("2", "3")
_MAIN = "jar"
"""The key of the file without a classifier, whatever its extension."""
_PARTS_WITH_EXTENSION = 3
_PARTS = (2, _PARTS_WITH_EXTENSION)


def is_maven_install(document: dict[str, Json]) -> bool:
    """Whether a JSON document is such a file, of any version."""
    return {"artifacts", "dependencies", "repositories"} <= document.keys() or "dependency_tree" in document


def parse_maven_install(text: str, file: str) -> tuple[Entry, ...]:
    """Read the files that Bazel would download; what has no digest there has no file.

    Shape: `artifacts` maps `group:artifact[:extension]` to `version` and `shasums`, which maps each classifier, or
    `jar` for none, to a digest or null.

    Raises: `ConfigError` for another version, and for what has another shape.

    Source: rules_jvm_external, private/rules/v2_lock_file.bzl and v3_lock_file.bzl.
    """
    document = parse_json(text, file)
    version, artifacts = document.get("version"), document.get("artifacts")
    if str(version) not in _VERSIONS or not isinstance(artifacts, dict):
        hint = "repin with a newer rules_jvm_external"
        raise ConfigError(file, f"this is no maven_install.json of version {' or '.join(_VERSIONS)}", hint=hint)
    skipped = document.get("skipped") or []
    without = {name for name in skipped if isinstance(name, str)} if isinstance(skipped, list) else set()
    entries: list[Entry] = []
    for name, artifact in artifacts.items():
        shasums = artifact.get("shasums") if isinstance(artifact, dict) else None
        if not isinstance(artifact, dict) or not isinstance(shasums, dict):
            raise ConfigError(file, f"the artifact {name!r} has no shasums")
        for classifier, digest in shasums.items():
            if digest is not None and name not in without:
                entries.append(_entry(name, artifact.get("version"), classifier))
    return bounded(entries, file)


def _entry(name: str, version: Json, classifier: str) -> Entry:
    parts = name.split(":")
    extension = parts[2] if len(parts) == _PARTS_WITH_EXTENSION else "jar"
    if len(parts) not in _PARTS or not isinstance(version, str):
        return Misnamed.of(name, CoordinateInvalid("this entry names no file", received=Fact(f"version {version!r}")))
    try:
        return make_coordinate(parts[0], parts[1], version, extension, "" if classifier == _MAIN else classifier)
    except CoordinateInvalid as cause:
        return Misnamed.of(f"{name}:{version}", cause)

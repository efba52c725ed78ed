"""Publish small artifacts on a stage: in `com.example.open` its policy asks for no signature."""

import hashlib
import io
import zipfile

from stage import Stage

GROUP = "com.example.open"


def publish(
    stage: Stage, name: str, body: str = "", *, packaging: str = "jar", files: tuple[str, ...] = ("jar",)
) -> None:
    """Publish `artifact:version` with a POM of this body, and its files by classifier and extension."""
    artifact, version = name.split(":")
    pom = (
        f"<project><modelVersion>4.0.0</modelVersion><groupId>{GROUP}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version><packaging>{packaging}</packaging>{body}</project>"
    )
    path = f"com/example/open/{artifact}/{version}/{artifact}-{version}"
    put(stage, f"{path}.pom", pom.encode())
    for file in files:
        put(stage, f"{path}-{file}" if "." in file else f"{path}.{file}", archive(f"{name} {file}"))


def put(stage: Stage, path: str, data: bytes) -> None:
    """Put a file and its checksum into the served tree."""
    target = stage.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    target.with_name(f"{target.name}.sha1").write_text(hashlib.sha1(data).hexdigest())  # noqa: S324  (as repositories do)


def list_versions(stage: Stage, artifact: str, *versions: str) -> None:
    """Publish the metadata of an artifact; the last version is the latest release."""
    listed = "".join(f"<version>{version}</version>" for version in versions)
    put(
        stage,
        f"com/example/open/{artifact}/maven-metadata.xml",
        f"<metadata><groupId>{GROUP}</groupId><artifactId>{artifact}</artifactId><versioning>"
        f"<latest>{versions[-1]}</latest><release>{versions[-1]}</release><versions>{listed}</versions>"
        f"</versioning></metadata>".encode(),
    )


def needs(*dependencies: str) -> str:
    """Write dependencies: `[group:]artifact:version[@scope]`."""
    return f"<dependencies>{''.join(map(_dependency, dependencies))}</dependencies>"


def _dependency(text: str) -> str:
    name, _, scope = text.partition("@")
    group, artifact, version = f"{GROUP}:{name}".split(":")[-3:] if name.count(":") == 1 else name.split(":")
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        f"<scope>{scope or 'compile'}</scope></dependency>"
    )


def child_of(name: str) -> str:
    """Write a parent."""
    artifact, version = name.split(":")
    return f"<parent><groupId>{GROUP}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></parent>"


def archive(text: str) -> bytes:
    """Make a JAR, the same bytes each time."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as jar:
        jar.writestr(zipfile.ZipInfo("content.txt"), text)
    return data.getvalue()

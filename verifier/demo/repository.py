"""What lies in the repository of the show: one small library as its publisher released it.

The files are true to Maven's layout; attacks are the same files with something exchanged.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping

from verifier.coordinate import Coordinate
from verifier.demo.server import Answer
from verifier.layout import file_path

JAR = Coordinate("org.example", "widget", "1.0")
POM = Coordinate("org.example", "widget", "1.0", "pom")

Files = Mapping[str, Answer]
_CHECKSUMS = ("md5", "sha1", "sha256", "sha512")


def write_jar(version: str, text: str) -> bytes:
    """Write a JAR that names itself as Maven's packaging does; `text` is all that it does."""
    properties = f"artifactId={JAR.artifact}\ngroupId={JAR.group}\nversion={version}\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry("META-INF/MANIFEST.MF"), "Manifest-Version: 1.0\n\n")
        archive.writestr(_entry(f"META-INF/maven/{JAR.group}/{JAR.artifact}/pom.properties"), properties)
        archive.writestr(_entry("org/example/widget.txt"), text * 99)
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))


def write_pom(coordinate: Coordinate) -> bytes:
    """Write the least POM that names a coordinate."""
    names = f"<groupId>{coordinate.group}</groupId><artifactId>{coordinate.artifact}</artifactId>"
    names += f"<version>{coordinate.version}</version>"
    return f"<project><modelVersion>4.0.0</modelVersion>{names}</project>\n".encode()


def publish(coordinate: Coordinate, content: bytes, signature: bytes | None) -> dict[str, Answer]:
    """Lay out a file with every checksum of it, all of them right, and its signature where it has one."""
    path = f"/{file_path(coordinate)}"
    files = {path: Answer(content)}
    for name in _CHECKSUMS:
        files[f"{path}.{name}"] = Answer(hashlib.new(name, content, usedforsecurity=False).hexdigest().encode())
    if signature is not None:
        files[f"{path}.asc"] = Answer(signature)
    return files

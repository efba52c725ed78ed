"""The machines that a lock for all platforms covers, and how publishers name their files for each.

The one table of such names: no repository lists its files, so what exists beside a file can only be asked for by
a name that is known.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from verifier.coordinate import Coordinate
from verifier.maven.profile import Context


@dataclass(frozen=True, slots=True)
class Platform:
    """One machine: its names in Java's words, and in those of os-maven-plugin, whose properties many builds use."""

    os_name: str
    os_arch: str
    detected_name: str
    detected_arch: str


PLATFORMS = (
    Platform("Linux", "amd64", "linux", "x86_64"),
    Platform("Linux", "aarch64", "linux", "aarch_64"),
    Platform("Mac OS X", "x86_64", "osx", "x86_64"),
    Platform("Mac OS X", "aarch64", "osx", "aarch_64"),
    Platform("Windows 11", "amd64", "windows", "x86_64"),
)

_TABLE = """
os-maven-plugin, as netty, gRPC, protoc and conscrypt use it
  linux-x86_64 linux-aarch_64 linux-x86_32 linux-ppcle_64 linux-s390_64 linux-riscv64
  osx-x86_64 osx-aarch_64 windows-x86_64 windows-aarch_64 windows-x86_32
netty-tcnative against the libraries of a distribution
  linux-x86_64-fedora linux-aarch_64-fedora
JavaFX
  linux linux-aarch64 mac mac-aarch64 win
LWJGL
  natives-linux natives-linux-arm64 natives-linux-arm32 natives-linux-ppc64le natives-linux-riscv64
  natives-macos natives-macos-arm64 natives-windows natives-windows-arm64 natives-windows-x86 natives-freebsd
JavaCPP
  linux-x86_64 linux-arm64 linux-armhf linux-ppc64le linux-x86 macosx-x86_64 macosx-arm64
  windows-x86_64 windows-x86 android-arm64 android-x86_64 ios-arm64
JOGL and GlueGen
  natives-linux-amd64 natives-linux-aarch64 natives-linux-armv6hf natives-macosx-universal natives-windows-amd64
RocksDB
  linux32 linux64 linux64-musl linux-aarch64 linux-aarch64-musl linux-ppc64le linux-s390x osx osx-aarch64 win64
"""


def _families(table: str) -> tuple[tuple[str, ...], ...]:
    """Read the table: a family is what is indented below a line that says whose it is."""
    return tuple(tuple(block.split()) for block in re.split(r"(?m)^\S.*$", table) if block.split())


FAMILIES = _families(_TABLE)
"""Classifiers that stand for one another on other machines, a family for each set of publishers."""


def contexts(context: Context) -> tuple[Context, ...]:
    """Move a context to each of the platforms, its own first, with what os-maven-plugin would say there."""
    moved = [
        replace(
            context,
            os_name=one.os_name,
            os_arch=one.os_arch,
            os_version="",
            properties=MappingProxyType(
                {
                    **context.properties,
                    "os.detected.name": one.detected_name,
                    "os.detected.arch": one.detected_arch,
                    "os.detected.classifier": f"{one.detected_name}-{one.detected_arch}",
                }
            ),
        )
        for one in PLATFORMS
    ]
    own = (context.os_name, context.os_arch)
    first = [one for one in moved if (one.os_name, one.os_arch) == own] or [context]
    return (*first, *(one for one in moved if (one.os_name, one.os_arch) != own))


def siblings(files: Sequence[Coordinate]) -> tuple[Coordinate, ...]:
    """Name the files for other platforms that may exist beside these, and are not among them."""
    known = set(files)
    return tuple(dict.fromkeys(one for file in files for one in _siblings(file) if one not in known))


def _siblings(file: Coordinate) -> Iterator[Coordinate]:
    for family in FAMILIES:
        if file.classifier in family:
            yield from (replace(file, classifier=other) for other in family if other != file.classifier)

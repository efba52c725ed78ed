"""A repository in memory, as the resolver's source: a map of paths and texts."""

from collections.abc import Iterable, Mapping

from verifier.coordinate import Coordinate
from verifier.errors import Fact, NotFound
from verifier.layout import file_path
from verifier.maven.metadata import Listing, parse_metadata
from verifier.maven.pom import Pom, parse_pom


class MemorySource:
    """Gives POMs and metadata out of a map, `poms` first; notes what was asked for, and what was foreseen."""

    def __init__(self, files: Mapping[str, bytes], *, snapshots: bool = False, leaves: bool = False) -> None:
        self.files = files
        self.asked: list[str] = []
        self.hinted: list[Coordinate] = []
        self.files_hinted: list[tuple[Coordinate, str]] = []
        self.poms: dict[Coordinate, Pom] = {}
        self._snapshots = snapshots
        self._leaves = leaves

    def pom(self, coordinate: Coordinate) -> Pom | None:
        path = file_path(coordinate)
        self.asked.append(path)
        if coordinate in self.poms:
            return self.poms[coordinate]
        document = self.files.get(path)
        if document is None and self._leaves:
            return None
        if document is None:
            raise NotFound(f"{coordinate} is nowhere", received=Fact(path))
        return parse_pom(document, str(coordinate))

    def metadata(self, group: str, artifact: str, version: str) -> tuple[Listing, ...]:
        directory = "/".join(part for part in (group.replace(".", "/"), artifact, version) if part)
        path = f"{directory}/maven-metadata.xml"
        self.asked.append(path)
        document = self.files.get(path)
        return () if document is None else (Listing(parse_metadata(document, path), snapshots=self._snapshots),)

    def hint(self, coordinates: Iterable[Coordinate]) -> None:
        self.hinted += coordinates

    def hint_file(self, coordinate: Coordinate, scope: str) -> None:
        self.files_hinted.append((coordinate, scope))

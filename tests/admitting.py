"""A cache to try things on, and as a program a process that admits files until it is killed.

`python tests/admitting.py CACHE SEED [COUNT]` prints a line for every file that was admitted.
"""

import contextlib
import hashlib
import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from verifier.cache import Admission, Artifact, Cache
from verifier.layout import Place
from verifier.record import AdmittedRow, EvidenceRow, JudgementRow, Record
from verifier.seal import Seal, load_seal

NOW = 1_700_000_000
PLACES = 40


@dataclass(frozen=True, slots=True)
class Opened:
    cache: Cache
    record: Record
    root: Path

    def row(self, name: str = "widget", data: bytes = b"bytes") -> AdmittedRow:
        place = Place("central", f"org/example/{name}/1.0/{name}-1.0.jar")
        return AdmittedRow(place, f"org.example:{name}:jar:1.0", hashlib.sha256(data).hexdigest(), len(data))

    def admission(self, name: str = "widget", data: bytes = b"bytes", replay_key: str | None = None) -> Admission:
        row = self.row(name, data)
        quarantined = self.cache.quarantine_path()
        quarantined.write_bytes(data)
        evidence = EvidenceRow(row.coordinate, row.sha256, f'{{"of":"{row.coordinate}"}}', replay_key)
        return Admission(row, quarantined, evidence, judgement(row, self.cache.path(row.place)))

    def admit(self, name: str = "widget", data: bytes = b"bytes", replay_key: str | None = None) -> Artifact:
        return self.cache.admit(self.admission(name, data, replay_key)).result()


def judgement(row: AdmittedRow, file: Path) -> JudgementRow:
    url = f"https://repo.example/{row.place.path}"
    return JudgementRow(row.coordinate, "verified", "", "central", url, str(file), row.sha256, "sha256:p", NOW, "{}")


@contextlib.contextmanager
def opened(root: Path, seal: Seal | None = None) -> Iterator[Opened]:
    record = Record(root / "record.sqlite", seal or load_seal(root.parent / "state" / "seal.key", root))
    record.start()
    try:
        cache = Cache(root, record)
        cache.start()
        try:
            yield Opened(cache, record, root)
        finally:
            cache.stop()
    finally:
        record.stop()


@contextlib.contextmanager
def mounted(directory: Path, options: str) -> Iterator[None]:
    """Mount a small file system in memory; who may not, root in a container among them, skips."""
    directory.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


def content(name: str, seed: int) -> bytes:
    return f"{name} by {seed}".encode() * 97


def main(root: Path, seed: int, count: int | None) -> None:
    with opened(root) as here:
        for number in itertools.count() if count is None else range(count):
            name = f"widget{number % PLACES}"
            data = content(name, seed + number // PLACES % 3)
            sys.stdout.write(f"{name} {here.admit(name, data).record}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) == 4 else None)

"""The proxy on a full disk: what is cached is served, the rest is trouble, and it goes on once there is room."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import need
from proxied import JAR, POM, Got, Running, ask, running
from stage import Stage, stage
from test_proxy import publish
from test_proxy_process import logged

__all__ = ["stage"]

DISK_BYTES = 24 * 1024 * 1024
ON_A_DISK = 'mount -t tmpfs -o size=$1 none "$2" && shift 2 && exec "$@"'
BIG = "/com/example/open/big/1/big-1.bin"


@dataclass(frozen=True)
class Full:
    """A proxy whose cache has a disk of its own, which nobody else sees; `cache` is the way to it from here."""

    stage: Stage
    proxy: Running
    cache: Path

    def get(self, path: str) -> Got:
        return ask(self.proxy.port, path)

    def fill(self) -> None:
        with self.ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    @property
    def ballast(self) -> Path:
        return self.cache / "ballast"

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one command line with the proxy's view of the disks."""
        enter = ["--target", str(self.proxy.process.pid), "--user", "--mount", "--preserve-credentials"]
        options = ["--policy", str(self.stage.policy), "--cache", str(self.stage.cache)]
        command = [need("nsenter"), *enter, sys.executable, "-m", "verifier", *options, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def files(self, directory: str) -> list[str]:
        found = (path for path in (self.cache / directory).rglob("*") if path.is_file() and path.name != "lock")
        return sorted(path.name for path in found)


@pytest.fixture
def full(stage: Stage) -> Iterator[Full]:
    unshare = [need("unshare"), "--map-root-user", "--mount"]
    stage.cache.mkdir()
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", stage.cache], check=False).returncode:
        pytest.skip("nobody may mount a disk of his own here")
    within = [*unshare, "sh", "-c", ON_A_DISK, "sh", str(DISK_BYTES), str(stage.cache)]
    with running(stage.policy, stage.cache, within=within) as proxy:
        yield Full(stage, proxy, Path(f"/proc/{proxy.process.pid}/root{stage.cache}"))


def test_on_a_full_disk_what_is_cached_is_served_and_the_rest_is_trouble_that_says_so(full: Full) -> None:
    publish(full.stage, BIG, os.urandom(3_000_000))
    honest = full.get(JAR).body
    full.fill()

    cached, trouble = full.get(JAR), [full.get(path) for path in (f"/all{BIG}", POM, JAR.replace("1.0", "7"))]

    assert (cached.status, cached.body) == (200, honest)
    for got in trouble:
        assert (got.status, got.headers["retry-after"]) == (503, "5")
        assert "the disk is full" in json.loads(got.body)["detail"]
        assert str(full.stage.cache) not in got.body.decode()
    assert (full.files("repository"), full.files("quarantine")) == (["widget-1.0.jar"], [])


def test_it_goes_on_as_soon_as_there_is_room(full: Full) -> None:
    full.fill()
    assert full.get(JAR).status == 503

    full.ballast.unlink()

    assert (full.get(JAR).status, full.get(POM).status) == (200, 200)
    assert full.files("repository") == ["widget-1.0.jar", "widget-1.0.pom"]


def test_a_prune_makes_room_on_a_full_disk(full: Full) -> None:
    publish(full.stage, BIG, os.urandom(8_000_000))
    assert full.get(f"/all{BIG}").status == 200
    full.fill()
    assert full.get(JAR).status == 503

    pruned = full.run("cache", "prune", "--max-size", "1 KiB")

    assert (pruned.returncode, "big" in pruned.stdout) == (0, True), pruned.stderr
    assert full.get(JAR).status == 200


def test_it_stops_with_one_line_when_the_disk_is_full(full: Full) -> None:
    assert full.get(JAR).status == 200
    full.fill()
    assert full.get(POM).status == 503

    full.proxy.process.terminate()
    status = full.proxy.process.wait(60)

    # What could not be written down any more is worth a request at the next start, and no more.
    assert status == 3
    logged(full.proxy, "record.sqlite: the disk is full\n")
    assert "Traceback" not in "".join(full.proxy.log)

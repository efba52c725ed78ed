"""Cold transitive fetch from Maven Central, with full verification, side by side with peers that verify less.

`transitive_fetch.py ROOT [--rounds 3] [--coursier DIR] [--maven] [--policy FILE]`, in turn, each with an empty cache:
verifier; `curl --parallel --http2` of the very files that verifier asked for; coursier on the JVM (DIR holds its JARs);
`mvn dependency:resolve`, its own plugins warmed outside the clock.  Prints medians in seconds of wall clock and of
processor, and ratios.  Asks the network: run it by hand.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GOAL_COURSIER, GOAL_CURL = 0.6, 4.0
UNSIGNED_SUFFIXES = (".md5", ".sha256", ".sha512")
"""Asked for too where no signature vouches for a file."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one peer, in seconds."""

    wall: float
    processor: float
    status: int


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--coursier", type=Path)
    parser.add_argument("--maven", action="store_true")
    parser.add_argument("--policy", type=Path)
    options = parser.parse_args()
    taken: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        policy = None if options.policy is None else options.policy.absolute()
        urls = _urls(place, options.root, policy)
        peers: dict[str, Callable[[Path], list[str]]] = {
            "verifier": lambda fresh: _verifier(fresh, options.root, policy),
            "curl": lambda fresh: _curl(fresh, urls),
        }
        if options.coursier is not None:
            jars = options.coursier.absolute()
            peers["coursier"] = lambda fresh: _coursier(fresh, options.root, jars)
        if options.maven:
            plugins = _warm_plugins(place)
            peers["mvn"] = lambda fresh: _maven(fresh, options.root, plugins)
        for _ in range(options.rounds):
            for peer, command in peers.items():
                fresh = place / "fresh"
                fresh.mkdir()
                taken.setdefault(peer, []).append(_timed(command(fresh), fresh))
                shutil.rmtree(fresh)
    _show(len(urls), taken)


def _show(urls: int, taken: dict[str, list[Run]]) -> None:
    print(f"{urls} URLs")
    wall = {peer: statistics.median(run.wall for run in runs) for peer, runs in taken.items()}
    for peer, runs in taken.items():
        processor = statistics.median(run.processor for run in runs)
        each = ", ".join(f"{run.wall:.2f}" for run in runs)
        failed = [run.status for run in runs if run.status]
        print(
            f"{peer:<9} {wall[peer]:.2f} s (of {each}), processor {processor:.2f} s", f"FAILED {failed}" * bool(failed)
        )
    for peer, goal in (("curl", GOAL_CURL), ("coursier", GOAL_COURSIER), ("mvn", None)):
        if peer in wall:
            told = "" if goal is None else f" (goal: at most {goal})"
            print(f"verifier / {peer:<9} {wall['verifier'] / wall[peer]:.2f}{told}")


def _verifier(fresh: Path, root: str, policy: Path | None) -> list[str]:
    named = [] if policy is None else ["--policy", str(policy)]
    return [sys.executable, "-m", "verifier", *named, "--cache", str(fresh / "cache"), "--quiet", "fetch", root]


def _urls(place: Path, root: str, policy: Path | None) -> list[str]:
    """Name every file of a whole fetch, with the signature and the checksums beside it."""
    command = [*_verifier(place, root, policy), "--format", "json"]
    report = json.loads(subprocess.run(command, cwd=place, capture_output=True, check=False, env=_environment()).stdout)
    urls = []
    for artifact in report["artifacts"]:
        if artifact["url"]:
            is_signed = any(signature["status"] == "good" for signature in artifact["signatures"])
            suffixes = ("", ".asc", ".sha1", *(() if is_signed else UNSIGNED_SUFFIXES))
            urls += [artifact["url"] + suffix for suffix in suffixes]
    return urls


def _curl(fresh: Path, urls: list[str]) -> list[str]:
    config = fresh / "config"
    config.write_text("".join(f'url = "{url}"\noutput = "{number}"\n' for number, url in enumerate(urls)))
    return ["curl", "--silent", "--no-progress-meter", "--parallel", "--http2", "--config", str(config)]


def _coursier(fresh: Path, root: str, jars: Path) -> list[str]:
    java = shutil.which("java") or "java"
    home = ["-Dcoursier.cache=" + str(fresh / "cache"), "-cp", f"{jars}/*", "coursier.cli.Coursier"]
    return [java, *home, "fetch", "--quiet", root]


def _warm_plugins(place: Path) -> Path:
    """Fill a repository with what the goal itself needs."""
    (place / "pom.xml").write_text(_project(""))
    subprocess.run(_resolve(place), cwd=place, check=True, capture_output=True)
    return place / "repository"


def _maven(fresh: Path, root: str, plugins: Path) -> list[str]:
    names = zip(("groupId", "artifactId", "version"), root.split(":"), strict=True)
    (fresh / "pom.xml").write_text(_project("".join(f"<{name}>{value}</{name}>" for name, value in names)))
    shutil.copytree(plugins, fresh / "repository")
    return _resolve(fresh)


def _resolve(place: Path) -> list[str]:
    where = ["-f", str(place / "pom.xml"), f"-Dmaven.repo.local={place / 'repository'}"]
    return [shutil.which("mvn") or "mvn", "--batch-mode", "--quiet", *where, "dependency:resolve"]


def _project(dependency: str) -> str:
    needs = f"<dependencies><dependency>{dependency}</dependency></dependencies>" if dependency else ""
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>bench</artifactId>"
        f"<version>1</version><packaging>pom</packaging>{needs}</project>"
    )


def _environment() -> dict[str, str]:
    """Let Python keep what it compiled, as every installation does."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _timed(command: list[str], fresh: Path) -> Run:
    environment = _environment() | {"XDG_STATE_HOME": str(fresh / "state")}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    status = subprocess.run(command, cwd=fresh, env=environment, capture_output=True, check=False).returncode
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, status)


if __name__ == "__main__":
    main()

"""Cold transitive fetch from Maven Central, with full verification, side by side with peers that verify less.

`transitive_fetch.py ROOT [--rounds 3] [--coursier DIR] [--policy FILE]`: verifier with an empty cache, coursier on the
JVM (DIR holds its JARs) with an empty cache, and `curl --parallel --http2` of the very URLs that verifier asked for,
in turn.  Prints medians in seconds and ratios.  Asks the network: run it by hand.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

GOAL_COURSIER, GOAL_CURL = 0.6, 4.0


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--coursier", type=Path)
    parser.add_argument("--policy", type=Path)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        urls = _urls(place, options.root, options.policy)
        runs: dict[str, Callable[[Path], list[str]]] = {
            "verifier": lambda fresh: _verifier(fresh, options.root, options.policy),
            "curl": lambda fresh: _curl(fresh, urls),
        }
        if options.coursier is not None:
            runs["coursier"] = lambda fresh: _coursier(fresh, options.root, options.coursier)
        for number in range(options.rounds):
            for peer, command in runs.items():
                fresh = place / f"{peer}{number}"
                fresh.mkdir()
                taken.setdefault(peer, []).append(_timed(command(fresh), fresh))
    medians = {peer: statistics.median(seconds) for peer, seconds in taken.items()}
    print(f"{len(urls)} URLs")
    for peer, seconds in medians.items():
        print(f"{peer:<9} {seconds:.2f} s (of {', '.join(f'{one:.2f}' for one in taken[peer])})")
    print(f"verifier / curl      {medians['verifier'] / medians['curl']:.2f} (goal: at most {GOAL_CURL})")
    if "coursier" in medians:
        print(f"verifier / coursier  {medians['verifier'] / medians['coursier']:.2f} (goal: at most {GOAL_COURSIER})")


def _verifier(fresh: Path, root: str, policy: Path | None) -> list[str]:
    named = [] if policy is None else ["--policy", str(policy)]
    return [sys.executable, "-m", "verifier", *named, "--cache", str(fresh / "cache"), "--quiet", "fetch", root]


def _urls(place: Path, root: str, policy: Path | None) -> list[str]:
    """Name every file of a whole fetch, with the signature and the checksum beside it."""
    command = [*_verifier(place, root, policy), "--format", "json"]
    report = json.loads(subprocess.run(command, cwd=place, capture_output=True, check=False).stdout)
    files = [artifact["url"] for artifact in report["artifacts"] if artifact["status"] == "verified"]
    return [url + suffix for url in files for suffix in ("", ".asc", ".sha1")]


def _curl(fresh: Path, urls: list[str]) -> list[str]:
    config = fresh / "config"
    config.write_text("".join(f'url = "{url}"\noutput = "{number}"\n' for number, url in enumerate(urls)))
    return ["curl", "--silent", "--no-progress-meter", "--parallel", "--http2", "--config", str(config)]


def _coursier(fresh: Path, root: str, jars: Path) -> list[str]:
    java = shutil.which("java") or "java"
    home = ["-Dcoursier.cache=" + str(fresh / "cache"), "-cp", f"{jars}/*", "coursier.cli.Coursier"]
    return [java, *home, "fetch", "--quiet", root]


def _timed(command: list[str], fresh: Path) -> float:
    environment = os.environ | {"XDG_STATE_HOME": str(fresh / "state")}
    begun = time.monotonic()
    subprocess.run(command, cwd=fresh, env=environment, capture_output=True, check=False)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()

"""`fetch --locked` of many artifacts: warm over the interpreter's own start, cold against curl and coursier.

`locked_fetch.py [--files 300] [--latency-ms 20] [--rounds 5] [--coursier DIR]`: signed artifacts on loopback TLS, where
every answer is delayed, are locked once.  Warm is the whole process over a filled cache, less a bare `python -c pass`;
cold starts with an empty cache each time, curl fetches the very same URLs, and coursier (DIR holds its JARs; needs
keytool) the same artifacts by name, its cache empty too.  Prints medians in seconds, and ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from repository import GROUP, coordinates, urls

GOAL_WARM_SECONDS, GOAL_CURL = 2.0, 5.0


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--coursier", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        served = [sys.executable, str(Path(__file__).with_name("repository.py")), name]
        server = subprocess.Popen(
            [*served, str(options.files), str(options.latency_ms)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None  # noqa: S101  (a pipe was asked for)
            port = int(server.stdout.readline())
            _prepare(place, port, options.files)
            taken = _measure(place, port, options)
        finally:
            server.kill()
            server.wait()
    _show({peer: statistics.median(seconds) for peer, seconds in taken.items()}, taken)


def _measure(place: Path, port: int, options: argparse.Namespace) -> dict[str, list[float]]:
    begun = time.monotonic()
    _run(_verifier(place, "warm", "lock", "-f", str(place / "coordinates")), place)
    taken = {"lock": [time.monotonic() - begun]}
    runs: dict[str, Callable[[str], list[str]]] = {
        "python": lambda _: [sys.executable, "-c", "pass"],
        "warm": lambda _: _verifier(place, "warm", "fetch", "--locked"),
        "curl": lambda _: ["curl", *_CURL, "--cacert", str(place / "ca.pem"), "--config", str(place / "curl.config")],
        "cold": lambda fresh: _verifier(place, fresh, "fetch", "--locked"),
    }
    if options.coursier is not None:
        runs["coursier"] = lambda fresh: _coursier(place, fresh, port, options)
    for number in range(options.rounds):
        for peer, command in runs.items():
            fresh = place / f"{peer}{number}"
            fresh.mkdir(exist_ok=True)
            words = command(fresh.name)
            begun = time.monotonic()
            _run(words, fresh if peer == "curl" else place)
            taken.setdefault(peer, []).append(time.monotonic() - begun)
    return taken


_CURL = ("--silent", "--no-progress-meter", "--fail", "--parallel", "--parallel-max", "48")


def _show(medians: dict[str, float], taken: dict[str, list[float]]) -> None:
    for peer, seconds in medians.items():
        print(f"{peer:<9} {seconds:.2f} s (of {', '.join(f'{one:.2f}' for one in taken[peer])})")
    print(f"warm - python    {medians['warm'] - medians['python']:.2f} s (goal: under {GOAL_WARM_SECONDS:.0f})")
    print(f"cold / curl      {medians['cold'] / medians['curl']:.2f} (goal: at most {GOAL_CURL})")
    if "coursier" in medians:
        print(f"cold / coursier  {medians['cold'] / medians['coursier']:.2f}")


def _prepare(place: Path, port: int, files: int) -> None:
    fingerprint = (place / "fingerprint").read_text()
    (place / "verifier.toml").write_text(
        f'[[repository]]\nid = "bench"\nurl = "https://localhost:{port}"\nca-file = "ca.pem"\n\n'
        f'[keys]\nfiles = ["verifier.keys"]\nservers = []\n\n'
        f'[[trust]]\nmatch = "{GROUP}"\nkeys = ["{fingerprint}"]\n'
    )
    (place / "coordinates").write_text("\n".join(coordinates(files)))
    (place / "curl.config").write_text("".join(f'url = "{url}"\nremote-name\n' for url in urls(port, files)))


def _verifier(place: Path, cache: str, *command: str) -> list[str]:
    named = ["--policy", str(place / "verifier.toml"), "--cache", str(place / f"{cache}.cache"), "--quiet"]
    return [sys.executable, "-m", "verifier", *named, *command]


def _coursier(place: Path, fresh: str, port: int, options: argparse.Namespace) -> list[str]:
    store = place / "trust.jks"
    if not store.exists():
        known = ["-keystore", str(store), "-storepass", "changeit", "-file", str(place / "ca.pem")]
        subprocess.run(["keytool", "-importcert", "-noprompt", *known], check=True, capture_output=True)
    trusting = (f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit")
    java = ["java", *trusting, "-cp", f"{options.coursier}/*", "coursier.cli.Coursier"]
    where = ["--no-default", "--repository", f"https://localhost:{port}", "--cache", str(place / f"{fresh}.cache")]
    names = [f"{GROUP}:item{number}:1.0" for number in range(options.files)]
    return [*java, "fetch", "--quiet", *where, "--artifact-type", "pom", *names]


def _run(command: list[str], directory: Path) -> None:
    environment = os.environ | {"XDG_STATE_HOME": str(directory / "state")}
    subprocess.run(command, check=True, cwd=directory, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()

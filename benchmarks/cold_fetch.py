"""Cold fetch of small artifacts against curl: the same URLs, the same server, in turn.

`cold_fetch.py [--files 300] [--latency-ms 20] [--rounds 5]` prints the medians in seconds and their ratio. The
server runs on loopback over TLS and delays every answer; verifier starts with an empty cache each time and checks
checksum and signature of every file, curl only writes the files.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from repository import GROUP, coordinates, urls

GOAL = 5.0


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", default="16")
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
            ours, curls = [], []
            for number in range(options.rounds):
                curls.append(_curl(place, number))
                ours.append(_verifier(place, number, options.jobs))
        finally:
            server.kill()
            server.wait()
    mine, peer = statistics.median(ours), statistics.median(curls)
    print(f"curl      {peer:.2f} s (of {', '.join(f'{s:.2f}' for s in curls)})")
    print(f"verifier  {mine:.2f} s (of {', '.join(f'{s:.2f}' for s in ours)})")
    print(f"ratio     {mine / peer:.2f} (goal: at most {GOAL})")


def _prepare(place: Path, port: int, files: int) -> None:
    fingerprint = (place / "fingerprint").read_text()
    (place / "verifier.toml").write_text(
        f'[[repository]]\nid = "bench"\nurl = "https://localhost:{port}"\nca-file = "ca.pem"\n\n'
        f'[keys]\nfiles = ["verifier.keys"]\n\n[[trust]]\nmatch = "{GROUP}"\nkeys = ["{fingerprint}"]\n'
    )
    (place / "coordinates").write_text("\n".join(coordinates(files)))
    (place / "curl.config").write_text("".join(f'url = "{url}"\nremote-name\n' for url in urls(port, files)))


def _curl(place: Path, number: int) -> float:
    target = place / f"curl{number}"
    target.mkdir()
    command = ["curl", "--silent", "--no-progress-meter", "--fail", "--parallel", "--cacert", str(place / "ca.pem")]
    begun = time.monotonic()
    subprocess.run(
        [*command, "--config", str(place / "curl.config")], cwd=target, check=True, stderr=subprocess.DEVNULL
    )
    return time.monotonic() - begun


def _verifier(place: Path, number: int, jobs: str) -> float:
    cache = str(place / f"cache{number}")
    command = [sys.executable, "-m", "verifier", "--policy", str(place / "verifier.toml"), "--cache", cache, "--quiet"]
    environment = os.environ | {"XDG_STATE_HOME": str(place / "state")}
    begun = time.monotonic()
    subprocess.run(
        [*command, "fetch", "--no-transitive", "--jobs", jobs, "-f", str(place / "coordinates")],
        check=True,
        env=environment,
    )
    return time.monotonic() - begun


if __name__ == "__main__":
    main()

"""Warm `verifier verify` of a tree against sha256sum over the same files.

`warm_verify.py [--megabytes 500] [--files 50] [--rounds 5]`: signed files in Maven layout are judged once, then
again and again; each time only their sha256 is taken. Prints medians in seconds and their ratio.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from repository import GROUP, make_key, sign

GOAL = 1.5
_MIB = 1024 * 1024


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        files = _make(place, options.files, options.megabytes * _MIB // options.files)
        ours = ["-m", "verifier", "--policy", str(place / "verifier.toml"), "--cache", str(place / "cache")]
        command = [sys.executable, *ours, "--offline", "--quiet", "verify", str(place / "tree")]
        _timed(command, place)
        taken = [(_timed(["sha256sum", *files], place), _timed(command, place)) for _ in range(options.rounds)]
    peer, mine = (statistics.median(seconds) for seconds in zip(*taken, strict=True))
    print(f"sha256sum {peer:.2f} s")
    print(f"verifier  {mine:.2f} s")
    print(f"ratio     {mine / peer:.2f} (goal: at most {GOAL})")


def _make(place: Path, files: int, size: int) -> list[str]:
    gpg, fingerprint = make_key(place)
    (place / "verifier.toml").write_text(
        f'[keys]\nfiles = ["verifier.keys"]\n\n[[trust]]\nmatch = "{GROUP}"\nkeys = ["{fingerprint}"]\n'
    )
    paths = []
    for number in range(files):
        folder = place / "tree" / GROUP.replace(".", "/") / f"item{number}" / "1.0"
        folder.mkdir(parents=True)
        path = folder / f"item{number}-1.0.bin"
        path.write_bytes(os.urandom(size))
        sign(gpg, path)
        paths.append(str(path))
    subprocess.run(["gpgconf", "--homedir", str(place / "gnupg"), "--kill", "all"], check=True)
    return paths


def _timed(command: list[str], place: Path) -> float:
    environment = os.environ | {"XDG_STATE_HOME": str(place / "state")}
    begun = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()

"""`verifier --version` against an empty Python: `start_up.py [--rounds 15]` prints medians and their ratio."""

import argparse
import statistics
import subprocess
import sys
import time

GOAL = 8.0


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    commands = {"python": [sys.executable, "-c", "pass"], "verifier": [sys.executable, "-m", "verifier", "--version"]}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            begun = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            taken[name].append(time.monotonic() - begun)
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    for name, seconds in medians.items():
        print(f"{name:<9} {seconds * 1000:.1f} ms")
    print(f"ratio     {medians['verifier'] / medians['python']:.2f} (goal: at most {GOAL})")


if __name__ == "__main__":
    main()

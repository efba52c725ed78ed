"""Makes the starter trust map that the package ships, from a directory of collected facts and our own sightings.

    python scripts/make_starter.py --facts DIR [--output verifier/data]

Writes `trust.tsv` (signers), `witnessed.tsv` (digests of files that no signature can vouch for, where
two or more projects recorded them), `keys.tsv` (the signers' key facts) and `statements.tsv` (what is
said of every pair of a pattern and a key, whether it became a signer or not): the same bytes from the
same facts.  Which signers are named is decided by the rules that head `starter_rules`, and so are
the last days of what recorded practice calls for:

- Legacy signatures of a signer who made one on or after the day of the first SHA-1 collision count
  for a year more: from the day of the facts if the last one is less than three years old, so that
  what such a signer releases now can be used, else from that last one.  A clean signature that was
  seen later ends it on its day.  Of a primary key of fewer than 2,048 bits every signature is legacy.
- A key seen signing after the expiry that our copy shows was extended, and counts to the end that
  its owner states, else as long by the same measure.  What an owner states until a day ends then.

What did not become an entry is counted and printed by rule.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from starter_facts import Ring, Row, read_facts, read_ring, rows
from starter_pairs import pair_lines
from starter_rules import ENOUGH_WITNESSES, Entry, Key, select

from verifier.coordinate import parse_coordinate
from verifier.openpgp.facts import write_facts


def main(arguments: list[str] | None = None) -> int:
    """Make the map and print what was counted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--facts", type=Path, required=True, help="the directory of collected facts")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "verifier" / "data")
    options = parser.parse_args(arguments)
    ring = read_ring(options.facts / "keys")
    witnessed, as_of = read_witnessed(options.facts / "witnessed-digests.tsv")
    facts = read_facts(options.facts, ring, as_of)
    selection = select(facts)
    entries = selection.entries
    keys, without = key_lines({entry.key for entry in entries}, ring)
    comments = [f"{key.fingerprint} has no key facts" for key in without]
    write(options.output / "trust.tsv", "signers of the starter map", as_of, map(entry_line, entries))
    write(options.output / "witnessed.tsv", "witnessed digests of the starter map", as_of, witnessed)
    write(options.output / "keys.tsv", "key facts of the starter map's signers", as_of, keys, comments)
    pairs = pair_lines(options.facts, ring, facts, selection.fates)
    write(options.output / "statements.tsv", "who states which signer", as_of, pairs)
    report(entries, selection.dropped, len(witnessed), len(keys), without)
    return 0


def read_witnessed(path: Path) -> tuple[list[str], date]:
    """Give the lines of the digests that enough projects recorded, and the day of the last check."""
    lines = [
        "\t".join((str(parse_coordinate(row["coordinate"])), row["sha256"], row["size"], *_tail(row)))
        for row in rows(path)
        if int(row["projects"]) >= ENOUGH_WITNESSES
    ]
    return sorted(lines), max(date.fromisoformat(row["checked"]) for row in rows(path))


def _tail(row: Row) -> tuple[str, str, str]:
    return row["why"], row["checked"], ",".join(sorted(row["witnesses"].split(",")))


def key_lines(keys: Iterable[Key], ring: Ring) -> tuple[list[str], list[Key]]:
    """Give a line of facts for each key, and the keys of which we have no material."""
    lines, without = [], []
    for key in sorted(keys):
        certificate = ring.facts(key)
        if certificate is None:
            without.append(key)
        else:
            lines.append(write_facts(certificate))
    return lines, without


def entry_line(entry: Entry) -> str:
    """Write one signer as `verifier.trust.parse_starter` reads it."""
    return "\t".join(
        (
            entry.pattern,
            entry.key.fingerprint,
            "exact" if entry.key.exact else "primary",
            entry.kind,
            str(entry.witnesses),
            str(entry.legacy_before or "-"),
            str(entry.expires or "-"),
            entry.origin,
            entry.reason or "-",
        )
    )


def write(path: Path, title: str, as_of: date, lines: Iterable[str], comments: Iterable[str] = ()) -> None:
    """Write one file of the map."""
    heads = (f"{title}, as of {as_of}; made by scripts/make_starter.py", *comments)
    path.write_text("".join([*(f"# {head}\n" for head in heads), *(f"{line}\n" for line in lines)]), encoding="utf-8")


def report(entries: list[Entry], dropped: Counter[str], witnessed: int, keys: int, without: list[Key]) -> None:
    """Print what a reviewer wants to know of the map."""
    print(f"{len(entries)} entries of {len({entry.key for entry in entries})} keys")
    print(f"  {dict(sorted(Counter(entry.kind for entry in entries).items()))}")
    print(f"  {sum(entry.legacy_before is not None for entry in entries)} with legacy-before,", end=" ")
    print(f"{sum(entry.expires is not None for entry in entries)} with expires")
    print(f"{witnessed} witnessed digests; {keys} keys with facts, {len(without)} without")
    for rule, count in sorted(dropped.items()):
        print(f"  not named: {count} {rule}")


if __name__ == "__main__":
    sys.exit(main())

"""The script that makes the starter map, run on made-up facts: each rule, and what it leaves out."""

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from openpgp_cases import armour, bind, certificate, certify, ed, over_key, reason, revoke_subkey, rsa_signer

from verifier.coordinate import make_coordinate
from verifier.starter import KeyFacts
from verifier.statements import Statements
from verifier.trust import StarterMap, TrustEntry, parse_starter

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "make_starter.py"
AS_OF = "2026-11-23"
BINTRAY = "8756C4F765C9AC3CB6B85D62379CE192D401AB61"

PLAIN, SIGNING, AUTHENTICATING, HARD, BROKEN_SUBKEY, WEAK = ed(0), ed(1), ed(2), ed(3), ed(4), rsa_signer(1024)
K = PLAIN.fingerprint
UNKNOWN = "AB" * 20
OWNERS = [f"{number:02X}" * 20 for number in range(1, 30)]
"""Fingerprints of which there is no key."""

CERTIFICATES = (
    certificate(
        PLAIN,
        certify(PLAIN),
        b"".join([b"\xb9" + len(SIGNING.body).to_bytes(2, "big") + SIGNING.body, bind(PLAIN, SIGNING)]),
        b"".join(
            [
                b"\xb9" + len(AUTHENTICATING.body).to_bytes(2, "big") + AUTHENTICATING.body,
                bind(PLAIN, AUTHENTICATING, use=0x20, back=b""),
            ]
        ),
        b"\xb9" + len(BROKEN_SUBKEY.body).to_bytes(2, "big") + BROKEN_SUBKEY.body,
        bind(PLAIN, BROKEN_SUBKEY),
        revoke_subkey(PLAIN, BROKEN_SUBKEY, 2, datetime(2024, 1, 1, tzinfo=UTC)),
    ),
    certificate(HARD, over_key(HARD, 0x20, hashed=[reason(2)]), certify(HARD)),
    certificate(WEAK),
)

SOURCES = {
    "a/a": ("a", True), "a/fork": ("a", True), "b/b": ("b", True), "s4u/pgp-keys-map": ("s4u/pgp-keys-map", True),
    "c/branch": ("c", False),
}  # fmt: skip
A, B, KEYS_MAP = "a/a", "b/b", "s4u/pgp-keys-map"

STATED: list[tuple[str, str, list[str], dict[str, object]]] = [
    ("org.two", K, [A, B], {}),
    ("org.one", K, [A], {}),
    ("org.fork", K, [A, "a/fork"], {}),
    ("org.unmerged", K, [A, "c/branch"], {}),
    ("org.former", K, [A], {"former_sources": [B]}),
    ("org.recipe", K, [A], {}),
    ("org.narrow", K, [A], {}),
    ("org.narrow:thing", K, [B], {}),
    ("org.split:one", K, [A], {}),
    ("org.split:two", K, [B], {}),
    ("com.wide.*", K, [A, B], {}),
    ("com.wide.named", K, [], {}),
    ("com.deep.er.*", K, [A, B], {}),
    ("com.deep.er.still", K, [A, B], {}),
    ("com.half.*", K, [A], {}),
    ("com.half.deeper.*", K, [B], {}),
    ("org.service", BINTRAY, [A, B], {}),
    ("org.service.below.*", BINTRAY, [A, B], {}),
    ("org.service.below.named", BINTRAY, [A], {}),
    ("org.hard", HARD.fingerprint, [A, B], {}),
    ("org.told", UNKNOWN, [A, B], {"revoked": {"kind": "hard"}}),
    ("org.soft", OWNERS[0], [A, B], {"revoked": {"kind": "soft"}}),
    ("org.ranged:thing", K, [A, KEYS_MAP], {"keysmap_version_ranges": ["[1,2)", "3.0"]}),
    ("org.ranged:lone", K, [KEYS_MAP], {"keysmap_version_ranges": ["[1,2)"]}),
    ("org.elsewhere:thing", K, [A, B], {"map_version_ranges": {B: ["[4,)"]}}),
    ("org.always:thing", K, [A, KEYS_MAP], {"keysmap_version_ranges": ["(,0.0.0],[0.0.0,)"]}),
    ("org.subkey", SIGNING.fingerprint, [A], {}),
    ("org.subkey", K, [B], {}),
    ("org.loose", AUTHENTICATING.fingerprint, [A, B], {}),
    ("org.mixed", AUTHENTICATING.fingerprint, [A], {}),
    ("org.mixed", K, [B], {}),
    ("org.badsub", BROKEN_SUBKEY.fingerprint, [A, B], {}),
    ("org.withdrawn", K, [A, B], {}),
    ("org.complete", K, [A, B], {}),
    ("org.bounded", OWNERS[10], [A, B], {}),
    ("org.lapsed.kept", OWNERS[12], [A, B], {}),
    ("org.weak", WEAK.fingerprint, [A, B], {}),
    ("org.inuse", OWNERS[20], [A, B], {}),
    ("org.ended", OWNERS[21], [A, B], {}),
    ("org.turned", OWNERS[22], [A, B], {}),
    ("org.early", OWNERS[23], [A, B], {}),
    ("org.extended", OWNERS[24], [A, B], {}),
    ("org.stretched", OWNERS[25], [A, B], {}),
]

PUBLISHED = [
    ("org.recipe", K, "container-recipe", "r/r", "", ""),
    ("org.recipeonly", K, "container-recipe", "r/r", "", ""),
    ("org.recipes", K, "container-recipe", "r/r", "", ""),
    ("org.recipes", K, "container-recipe", "r/s", "", ""),
    ("org.owned", K, "first-party", "o/o", "", ""),
    ("org.packaged", K, "other", "p/p", "", ""),
    ("org.bounded", OWNERS[10], "first-party", "o/o", "2022-01-01", "until 2022-08-08"),
    ("org.lapsed", OWNERS[11], "first-party", "o/o", "2019-02-03", "file removed from the repository since"),
    ("org.lapsed.kept", OWNERS[12], "first-party", "o/o", "2019-02-03", "not in the newest version of the file"),
    ("org.majors:thing", K, "first-party", "o/o", "", "6.x and 7.x"),
    ("org.complete", OWNERS[13], "first-party", "o/o", "", "stated as the exhaustive list for the namespace"),
    ("org.stretched", OWNERS[25], "first-party", "o/o", "", "expiry stated 2026-12-31"),
]

SEEN = [
    # coordinate, signer, made, digest, key state
    ("com.wide.seen:x:1", K, "2026-01-02", "SHA256", "ok"),
    ("org.weak:x:1", WEAK.fingerprint, "2026-01-01", "SHA512", "ok"),
    ("org.inuse:x:1", OWNERS[20], "2025-01-01", "SHA1", "ok"),
    ("org.ended:x:1", OWNERS[21], "2019-01-01", "SHA1", "ok"),
    ("org.turned:x:1", OWNERS[22], "2025-01-01", "SHA1", "ok"),
    ("org.turned:x:2", OWNERS[22], "2025-06-01", "SHA256", "ok"),
    ("org.early:x:1", OWNERS[23], "2017-02-22", "SHA1", "ok"),
    ("org.extended:x:1", OWNERS[24], "2026-01-01", "SHA256", "expired-in-our-copy"),
    ("org.stretched:x:1", OWNERS[25], "2026-01-01", "SHA256", "expired-in-our-copy"),
]

DIGESTS = [
    ("org.bare:thing:jar:1", "aa" * 32, "2", "b,a"),
    ("org.bare:thing:jar:sources:1", "bb" * 32, "1", "a"),
]


def table(path: Path, columns: str, lines: Iterable[Iterable[str]]) -> None:
    path.write_text("".join("\t".join(line) + "\n" for line in [columns.split(), *lines]))


def write_facts(directory: Path) -> None:
    (directory / "keys").mkdir(parents=True)
    blocks = b"".join(armour(data, "PUBLIC KEY BLOCK") for data in CERTIFICATES)
    (directory / "keys" / "keyring.asc").write_bytes(blocks)
    (directory / "keys" / "publishers.asc").write_bytes(armour(CERTIFICATES[0], "PUBLIC KEY BLOCK"))
    patterns: dict[str, list[dict[str, object]]] = {}
    for pattern, fingerprint, sources, more in STATED:
        patterns.setdefault(pattern, []).append({"fingerprint": fingerprint, "sources": sources, **more})
    trust_map = {
        "provenance": [
            {"repo": repo, "project": project, "merged": merged} for repo, (project, merged) in SOURCES.items()
        ],
        "patterns": patterns,
        "groups": {"org.two": [{"fingerprint": K, "seen_live": {"result": "good", "last": "2026-02-03"}}]},
        "exceptions": [
            {"pattern": "org.withdrawn:*:1.0", "statement": f"revoked-or-withdrawn:{K}"},
            {"pattern": "org.two", "statement": "noSig"},
        ],
    }
    (directory / "trust-map.json").write_text(json.dumps(trust_map))
    table(
        directory / "publisher-keys.tsv",
        "pattern fingerprint kind source stated seen_live legacy note",
        ((p, f, kind, source, stated, "no", "no", note) for p, f, kind, source, stated, note in PUBLISHED),
    )
    table(
        directory / "signing-practice.tsv",
        "coordinate signing_fingerprint made digest sig_version key result key_state",
        ((c, f, made, digest, "4", "RSA4096", "good", state) for c, f, made, digest, state in SEEN),
    )
    table(directory / "current-signers.tsv", "coordinate signer made result key_state", [])
    table(directory / "legacy-signers.tsv", "primary last_seen newest_modern_seen", [])
    table(
        directory / "witnessed-digests.tsv",
        "coordinate sha256 size projects witnesses why checked",
        ((c, sha256, "10", count, names, "unsigned", AS_OF) for c, sha256, count, names in DIGESTS),
    )


def run(facts: Path, output: Path) -> str:
    output.mkdir()
    command = [sys.executable, str(SCRIPT), "--facts", str(facts), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("starter")
    write_facts(directory / "facts")
    (directory / "counts").write_text(run(directory / "facts", directory / "data"))
    return directory


@pytest.fixture(scope="module")
def starter(made: Path) -> StarterMap:
    data = made / "data"
    return parse_starter((data / "trust.tsv").read_text(), (data / "witnessed.tsv").read_text())


def named(starter: StarterMap, pattern: str) -> list[TrustEntry]:
    return [entry for entry in starter.entries() if entry.pattern.text == pattern]


@pytest.mark.parametrize(
    ("pattern", "key", "witnesses"),
    [
        ("org.two", K, 2),
        ("org.recipe", K, 2),
        ("org.recipes", K, 2),
        ("org.owned", K, 1),
        ("org.narrow:thing", K, 2),
        ("com.wide.named", K, 2),
        ("com.wide.seen", K, 2),
        ("com.deep.er.*", K, 2),
        ("org.service", BINTRAY, 2),
        ("org.soft", OWNERS[0], 2),
        ("org.ranged:thing:[1,2)", K, 2),
        ("org.ranged:thing:3.0", K, 2),
        ("org.elsewhere:thing:[4,)", K, 2),
        ("org.always:thing", K, 2),
        ("org.majors:thing:[6,8)", K, 1),
        ("org.subkey", K, 2),
        ("org.loose", AUTHENTICATING.fingerprint, 2),
        ("org.complete", OWNERS[13], 1),
    ],
)
def test_names_a_signer_for_what_enough_witnesses_or_the_owner_state(
    starter: StarterMap, pattern: str, key: str, witnesses: int
) -> None:
    (entry,) = named(starter, pattern)

    assert entry.keys == (key,)
    assert entry.witnesses == witnesses
    assert entry.origin.startswith("stated by ")


@pytest.mark.parametrize(
    ("group", "artifact"),
    [
        ("org.one", "x"),
        ("org.fork", "x"),
        ("org.unmerged", "x"),
        ("org.former", "x"),
        ("org.recipeonly", "x"),
        ("org.packaged", "x"),
        ("org.narrow", "other"),
        ("org.split", "one"),
        ("com.wide", "x"),
        ("com.wide.other", "x"),
        ("com.half.deeper", "x"),
        ("org.service.below", "x"),
        ("org.service.below.named", "x"),
        ("org.hard", "x"),
        ("org.told", "x"),
        ("org.ranged", "lone"),
        ("org.elsewhere", "thing"),
        ("org.mixed", "x"),
        ("org.badsub", "x"),
        ("org.withdrawn", "x"),
    ],
)
def test_stays_silent_where_the_evidence_falls_short(starter: StarterMap, group: str, artifact: str) -> None:
    assert starter.trust_for(make_coordinate(group, artifact, "1.0")) == ()


def test_gives_no_other_key_where_the_owner_calls_the_list_complete(starter: StarterMap) -> None:
    assert [entry.keys for entry in named(starter, "org.complete")] == [(OWNERS[13],)]


def test_keeps_one_entry_where_a_wider_one_of_the_same_key_says_it(starter: StarterMap) -> None:
    assert named(starter, "com.deep.er.still") == []
    assert starter.trust_for(make_coordinate("com.deep.er.still", "x", "1")) == tuple(named(starter, "com.deep.er.*"))


def test_says_of_a_service_that_it_tells_who_uploaded(starter: StarterMap) -> None:
    (entry,) = named(starter, "org.service")

    assert entry.kind == "service"
    assert "not who made it" in entry.reason


def test_takes_a_subkey_that_was_not_bound_for_signing_for_itself_alone(starter: StarterMap, made: Path) -> None:
    (loose,), (bound,) = named(starter, "org.loose"), named(starter, "org.subkey")
    facts = KeyFacts((made / "data" / "keys.tsv").read_bytes())

    assert (loose.exact, bound.exact) == (True, False)
    assert [found.bare for found in facts.find(AUTHENTICATING.fingerprint)] == [True]
    assert [found.primary.fingerprint for found in facts.find(SIGNING.key_id)] == [K]


def test_lists_the_signers_of_which_it_has_no_facts(made: Path) -> None:
    comments = [line for line in (made / "data" / "keys.tsv").read_text().splitlines() if line.startswith("#")]

    assert f"# {OWNERS[0]} has no key facts" in comments
    assert all(K not in line for line in comments)


@pytest.mark.parametrize(
    ("pattern", "day"),
    [
        ("org.two", None),
        ("org.weak", date(2027, 11, 23)),
        ("org.inuse", date(2027, 11, 23)),
        ("org.ended", date(2020, 1, 1)),
        ("org.turned", date(2025, 6, 1)),
        ("org.early", None),
    ],
)
def test_lets_legacy_signatures_count_to_a_last_day_where_practice_has_them(
    starter: StarterMap, pattern: str, day: date | None
) -> None:
    (entry,) = named(starter, pattern)

    assert entry.legacy_before == day
    assert ("legacy" in entry.reason) == (day is not None)


@pytest.mark.parametrize(
    ("pattern", "day"),
    [
        ("org.two", None),
        ("org.bounded", date(2022, 8, 9)),
        ("org.lapsed", date(2019, 2, 4)),
        ("org.lapsed.kept", None),
        ("org.extended", date(2027, 11, 23)),
        ("org.stretched", date(2026, 12, 31)),
    ],
)
def test_ends_a_signer_where_its_owner_does_or_where_its_key_outlived_our_copy(
    starter: StarterMap, pattern: str, day: date | None
) -> None:
    (entry,) = named(starter, pattern)

    assert entry.expires == day


def test_says_when_a_signer_was_seen(starter: StarterMap) -> None:
    assert named(starter, "org.two")[0].origin == "stated by 2 independent projects (a, b), seen signing 2026-02-03"


@pytest.mark.parametrize(
    ("pattern", "key", "counts", "fate"),
    [
        ("org.two", K, [2, 0, 0, 0, 0, 0], "entry"),
        ("org.one", K, [1, 0, 0, 0, 0, 0], "too few witnesses"),
        ("org.unmerged", K, [1, 0, 1, 0, 0, 0], "too few witnesses"),
        ("org.former", K, [1, 1, 0, 0, 0, 0], "too few witnesses"),
        ("org.recipe", K, [1, 0, 0, 1, 0, 0], "entry"),
        ("org.owned", K, [0, 0, 0, 0, 1, 0], "entry"),
        ("org.packaged", K, [0, 0, 0, 0, 0, 1], "too few witnesses"),
        ("org.subkey", K, [2, 0, 0, 0, 0, 0], "entry"),
        ("org.elsewhere:thing", K, [2, 0, 0, 0, 0, 0], "entry for [4,)"),
        ("com.wide.*", K, [2, 0, 0, 0, 0, 0], "generated wildcard broken down"),
        ("com.deep.er.still", K, [2, 0, 0, 0, 0, 0], "covered by a wider entry of the same key"),
        ("org.hard", HARD.fingerprint, [2, 0, 0, 0, 0, 0], "key revoked for good"),
        ("org.withdrawn", K, [2, 0, 0, 0, 0, 0], "contradicted: withdrawn by a source"),
        ("org.service.below.*", BINTRAY, [2, 0, 0, 0, 0, 0], "service key beyond what is named exactly"),
    ],
)
def test_says_of_every_pair_who_states_it_and_what_became_of_it(
    made: Path, pattern: str, key: str, counts: list[int], fate: str
) -> None:
    statements = Statements((made / "data" / "statements.tsv").read_text())
    (one,) = [one for one in statements.of_signer(key) if one.pattern == pattern]

    assert [one.projects, one.former, one.unmerged, one.recipes, one.owners, one.others] == counts
    assert one.fate == fate


def test_says_how_a_pair_was_seen_and_whether_its_key_was_revoked(made: Path) -> None:
    statements = Statements((made / "data" / "statements.tsv").read_text())
    pairs = {one.pattern: one for key in (K, UNKNOWN, *OWNERS, HARD.fingerprint) for one in statements.of_signer(key)}
    seen = [(pairs[name].seen, str(pairs[name].last), pairs[name].legacy) for name in ("org.two", "org.turned")]

    assert seen == [("good", "2026-02-03", None), ("good", "2025-06-01", False)]
    revoked = [pairs[name].revoked for name in ("org.two", "org.hard", "org.told", "org.soft")]
    assert revoked == ["", "hard", "hard", "soft"]
    assert (pairs["org.inuse"].legacy, pairs["org.one"].seen) == (True, "")


def test_takes_digests_of_two_projects_and_not_of_one(starter: StarterMap) -> None:
    ((coordinate, witnessed),) = starter.witnessed()

    assert coordinate == "org.bare:thing:jar:1"
    assert witnessed.witnesses == ("a", "b")


def test_counts_what_it_leaves_out(made: Path) -> None:
    counts = (made / "counts").read_text()

    assert "2 generated wildcard broken down" in counts
    assert "3 key revoked for good" in counts
    assert "1 service key beyond what is named exactly" in counts


def test_writes_the_same_bytes_from_the_same_facts(made: Path) -> None:
    run(made / "facts", made / "again")

    for name in ("trust.tsv", "witnessed.tsv", "keys.tsv", "statements.tsv"):
        assert (made / "again" / name).read_bytes() == (made / "data" / name).read_bytes()

"""What a reviewer is told of two lock files."""

import pytest

from verifier.lock_difference import Change, Difference, compare
from verifier.lockfile import Lock, parse_lock
from verifier.report import lock as report

ONE, TWO = "1" * 64, "2" * 64
JANE, JOE = "A" * 40, "B" * 40
WIDGET = "org.example:widget:jar:1.0"
CONTEXT = "# context: java-version=17 os=Linux/amd64 maven-version=3.9.16 scopes=compile"


def lock(*lines: str) -> Lock:
    return parse_lock("\n".join(["org.example:base:jar:1 sha256:" + ONE + " unsigned", *lines]), "verifier.lock")


def line(name: str = WIDGET, sha256: str = ONE, grounds: str = f"key:{JANE}") -> str:
    return f"{name} sha256:{sha256} {grounds}"


def told(difference: Difference) -> list[tuple[str, str]]:
    return [(one.change.name, one.name) for one in difference.changes]


def test_nothing_changed_where_nothing_did() -> None:
    difference = compare(lock(line()), lock(line()))

    assert difference.is_empty
    assert list(report.text(difference)) == ["nothing changed"]
    assert "Nothing changed." in list(report.markdown(difference, "a", "b"))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (line(), line(sha256=TWO), "BYTES"),
        (line(), line(grounds=f"key:{JOE}"), "SIGNER"),
        (line(), line(grounds="unsigned"), "UNSIGNED"),
        (line(), line(grounds="witnessed"), "UNSIGNED"),
        (line(), line(grounds="exempt:signature-missing"), "EXEMPT"),
        (line(grounds="unsigned"), line(grounds="exempt:signature-missing"), "EXEMPT"),
        (line(grounds="exempt:key-expired"), line(grounds="exempt:signature-missing"), "EXEMPT"),
        (line(grounds="witnessed"), line(grounds="unsigned"), "VOUCHED"),
        (line(grounds="exempt:key-expired"), line(grounds="witnessed"), "VOUCHED"),
        (line(grounds="unsigned"), line(), "SIGNED"),
        (line(grounds="exempt:signature-missing"), line(), "SIGNED"),
    ],
)
def test_a_change_of_one_line_is_called_by_its_name(before: str, after: str, change: str) -> None:
    assert told(compare(lock(before), lock(after))) == [(change, WIDGET)]


def test_changed_bytes_by_another_signer_are_both() -> None:
    difference = compare(lock(line()), lock(line(sha256=TWO, grounds=f"key:{JOE}")))

    assert told(difference) == [("BYTES", WIDGET), ("SIGNER", WIDGET)]


@pytest.mark.parametrize(
    ("old", "new", "change"), [("1.9", "1.10", "UPGRADED"), ("1.10", "1.9", "DOWNGRADED"), ("1.0", "1", "UPGRADED")]
)
def test_another_version_is_paired_with_the_one_it_replaces(old: str, new: str, change: str) -> None:
    difference = compare(
        lock(line(f"org.example:widget:jar:{old}")), lock(line(f"org.example:widget:jar:{new}", sha256=TWO))
    )

    assert told(difference) == [(change, f"org.example:widget:jar:{new}")]


def test_a_bump_that_loses_its_signature_says_both_and_the_loss_first() -> None:
    difference = compare(lock(line()), lock(line("org.example:widget:jar:2.0", TWO, "unsigned")))

    assert told(difference) == [
        ("UNSIGNED", "org.example:widget:jar:2.0"),
        ("UPGRADED", "org.example:widget:jar:2.0"),
    ]


def test_other_extensions_and_classifiers_are_other_files() -> None:
    difference = compare(
        lock(line()), lock(line("org.example:widget:pom:2.0"), line("org.example:widget:jar:tests:2.0"))
    )

    assert told(difference) == [
        ("ADDED", "org.example:widget:jar:tests:2.0"),
        ("ADDED", "org.example:widget:pom:2.0"),
        ("REMOVED", WIDGET),
    ]


def test_a_new_file_that_is_exempt_is_told_as_an_exemption_too() -> None:
    difference = compare(lock(), lock(line(grounds="exempt:signature-missing")))

    assert told(difference) == [("EXEMPT", WIDGET), ("ADDED", WIDGET)]
    assert difference.changes[0].change.is_grave


def test_side_by_side_versions_are_paired_in_their_order() -> None:
    old = lock(*(line(f"org.example:widget:jar:{version}") for version in ("1.0", "2.0")))
    new = lock(*(line(f"org.example:widget:jar:{version}") for version in ("1.1", "2.1", "3.0")))

    pairs = [
        (one.before and one.before.name[-3:], one.after and one.after.name[-3:]) for one in compare(old, new).changes
    ]

    assert pairs == [("1.0", "1.1"), ("2.0", "2.1"), (None, "3.0")]


def test_metadata_is_compared_repository_by_repository() -> None:
    name = "org.example:widget/maven-metadata.xml"
    old = lock(line(name, ONE, "unsigned"), line(name, TWO, "unsigned"))
    new = lock(line(name, ONE, "unsigned"), line(name, "3" * 64, "unsigned"))

    (one,) = compare(old, new).changes

    assert one.change is Change.METADATA
    assert (one.before and one.before.sha256, one.after and one.after.sha256) == (TWO, "3" * 64)
    assert told(compare(new, lock())) == [("METADATA", name)] * 2
    assert told(compare(lock(), new)) == [("METADATA", name)] * 2


def test_other_contexts_and_inputs_are_told() -> None:
    old = lock(CONTEXT, "# input: org.example:widget:1.0")
    new = lock(CONTEXT.replace("17", "21") + " plugins=yes", "# input: -f pom.xml")

    shown = list(report.text(compare(old, new)))

    assert shown == [
        "other context, other inputs",
        "input removed: org.example:widget:1.0",
        "input added: -f pom.xml",
        "context: java-version: 17 -> 21",
        "context: plugins: not said -> yes",
    ]


def test_markdown_shows_what_is_grave_openly_and_folds_the_rest() -> None:
    new = lock(line(grounds=f"key:{JOE}"), line("org.example:anvil:jar:1", TWO))

    shown = list(report.markdown(compare(lock(line()), new), "main", "HEAD"))

    assert shown[0] == "### `verifier.lock`: `main` → `HEAD`"
    assert shown[2].startswith("⚠️ **Trust changed.** 1 signer changed, 1 added")
    assert f"| `{WIDGET}` | signed by {JANE} | signed by {JOE} |" in shown
    assert shown.index("#### signer changed (1)") < shown.index("<details><summary>added (1)</summary>")


def test_markdown_takes_no_markup_from_names() -> None:
    evil = lock(line(), "# input: <img src=x onerror=alert(1)> | `[a](b)` @all")

    shown = list(report.markdown(compare(lock(line()), evil), "<b>|@main", "a`b\n# c"))

    assert shown[0] == r"### `verifier.lock`: `<b>\x7c@main` → `a\x60b\n# c`"
    assert shown[3:] == [r"- input added: `<img src=x onerror=alert(1)> \x7c \x60[a](b)\x60 @all`"]


def test_changed_bytes_show_both_digests() -> None:
    difference = compare(lock(line()), lock(line(sha256=TWO)))

    assert list(report.text(difference))[-2:] == [f"    before  sha256:{ONE}", f"    now     sha256:{TWO}"]
    assert f"| `{WIDGET}` | `sha256:{ONE}` | `sha256:{TWO}` |" in list(report.markdown(difference, "a", "b"))


def test_json_has_both_sides_of_every_change() -> None:
    fields = report.fields(compare(lock(line()), lock(line(grounds=f"key:{JOE}"))))

    assert fields["changes"] == [
        {
            "change": "signer",
            "grave": True,
            "coordinate": WIDGET,
            "before": {
                "coordinate": WIDGET,
                "sha256": ONE,
                "grounds": {"kind": "key", "detail": JANE},
                "where": "verifier.lock:2",
            },
            "after": {
                "coordinate": WIDGET,
                "sha256": ONE,
                "grounds": {"kind": "key", "detail": JOE},
                "where": "verifier.lock:2",
            },
        }
    ]

"""Ranges, by table, by property, and against Maven's own classes where they are installed."""

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.maven.range import MAX_RANGE_CHARACTERS, RangeInvalid, VersionRange
from verifier.maven.version import Version


def _jars() -> list[Path]:
    """Find the resolver's classes in an installed Maven 3; there are none where a list is short."""
    program = shutil.which("mvn")
    libraries = Path(program).resolve().parent.parent / "lib" if program else Path("nowhere")
    found = [jar.resolve() for name in ("util", "api") for jar in libraries.glob(f"maven-resolver-{name}*.jar")]
    # Maven 4 has version 2 of the resolver, whose order differs.
    return [jar for jar in found if "-2." not in jar.name]


def holds(text: str, version: str) -> bool:
    return VersionRange.parse(text).contains(Version.parse(version))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("[1,2]", "2", "2.0.1"),
        ("[1,2)", "1", "2"),
        ("(1,2]", "1.0.1", "1.0"),
        ("(1,2)", "1.5", "2"),
        ("[1]", "1.0", "1.0.1"),
        ("(,2]", "0", "2.1"),
        ("[2,)", "99", "2-rc1"),
        ("(,)", "0-alpha", None),
        ("[1,2.0)", "2.0-rc1", "2.0"),
        ("[1,2.0)", "2.0-SNAPSHOT", "2.0.Final"),
        ("[1.0.*]", "1.0-alpha", "1.1"),
        ("[1.0.*]", "1.0.99", "0.9"),
        ("[1,2),[3,4)", "3.5", "2.5"),
        ("[3,4),[1,2)", "1.5", "2.5"),
        ("[1,3],[2,4]", "3.5", "4.1"),
        ("[1],[3]", "3", "2"),
        ("[1][3]", "3", "2"),
        ("[1] , [3]", "3", "2"),
        ("[1],", "1", "2"),
        ("[ 1 , 2 ]", "1", "3"),
        ("[1,1]", "1", "2"),
    ],
)
def test_range_holds_its_versions_and_no_others(text: str, inside: str, outside: str | None) -> None:
    assert holds(text, inside)
    assert outside is None or not holds(text, outside)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.0",
        "[1",
        "(1.0]",
        "[1.0)",
        "[2.0,1.0]",
        "[1,2,3]",
        "[1,2),3",
        "3,[1,2)",
        "[1,2)x",
        "[1],,[2]",
        " [1]",
        "]1[",
    ],
)
def test_refuses_what_is_no_range(text: str) -> None:
    with pytest.raises(RangeInvalid):
        VersionRange.parse(text)


def test_range_is_bounded() -> None:
    longest = "[1]," * (MAX_RANGE_CHARACTERS // 4)
    assert VersionRange.parse(longest).intervals

    with pytest.raises(RangeInvalid, match="at most"):
        VersionRange.parse(longest + " ")


@pytest.mark.parametrize(("text", "empty"), [("(1,1)", True), ("[1,1.0)", True), ("(1,1],[2]", False), ("[1]", False)])
def test_knows_whether_no_version_can_lie_in_it(text: str, *, empty: bool) -> None:
    assert VersionRange.parse(text).is_empty is empty


@pytest.mark.parametrize(
    ("left", "right", "common"),
    [
        ("[1,2]", "[2,3]", True),
        ("[1,2)", "[2,3]", False),
        ("[1,2]", "(2,3]", False),
        ("(,5]", "[1]", True),
        ("(,)", "(,)", True),
        ("(1,1)", "(,)", False),
        ("(,)", "(1,1)", False),
        ("[1],[5]", "[2,4],[5,6]", True),
        ("[3,)", "(,2]", False),
    ],
)
def test_knows_whether_two_ranges_overlap(left: str, right: str, *, common: bool) -> None:
    one, other = VersionRange.parse(left), VersionRange.parse(right)

    assert one.overlaps(other) is common
    assert other.overlaps(one) is common


def test_range_shows_its_text() -> None:
    assert str(VersionRange.parse("[1, 2)")) == "[1, 2)"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="[](),.-*10a \t", max_size=30))
def test_every_text_is_a_range_or_refused(text: str) -> None:
    with contextlib.suppress(RangeInvalid):
        VersionRange.parse(text).contains(Version.parse("1.0"))


WORDS = ["0", "1", "2", "9", "10", "00", "007", "20240101", "12345678901", "alpha", "beta", "milestone", "rc", "cr"]
WORDS += ["snapshot", "SNAPSHOT", "ga", "final", "Final", "RELEASE", "sp", "SP", "a", "b", "m", "A", "M", "x", "foo"]
WORDS += ["jre", "min", "max", "Max", "0a", "+"]


def _version(dice: random.Random) -> str:
    return "".join(dice.choice(WORDS) + dice.choice(["", ".", ".", "-", "_", ".."]) for _ in range(dice.randrange(7)))


def _range(dice: random.Random) -> str:
    def interval() -> str:
        if dice.random() < 0.2:
            return dice.choice("[[(") + _version(dice) + dice.choice(["", ".*"]) + dice.choice("]])")
        bounds = [dice.choice(["", _version(dice), f" {_version(dice)}"]) for _ in range(2)]
        return dice.choice("[(") + ",".join(bounds) + dice.choice("])")

    text = dice.choice(["", ",", " , ", ",,"]).join(interval() for _ in range(dice.choice([1, 1, 1, 2, 3])))
    cut = dice.randrange(len(text))
    return text[:cut] + dice.choice("[](),1 ") + text[cut:] if dice.random() < 0.2 else text


def _questions(dice: random.Random) -> Iterator[tuple[str, str, str]]:
    for _ in range(3000):
        version = _version(dice)
        yield "compare", version, _version(dice)
        yield "compare", version, version + dice.choice(["0", ".0", "-ga", ".1", "-1", "-rc", "-a1"])
        text = _range(dice)
        yield "contains", text, dice.choice([version, *text.strip("[]()").split(",")])


def _answer(kind: str, left: str, right: str) -> str:
    version = Version.parse(right)
    if kind == "compare":
        order = Version.parse(left).compare(version)
        return str((order > 0) - (order < 0))
    try:
        return str(VersionRange.parse(left).contains(version)).lower()
    except RangeInvalid:
        return "invalid"


@pytest.mark.skipif(not shutil.which("java") or len(_jars()) < len(["util", "api"]), reason="needs a JDK and Maven 3")
def test_agrees_with_mavens_own_resolver() -> None:
    questions = list(_questions(random.Random(20170223)))  # noqa: S311  (the same questions every time)
    if any("-1.9." in jar.name for jar in _jars()):
        # Newer ones take letters at the start, and ranges without a comma between them, in another way.
        questions = [
            each for each in questions if each[0] == "compare" and all(part[:1].isdigit() for part in each[1:])
        ]
    program = Path(__file__).parent / "java" / "Versions.java"

    answers = subprocess.run(
        ["java", "-cp", os.pathsep.join(map(str, _jars())), str(program)],
        input="".join("\t".join(question) + "\n" for question in questions),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    ).stdout.splitlines()

    assert len(answers) == len(questions)
    wrong = [(*q, answer) for q, answer in zip(questions, answers, strict=True) if _answer(*q) != answer]
    assert wrong == []

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.maven.version import Version


def rank(left: str, right: str) -> int:
    order = Version.parse(left).compare(Version.parse(right))
    return (order > 0) - (order < 0)


ALIKE = [
    ("1-1", "1.1"),
    ("2.0-1", "2.0.1"),
    ("1_1", "1.1"),
    ("1.0.0-rc.1", "1.0.0-rc1"),
    ("foo", "0"),
    ("rc", "0"),
    ("1.0.RELEASE", "1.0.Final"),
    ("1.0.Final", "1.0"),
    ("1.ga", "1.0.0"),
    ("1-rc1", "1-cr1"),
    ("1a1", "1-alpha-1"),
    ("1b1", "1-beta-1"),
    ("1m1", "1-milestone-1"),
    ("1.0-SNAPSHOT", "1-snapshot"),
    ("001", "1"),
    ("1..2", "1.0.2"),
    ("", "0"),
    ("1.", "1"),
    ("1.٣", "1.3"),
]
RISING = [
    ("1.0.9", "1.0-10"),
    ("3.2.0-rc.1", "3.2.0rc2"),
    ("1.0.1-SNAPSHOT", "1.0-20240101.010101-1"),
    ("1-sp", "1-foo"),
    ("1-foo", "1-1"),
    ("1-alpha", "1-a"),
    ("31.0-android", "31.0-jre"),
    ("23.0", "23.0-jre"),
    ("2.0-rc1", "2.0"),
    ("1-alpha", "1-beta"),
    ("1-beta", "1-milestone"),
    ("1-milestone", "1-rc"),
    ("1-rc", "1-SNAPSHOT"),
    ("1-SNAPSHOT", "1"),
    ("1", "1-sp"),
    ("1.9", "1.10"),
    ("1.min", "1-alpha"),
    ("1.99999999999999999999", "1.max"),
    ("1.4294967296", "1.4294967297"),
    ("1.999999999", "1.1000000000"),
]


@pytest.mark.parametrize(("left", "right"), ALIKE)
def test_ranks_alike(left: str, right: str) -> None:
    assert rank(left, right) == rank(right, left) == 0


@pytest.mark.parametrize(("lower", "higher"), RISING)
def test_ranks_below(lower: str, higher: str) -> None:
    assert rank(lower, higher) == -1
    assert rank(higher, lower) == 1


def test_min_and_max_are_ends_only_where_they_stand_last() -> None:
    assert rank("1.max", "1.9") == 1
    assert rank("1.max.1", "1.9") == -1
    assert rank("1.min", "1.0-alpha") == -1
    assert rank("1.min.1", "1.0-alpha") == 1


def test_versions_that_rank_alike_are_not_equal() -> None:
    assert Version.parse("1.0") != Version.parse("1")
    assert not Version.parse("1.0") < Version.parse("1")
    assert not Version.parse("1") < Version.parse("1.0")


def test_numbers_beyond_what_python_reads_are_compared() -> None:
    assert rank("1" + "0" * 10_000, "1" + "0" * 9_999) == 1


def test_version_shows_its_text() -> None:
    assert str(Version.parse("1.0-Final")) == "1.0-Final"


pieces = st.sampled_from(
    ["0", "1", "2", "10", "007", "alpha", "rc", "SNAPSHOT", "ga", "sp", "a", "b", "foo", "min", "max"]
)
tails = st.lists(st.tuples(st.sampled_from([".", "-", "_", ""]), pieces), max_size=5).map(
    lambda pairs: "".join(separator + piece for separator, piece in pairs)
)
digits_first = st.builds(lambda number, tail: f"{number}{tail}", st.integers(0, 20), tails)


@settings(max_examples=200, deadline=None)
@given(digits_first)
def test_every_version_ranks_like_itself(text: str) -> None:
    assert rank(text, text) == 0


@settings(max_examples=300, deadline=None)
@given(digits_first, digits_first)
def test_order_turns_round_with_its_sides(left: str, right: str) -> None:
    assert rank(left, right) == -rank(right, left)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_every_text_can_be_compared(left: str, right: str) -> None:
    assert rank(left, right) == -rank(right, left)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.coordinate import parse_coordinate
from verifier.pattern import (
    MAX_INTERVALS,
    MAX_PATTERN_CHARACTERS,
    PatternIndex,
    PatternInvalid,
    Reach,
    parse_pattern,
    stems,
)


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("org.example", "org.example:a:1", "org.example.sub:a:1"),
        ("org.example.*", "org.example:a:1", "org.examples:a:1"),
        ("org.example.*", "org.example.sub.deep:a:1", "org:a:1"),
        ("org.example:a", "org.example:a:pom:1", "org.example:ab:1"),
        ("org.example:a", "org.example:a:jar:sources:1", "org.example.sub:a:1"),
        ("org.example:a:1.0", "org.example:a:1.0", "org.example:a:1.0.0"),
        ("org.example:a:[1.0]", "org.example:a:1.0.0", "org.example:a:1.0.1"),
        ("org.example:a:[1,2)", "org.example:a:1.9", "org.example:a:2"),
        ("org.example:a:[1, 2)", "org.example:a:1.9", "org.example:b:1.9"),
        ("org.example:a:(,1),[2,)", "org.example:a:3", "org.example:a:1"),
        ("org.example:a:[1.0.*]", "org.example:a:1.0.7", "org.example:a:1.1"),
        ("org.example:a:1-SNAPSHOT", "org.example:a:1-20240101.010101-1", "org.example:a:2-20240101.010101-1"),
        ("org.example:a:[1,1.0.1)", "org.example:a:1.0.1-20240101.010101-1", "org.example:a:1.0.1"),
        ("org_1.example-2", "org_1.example-2:a:1", "ORG_1.example-2:a:1"),
    ],
)
def test_pattern_matches_its_own_and_not_the_neighbour(pattern: str, inside: str, outside: str) -> None:
    parsed = parse_pattern(pattern)

    assert parsed.matches(parse_coordinate(inside))
    assert not parsed.matches(parse_coordinate(outside))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("*", "match everything"),
        ("*:*", "may"),
        ("*.example", "may"),
        ("org.*.example", "may"),
        ("org.exam*", "may"),
        ("org.example*", "may"),
        ("org.*.*", "may"),
        ("org.example:*", "may"),
        ("org.example.*:a", "may"),
        ("org.example:a*", "may"),
        ("org.example:a:*", "version"),
        ("org.example:a:1.*", "version"),
        ("org.example:a:[1.*,2)", "no version can have"),
        ("org.example:a:LATEST", "version"),
        ("org.example:a:RELEASE", "version"),
        ("", "group of the pattern '' is empty"),
        (".*", "empty"),
        (":a", "empty"),
        ("org.example:", "artifact"),
        ("org.example:a:", "version"),
        ("org..example", "group"),
        ("org.example.", "group"),
        (".org", "group"),
        ("org/example", "group"),
        (" org.example", "group"),
        ("org.example\n", "group"),
        ("org.exämple", "group"),
        ("org.example:a:1:2", "version"),
        ("org.example:a:jar:1.0", "version"),
        ("org.example:..", "artifact"),
        ("org.example:a:[2,1]", "above"),
        ("org.example:a:(1,1)", "no version lies"),
        ("org.example:a:[1", "not closed"),
        ("org.example:a:(1]", "square brackets"),
        ("org.example:a:[1,2),3", "expected"),
        ("org.example:a:[]", "no version can have"),
        ("org.example:a:[1 2]", "no version can have"),
        ("org.example:a:[1;2]", "no version can have"),
    ],
)
def test_refuses_what_is_no_pattern(text: str, problem: str) -> None:
    with pytest.raises(PatternInvalid) as caught:
        parse_pattern(text)

    assert problem in caught.value.problem
    assert caught.value.hint


def test_pattern_is_bounded() -> None:
    assert parse_pattern("a" * MAX_PATTERN_CHARACTERS)

    with pytest.raises(PatternInvalid, match="at most"):
        parse_pattern("a" * (MAX_PATTERN_CHARACTERS + 1))


def test_range_of_a_pattern_is_bounded() -> None:
    longest = "g:a:" + ",".join(["[1]"] * MAX_INTERVALS)
    assert parse_pattern(longest)

    with pytest.raises(PatternInvalid, match="at most"):
        parse_pattern(longest + ",[1]")


def test_narrower_patterns_are_more_specific() -> None:
    widest_first = ["org.*", "org.example.*", "org.example", "org.example:a", "org.example:a:[1,2)", "org.example:a:1"]

    found = sorted(map(parse_pattern, reversed(widest_first)), key=lambda pattern: pattern.specificity)

    assert [pattern.text for pattern in found] == widest_first


def test_pattern_covers_groups() -> None:
    assert parse_pattern("org.example.*").covers_group("org.example.sub")
    assert not parse_pattern("org.example").covers_group("org.example.sub")
    assert parse_pattern("org.example:a").covers_group("org.example")


def test_patterns_are_equal_by_text_with_spaces_between_left_out() -> None:
    assert len({parse_pattern("g:a:[1,2)"), parse_pattern("g:a:[1, 2)"), parse_pattern("g:a:[1,2]")}) == 2
    assert str(parse_pattern("g:a:[1, 2)")) == "g:a:[1,2)"
    assert parse_pattern("g:a:[1, 2)").reach is Reach.RANGE


@pytest.mark.parametrize(
    ("left", "right", "common"),
    [
        ("g", "g", True),
        ("g", "g.*", False),
        ("g.*", "g.h.*", False),
        ("g:a", "g:a", True),
        ("g:a", "g:b", False),
        ("g:a:1", "g:a:1", True),
        ("g:a:1", "g:a:1.0", False),
        ("g:a:1", "g:a:[1]", False),
        ("g:a:[1,3]", "g:a:[2,4]", True),
        ("g:a:[1,2)", "g:a:[2,4]", False),
        ("g:a:[1,2)", "g:b:[1,2)", False),
    ],
)
def test_knows_whether_two_patterns_are_rivals(left: str, right: str, *, common: bool) -> None:
    assert parse_pattern(left).rivals(parse_pattern(right)) is common


def test_index_gives_what_matches_most_specific_first() -> None:
    texts = [
        "org.*",
        "org.example",
        "org.example:a:[1,2)",
        "org.example:a",
        "org.example:a:1.5",
        "org.example.*",
        "com.*",
    ]
    index = PatternIndex((parse_pattern(text), text) for text in texts)

    assert index.matching(parse_coordinate("org.example:a:1.5")) == (
        "org.example:a:1.5",
        "org.example:a:[1,2)",
        "org.example:a",
        "org.example",
        "org.example.*",
        "org.*",
    )
    assert index.matching(parse_coordinate("org.example:a:2")) == (
        "org.example:a",
        "org.example",
        "org.example.*",
        "org.*",
    )
    assert index.matching(parse_coordinate("net.example:a:2")) == ()


def test_index_gives_those_that_cover_a_group_with_the_most_specific_pattern() -> None:
    entries = [("org.*", 1), ("org.example.*", 2), ("org.example.*", 3), ("org.example.sub", 4)]
    index = PatternIndex((parse_pattern(text), number) for text, number in entries)

    assert index.covering("org.example.sub") == (4,)
    assert index.covering("org.example.sub.deep") == (2, 3)
    assert index.covering("org.other") == (1,)
    assert index.covering("net.other") == ()


groups = st.lists(st.sampled_from(["org", "example", "a", "b-1"]), min_size=1, max_size=5).map(".".join)
artifacts = st.sampled_from(["a", "b"])
patterns = st.one_of(
    groups,
    groups.map(lambda group: f"{group}.*"),
    st.builds("{}:{}".format, groups, artifacts),
    st.builds("{}:{}:{}".format, groups, artifacts, st.sampled_from(["1", "[1,2]", "(,1)", "[1],[3,)"])),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(patterns, max_size=12), groups, artifacts, st.sampled_from(["1", "2", "3"]))
def test_index_finds_exactly_what_matches_one_by_one(texts: list[str], group: str, artifact: str, version: str) -> None:
    parsed = [parse_pattern(text) for text in texts]
    coordinate = parse_coordinate(f"{group}:{artifact}:{version}")

    found = PatternIndex((pattern, pattern) for pattern in parsed).matching(coordinate)

    assert sorted(found, key=str) == sorted((one for one in parsed if one.matches(coordinate)), key=str)
    assert {one.stem for one in found} <= set(stems(group, artifact))
    ranks = [one.specificity for one in found]
    assert ranks == sorted(ranks, reverse=True)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.text(alphabet="ab.*:[](),1 -", max_size=20)))
def test_every_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        pattern = parse_pattern(text)
    except PatternInvalid:
        return
    assert parse_pattern(pattern.text) == pattern

"""Lock files: what is written is read back, what a merge leaves is read or refused plainly, nothing else passes."""

import string
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier import lockfile
from verifier.coordinate import Coordinate, Metadata
from verifier.errors import ConfigError
from verifier.formats.recognise import Format, read_list, recognise
from verifier.lockfile import (
    HEADER,
    Grounds,
    Kind,
    Locked,
    Setting,
    is_lock,
    lock_locations,
    lock_of,
    parse_lock,
    write_lock,
)
from verifier.maven.profile import Context

KEY = "A" * 40
ONE, TWO = "1" * 64, "2" * 64
LINE = f"org.example:widget:jar:1.0 sha256:{ONE} key:{KEY}"

words = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=8)
coordinates = st.builds(
    Coordinate, words, words, words.filter(lambda word: word not in {"LATEST", "RELEASE"}), words, words
)
grounds = st.one_of(
    st.builds(Grounds, st.just(Kind.KEY), st.text("0123456789ABCDEF", min_size=40, max_size=40)),
    st.builds(Grounds, st.just(Kind.EXEMPT), st.sampled_from(["signature-missing", "key-expired,signature-weak"])),
    st.sampled_from([Grounds(Kind.WITNESSED), Grounds(Kind.UNSIGNED)]),
)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
entries = st.dictionaries(coordinates, st.tuples(digests, grounds), min_size=1, max_size=6)
contexts = st.builds(
    Context,
    java_version=texts.filter(bool),
    os_name=st.sampled_from(["Linux", "Mac OS X", "Windows 11"]),
    os_arch=words,
    os_version=st.one_of(st.just(""), words),
    properties=st.dictionaries(texts, texts, max_size=3).map(MappingProxyType),
    profiles=st.lists(words, max_size=2).map(tuple),
)
scopes = st.sets(st.sampled_from(["compile", "runtime", "test"]), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
lock_settings = st.builds(Setting, contexts, words, scopes, st.booleans(), st.booleans(), st.booleans(), st.booleans())


@given(entries, lock_settings, st.lists(words, max_size=3))
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read_back_whole(
    lines: dict[Coordinate, tuple[str, Grounds]], setting: Setting, inputs: list[str]
) -> None:
    lock = lock_of("a lock", [Locked(one, *rest) for one, rest in lines.items()], setting, inputs)

    again = parse_lock(write_lock(lock), "a lock")

    assert {one.subject: (one.sha256, one.grounds) for one in again.entries.values()} == lines
    assert (again.setting, again.inputs) == (setting, tuple(sorted(set(inputs))))
    assert write_lock(again) == write_lock(lock)
    assert is_lock(write_lock(lock))


@given(st.lists(st.one_of(texts, st.sampled_from([LINE, HEADER, "# context: a=b", "<<<<<<< ours", "======="]))))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_with_its_line(lines: list[str]) -> None:
    refused = None
    try:
        lock = parse_lock("\n".join(lines), "verifier.lock")
    except ConfigError as error:
        refused = error

    if refused is None:
        assert set(lock.entries) == {"org.example:widget:jar:1.0"}
    else:
        assert refused.where.startswith("verifier.lock")


def test_every_entry_knows_its_line() -> None:
    metadata = f"org.example:widget/maven-metadata.xml sha256:{TWO} unsigned"

    lock = parse_lock(f"{HEADER}\n{metadata}\n\n{LINE}\n", "the.lock")

    assert lock_locations(lock) == {
        "org.example:widget/maven-metadata.xml": ("the.lock", 2),
        "org.example:widget:jar:1.0": ("the.lock", 4),
    }
    assert lock.entries["org.example:widget:jar:1.0"].where == "the.lock:4"


@pytest.mark.parametrize(
    "line",
    [
        f"org.example:widget:1.0 sha256:{ONE} key:{KEY}",
        f"org.example:widget:jar:../1 sha256:{ONE} key:{KEY}",
        f"org.example:widget:jar:[1,2) sha256:{ONE} key:{KEY}",
        f"org.example:widget:jar:1.0 sha256:{ONE[:-1]} key:{KEY}",
        f"org.example:widget:jar:1.0 sha256:{'A' * 64} key:{KEY}",
        f"org.example:widget:jar:1.0 sha1:{ONE} key:{KEY}",
        f"org.example:widget:jar:1.0 sha256:{ONE} key:{KEY[:-1]}",
        f"org.example:widget:jar:1.0 sha256:{ONE} key:{KEY.lower()}",
        f"org.example:widget:jar:1.0 sha256:{ONE} key:",
        f"org.example:widget:jar:1.0 sha256:{ONE} exempt:",
        f"org.example:widget:jar:1.0 sha256:{ONE} exempt:No_Code",
        f"org.example:widget:jar:1.0 sha256:{ONE} trusted",
        f"org.example:widget:jar:1.0 sha256:{ONE}",
        f"org.example:widget:jar:1.0 sha256:{ONE} witnessed too",
        f" {LINE}",
        f"{LINE} # no comment here",
        "x" * (lockfile.MAX_LINE_CHARACTERS + 1),
    ],
)
def test_a_line_with_one_thing_wrong_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_lock(f"{LINE}\n{line}\n", "verifier.lock")

    assert caught.value.where == "verifier.lock:2"


@pytest.mark.parametrize("text", ["", "\n\n", HEADER, "# only a comment"])
def test_a_lock_without_lines_locks_nothing_and_says_so(text: str) -> None:
    with pytest.raises(ConfigError, match="locks nothing"):
        parse_lock(text, "verifier.lock")


def test_equal_lines_count_once_and_need_no_order() -> None:
    other = f"org.example:anvil:jar:1.0 sha256:{TWO} witnessed"

    lock = parse_lock(f"{LINE}\r\n{other}\r\n{LINE}\r\n", "verifier.lock")

    assert [one.line for one in lock.entries.values()] == [1, 2]
    assert write_lock(lock).splitlines()[1:] == ["", other, LINE]


def test_lines_that_contradict_each_other_are_refused_and_both_are_named() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_lock(f"{LINE}\n\n{LINE.replace(ONE, TWO)}\n", "verifier.lock")

    assert caught.value.where == "verifier.lock:3"
    assert f"sha256:{ONE} key:{KEY} at verifier.lock:1 and here as sha256:{TWO}" in caught.value.problem
    assert "verifier lock --update" in caught.value.hint


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> branch", "||||||| base"])
def test_a_merge_that_was_not_ended_is_called_that(marker: str) -> None:
    with pytest.raises(ConfigError, match="two branches were not merged to the end here") as caught:
        parse_lock(f"{LINE}\n{marker}\n", "verifier.lock")

    assert caught.value.where == "verifier.lock:2"
    assert is_lock(f"{marker}\n{LINE}\n")


def test_whoever_makes_it_anew_reads_past_markers_and_takes_neither_side_of_a_contradiction() -> None:
    other = f"org.example:anvil:jar:1.0 sha256:{TWO} witnessed"
    text = f"<<<<<<< ours\n{LINE}\n=======\n{LINE.replace(ONE, TWO)}\n>>>>>>> theirs\n{other}\n"

    lock = parse_lock(text, "verifier.lock", mend=True)

    assert list(lock.entries) == ["org.example:anvil:jar:1.0"]


def test_lines_that_differ_in_who_vouches_alone_keep_their_pin_when_it_is_made_anew() -> None:
    text = f"{LINE}\n{LINE.replace(f'key:{KEY}', 'witnessed')}\n"

    assert parse_lock(text, "verifier.lock", mend=True).entries["org.example:widget:jar:1.0"].sha256 == ONE
    with pytest.raises(ConfigError, match="locked twice"):
        parse_lock(text, "verifier.lock")


def test_contexts_that_contradict_each_other_are_refused() -> None:
    context = "# context: java-version=17 os=Linux/amd64 maven-version=3.9.16 scopes=compile"

    with pytest.raises(ConfigError, match=r"contradicts the one at verifier\.lock:1"):
        parse_lock(f"{context}\n{context.replace('17', '21')}\n{LINE}\n", "verifier.lock")
    assert parse_lock(f"{context}\n{context}\n{LINE}\n", "verifier.lock").setting is not None


@pytest.mark.parametrize(
    "words",
    [
        "java-version=17",
        "java-version=17 os=Linux maven-version=3 scopes=compile",
        "java-version=17 os=Linux/amd64 maven-version=3 scopes=compile flavour=mild",
        "java-version=17 java-version=18 os=Linux/amd64 maven-version=3 scopes=compile",
        "java-version",
        "java-version=17 os=Linux/amd64/1/2 maven-version=3 scopes=compile",
        "java-version=17 os=Linux/amd64 maven-version=3 scopes=",
        "java-version=17 os=Linux/amd64 maven-version=3 scopes=compile,everything",
        "java-version=17 os=Linux/amd64 maven-version=3 scopes=compile plugins=Yes",
    ],
)
def test_a_context_that_leaves_something_open_is_refused(words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_lock(f"# context: {words}\n{LINE}\n", "verifier.lock")

    assert caught.value.where == "verifier.lock:1"


def test_each_repository_has_metadata_of_its_own() -> None:
    name = "org.example:widget/maven-metadata.xml"

    lock = parse_lock(f"{name} sha256:{ONE} unsigned\n{name} sha256:{TWO} unsigned\n{LINE}\n", "verifier.lock")

    assert [one.subject for one in lock.metadata] == [Metadata("org.example", "widget")] * 2
    assert set(lock.entries) == {"org.example:widget:jar:1.0"}


def test_bounds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockfile, "MAX_LOCK_LINES", 3)
    with pytest.raises(ConfigError, match="more than 3 lines"):
        parse_lock("#\n#\n#\n#", "verifier.lock")
    monkeypatch.setattr(lockfile, "MAX_LOCK_BYTES", 3)
    with pytest.raises(ConfigError, match="over 3 bytes"):
        parse_lock("####", "verifier.lock")


def test_comments_of_people_stay() -> None:
    lock = parse_lock(f"# reviewed by the security team\n{LINE}\n", "verifier.lock")

    assert write_lock(lock).splitlines() == [HEADER, "# reviewed by the security team", "", LINE]


@pytest.mark.parametrize(
    "text", ["org.example:widget:1.0", "a:b:1=runtimeClasspath", "# a comment\norg.example:widget:1.0"]
)
def test_other_lists_are_no_lock_files(text: str) -> None:
    assert not is_lock(text)


def test_it_is_told_from_other_files_by_its_content() -> None:
    document = write_lock(parse_lock(LINE, "a list")).encode()

    assert recognise(document, "anything") is Format.LOCK
    assert is_lock("# a comment\n# context: java-version=17\n")
    assert read_list(document, Format.LOCK, "anything") == (Coordinate("org.example", "widget", "1.0"),)


def test_what_is_locked_instead_is_named_with_its_line() -> None:
    lock = parse_lock(f"{HEADER}\n{LINE}\n", "verifier.lock")

    other_version = lock.nearest(Coordinate("org.example", "widget", "2.0"))
    stranger = lock.nearest(Coordinate("org.example", "zebra", "1"))

    assert (other_version.value, other_version.origin) == ("org.example:widget:jar:1.0", "verifier.lock:2")
    assert stranger.origin == "verifier.lock:3"
    assert lock.nearest(Coordinate("org.example", "anvil", "1")).origin == "verifier.lock:2"

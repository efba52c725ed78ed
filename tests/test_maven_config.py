import os
import random
import subprocess
from pathlib import Path

import pytest
from building import installed_maven
from conftest import need
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.errors import ConfigError
from verifier.maven import maven_config
from verifier.maven.maven_config import MavenConfig, parse_maven_config
from verifier.maven.profile import Context

PIECES = (
    "-Da=1", "-D", "b=2", "-Pone", "-P", "x,!y", "-P +p", "-T", "4", "-T4", "--define", "--define=c=3", "-Dz", "-Dz=",
    "--activate-profiles", "--activate-profiles=q", "-ntp", "--batch-mode", "# c", "foo", "-pl", "a,b", "-X", " -Df=1",
    "--threads=4", "-Da=2 -De=4", "--unknown", "-unknown", "-Da='x'", "--define g=1", "-f other.xml", "-am",
)  # fmt: skip


def parse(text: str, *, one_each_line: bool = True) -> MavenConfig:
    return parse_maven_config(text.encode(), "maven.config", one_each_line=one_each_line)


def test_properties_and_profiles_count_and_all_else_is_left_aside() -> None:
    found = parse("-Drevision=5\n-Da=x y\n# why\n\n-T\n4\n-Pci,!slow\n--define=b\n--no-transfer-progress\n-s\nx.xml\n")

    assert found.properties == {"revision": "5", "a": "x y", "b": "true"}
    assert found.lines == {"revision": 1, "a": 2, "b": 8}
    assert found.profiles == ("ci", "!slow")
    assert found.left_aside == ("-T", "--no-transfer-progress", "-s")


def test_a_line_is_one_argument_since_3_9_and_before_every_blank_parts_two() -> None:
    text = "-Da=1 -Db=2\n-D c=3"

    assert parse(text).properties == {"a": "1 -Db=2", "c": "3"}
    assert parse('"-Da=1 2"').properties == {"a": "1 2"}
    assert parse(text, one_each_line=False).properties == {"a": "1", "b": "2", "c": "3"}


def test_what_the_user_gives_comes_before_the_file_and_profiles_add_up() -> None:
    config = parse("-Da=1\n-Db=2\n-Pone")
    context = Context(properties={"b": "9"}, profiles=("two",))

    assert config.below(context).properties == {"a": "1", "b": "9"}
    assert config.below(context).profiles == ("two", "one")
    assert config.origins(context) == {"a": "maven.config:1"}


@pytest.mark.parametrize(
    ("text", "one_each_line", "problem"),
    [
        ("-Da=1\nfoo", True, "maven.config:2: 'foo' is no option"),
        ("# c", False, "'#' is no option"),
        (" -Da=1", True, "' -Da=1' is no option"),
        ("--define a=1", True, "not an option of Maven"),
        ("-unknown", True, "not an option of Maven"),
        ("-pl a", True, "not an option of Maven"),
        ("-D", True, "-D has no value"),
        ("-P\n-X", True, "-P has no value"),
        ("-T", False, "-T has no value"),
        ("-D=1", True, "names no property"),
        ("-Da b", True, "names no property"),
        ('"-Da=1', True, "a quote begins"),
        ('"-Da=1 2"', False, "a quote begins"),
        ("\ufeff-Da=1", True, "is no option"),
        ("-", True, "is no option"),
    ],
)
def test_refuses_what_maven_stops_at(text: str, one_each_line: bool, problem: str) -> None:  # noqa: FBT001  (a table)
    with pytest.raises(ConfigError) as caught:
        parse(text, one_each_line=one_each_line)

    assert problem in str(caught.value)


def test_refuses_what_is_too_large_or_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        parse_maven_config(b"-Da=\xff", "x", one_each_line=True)
    monkeypatch.setattr(maven_config, "MAX_CONFIG_BYTES", 4)
    assert parse("-Da").properties == {"a": "true"}
    with pytest.raises(ConfigError, match="is over 4 bytes"):
        parse("-Da=1")


@given(st.binary(max_size=60) | st.text(alphabet="-DPTab=1, \"'\n\t#", max_size=60).map(str.encode), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(document: bytes, one_each_line: bool) -> None:  # noqa: FBT001  (drawn)
    try:
        parse_maven_config(document, "x", one_each_line=one_each_line)
    except ConfigError:
        return


def test_agrees_with_the_command_line_of_the_maven_that_is_installed_here(tmp_path: Path) -> None:
    home = Path(need("mvn")).resolve().parent.parent
    one_each_line = not installed_maven().startswith("3.8.")
    draw = random.Random(20260101)  # noqa: S311  (the same files every time)
    texts = ["".join(draw.choice(PIECES) + draw.choice("\n\n ") for _ in range(draw.randint(1, 4))) for _ in range(300)]
    for number, text in enumerate(texts):
        (tmp_path / str(number) / ".mvn").mkdir(parents=True)
        (tmp_path / str(number) / ".mvn" / "maven.config").write_text(text)

    class_path = os.pathsep.join((f"{home}/lib/*", *map(str, home.glob("boot/*.jar"))))
    program = Path(__file__).parent / "java" / "Config.java"
    answers = subprocess.run(
        [need("java"), f"-Dmaven.home={home}", "-cp", class_path, str(program)],
        input="".join(f"{tmp_path / str(number)}\n" for number in range(len(texts))),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()

    wrong = []
    for text, answer in zip(texts, answers, strict=True):
        try:
            found = parse(text, one_each_line=one_each_line)
        except ConfigError as error:
            # A blank within a name is a slip that Maven takes for a name.
            agrees = answer == "error" or "names no property" in str(error) or "has no value" in str(error)
        else:
            shown = ", ".join(f"{name}={value}" for name, value in sorted(found.properties.items()))
            _, properties, profiles = answer.split("\t") if answer != "error" else ("", "", "")
            named = [each.strip().removeprefix("+") for each in profiles.split(",") if each.strip()]
            agrees = (properties, named) == (f"{{{shown}}}", list(found.profiles))
        if not agrees:
            wrong.append((text, answer))
    assert wrong == []
    assert sum(answer != "error" for answer in answers) > len(answers) // 4

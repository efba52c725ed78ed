"""The options that a project gives to every mvn, in its `.mvn/maven.config`: which of them a graph depends on.

Text in, values out.  Properties and profiles count; any other option is Maven's own business and is named as left
aside.  What Maven stops at is a mistake in the file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from verifier.errors import ConfigError
from verifier.maven.profile import Context

MAX_CONFIG_BYTES = 64 * 1024

_PROPERTY = ("-D", "--define")
_PROFILES = ("-P", "--activate-profiles")
_VALUED = (
    "-T --threads -b --builder -f --file -gs --global-settings -gt --global-toolchains -l --log-file -pl --projects"
    " -rf --resume-from -s --settings -t --toolchains"
)
_PLAIN = (
    "-B --batch-mode -C --strict-checksums -N --non-recursive -U --update-snapshots -V --show-version -X --debug -am"
    " --also-make -amd --also-make-dependents -c --lax-checksums -cpu --check-plugin-updates -e --errors -fae"
    " --fail-at-end -ff --fail-fast -fn --fail-never -h --help -itr --ignore-transitive-repositories -llr"
    " --legacy-local-repository -npr --no-plugin-registry -npu --no-plugin-updates -nsu --no-snapshot-updates -ntp"
    " --no-transfer-progress -o --offline -q --quiet --raw-streams -up --update-plugins -v --version --color -emp"
    " --encrypt-master-password -ep --encrypt-password"
)
_WITH_VALUE, _WITHOUT_VALUE = frozenset(_VALUED.split()), frozenset(_PLAIN.split())
_NAME = re.compile(r"[^\s=\x00-\x1f\x7f]{1,200}")
_BLANK = re.compile(r"[ \t\n\x0b\f\r]+")


@dataclass(frozen=True, slots=True)
class MavenConfig:
    """What a `.mvn/maven.config` says of a graph.

    Shape: `lines` has the line of each property, from 1; `left_aside` are options that no graph depends on.
    """

    file: str
    properties: Mapping[str, str]
    lines: Mapping[str, int]
    profiles: tuple[str, ...]
    left_aside: tuple[str, ...]

    def below(self, context: Context) -> Context:
        """Put what the user himself gave over what the file says; profiles add up."""
        return replace(
            context,
            properties=MappingProxyType({**self.properties, **context.properties}),
            profiles=tuple(dict.fromkeys((*context.profiles, *self.profiles))),
        )

    def origins(self, context: Context) -> Mapping[str, str]:
        """Say of each property that `below` took from the file where it stands, as `file:line`."""
        return {
            name: f"{self.file}:{line}" for name, line in sorted(self.lines.items()) if name not in context.properties
        }


def parse_profiles(text: str) -> tuple[str, ...]:
    """Read what follows `-P`: names with commas between; `!` or `-` before one switches it off, `+` on.

    >>> parse_profiles("ci, !slow,+it")
    ('ci', '!slow', 'it')
    """
    return tuple(one.strip().removeprefix("+") for one in text.split(",") if one.strip())


def parse_maven_config(document: bytes, file: str, *, one_each_line: bool) -> MavenConfig:
    """Read a `.mvn/maven.config`.

    Shape: one argument a line, with `#` for a comment, as Maven takes it since 3.9 (`one_each_line`); before, arguments
    with white space between, no comments.

    Raises: `ConfigError`, `file:line`, for what Maven stops at: an argument that is no option, an option that it does
    not know or whose value is missing; and for quotes, which do not mean here what they look like.

    Source: maven-embedder 3.8.7 and 3.9.16, MavenCli.cli and CLIManager.
    """
    if len(document) > MAX_CONFIG_BYTES:
        raise ConfigError(file, f"is over {MAX_CONFIG_BYTES} bytes")
    try:
        text = document.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(file, "is not UTF-8") from error
    arguments = _lines(text, file) if one_each_line else _words(text, file)
    properties: dict[str, str] = {}
    lines: dict[str, int] = {}
    profiles: list[str] = []
    left_aside: list[str] = []
    for line, argument in arguments:
        where = f"{file}:{line}"
        option, value = _split(argument, where, one_each_line=one_each_line)
        if option in _PROPERTY:
            name, given = _property(_value(value, arguments, option, where), where)
            properties[name], lines[name] = given, line
        elif option in _PROFILES:
            profiles += parse_profiles(_value(value, arguments, option, where))
        else:
            if option in _WITH_VALUE:
                _value(value, arguments, option, where)
            left_aside.append(option)
    return MavenConfig(
        file, MappingProxyType(properties), MappingProxyType(lines), tuple(profiles), tuple(dict.fromkeys(left_aside))
    )


def _lines(text: str, file: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        argument = line
        if argument.startswith('"'):
            if not (argument.endswith('"') and len(argument) > 1):
                raise _quoted(f"{file}:{number}")
            argument = argument[1:-1]
        if line and not line.startswith("#"):
            yield number, argument


def _words(text: str, file: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        for word in filter(None, _BLANK.split(line)):
            if word.startswith('"'):
                raise _quoted(f"{file}:{number}")
            yield number, word


def _split(argument: str, where: str, *, one_each_line: bool) -> tuple[str, str | None]:
    """Take an argument apart into its option and the value that it holds; None where it holds none."""
    option, equals, value = argument.partition("=")
    if argument.startswith("--") and option in (*_PROPERTY, *_PROFILES, *_WITH_VALUE, *_WITHOUT_VALUE):
        return option, value if equals else None
    if argument in _WITH_VALUE or argument in _WITHOUT_VALUE:
        return argument, None
    if not argument.startswith("--"):
        for option in (_PROPERTY[0], _PROFILES[0], *sorted(_WITH_VALUE, key=len, reverse=True)):
            # The newer parser takes what follows an option of several letters for a part of its name.
            is_one_letter = len(option) == len("-X")
            if argument.startswith(option) and (is_one_letter or not one_each_line):
                return option, argument.removeprefix(option) or None
    is_option = argument.startswith("-") and argument.strip("-")
    raise ConfigError(
        where,
        f"{_shown(argument)} is {'not an option of Maven' if is_option else 'no option'}, and Maven stops at it",
        hint="Maven 3.9 and later take one argument a line, with its first character at the start of the line"
        if one_each_line
        else "Maven before 3.9 parts arguments at every blank and knows no comments; --maven-version says which builds",
    )


def _value(value: str | None, arguments: Iterator[tuple[int, str]], option: str, where: str) -> str:
    if value is None:
        _, value = next(arguments, (0, "-"))
        if value.startswith("-"):
            raise ConfigError(where, f"{option} has no value", hint=f"write {option} and its value")
    return value


def _property(text: str, where: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise ConfigError(where, f"{_shown(text)} names no property", hint="write -Dname=value")
    # Maven takes a bare -Dname for true.
    return name, value if equals else "true"


def _quoted(where: str) -> ConfigError:
    problem = "a quote begins here that ends nowhere, or that Maven before 3.9 takes for a part of the value"
    return ConfigError(where, problem, hint="write the argument without quotes")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")  # noqa: PLR2004  (as much as a line shows)

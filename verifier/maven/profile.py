"""Which profiles of a POM apply: the machine that a graph is computed for, and the conditions that look at it.

The machine is always a stated one, a `Context`, and never the one that this runs on: no environment, no
working directory, no disk.  What a profile brings in, the model merges.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from verifier.errors import Fact, PomInvalid
from verifier.maven.pom import Activation, Profile

DEFAULT_JAVA_VERSION = "17.0.15"
MAX_JDK_DIGITS = 9

_JDK_FIELDS = 3
_NO_UPPER_BOUND = "99999999"


@dataclass(frozen=True, slots=True)
class Context:
    """The machine that a graph is computed for; the defaults are documented and the same everywhere.

    Shape: `properties` are those given with -D; `profiles` are those switched on with -P, or off with a `!`
    before the name, and count for the project's own POM alone.
    """

    java_version: str = DEFAULT_JAVA_VERSION
    os_name: str = "Linux"
    os_arch: str = "amd64"
    os_version: str = ""
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    profiles: tuple[str, ...] = ()

    def system_properties(self) -> dict[str, str]:
        """Give what POMs may know of the machine, -D properties included.

        The directories are made up: POMs that name a file below them stay readable, and nothing is there.
        """
        feature = re.match(r"1\.\d+|\d+", self.java_version)
        is_windows = "windows" in self.os_name.lower()
        return {
            "java.version": self.java_version,
            "java.specification.version": feature[0] if feature else self.java_version,
            "java.home": "/java",
            "os.name": self.os_name,
            "os.arch": self.os_arch,
            "os.version": self.os_version,
            "user.dir": "/project",
            "user.home": "/user",
            "file.separator": "\\" if is_windows else "/",
            "path.separator": ";" if is_windows else ":",
            **self.properties,
        }


def active_profiles(profiles: Sequence[Profile], context: Context, origin: str) -> tuple[Profile, ...]:
    """Select the profiles of one POM that apply, in their order.

    Those active by default apply where no other one of the same POM does.

    Raises: `PomInvalid` for a condition that cannot be read.

    Source: maven-model-builder 3.8.7, DefaultProfileSelector.
    """
    off = {name[1:] for name in context.profiles if name.startswith(("!", "-"))}
    system = context.system_properties()
    candidates = [profile for profile in profiles if profile.id not in off]
    chosen = tuple(
        profile for profile in candidates if profile.id in context.profiles or _holds(profile, context, system, origin)
    )
    return chosen or tuple(
        profile for profile in candidates if profile.activation is not None and profile.activation.by_default
    )


def _holds(profile: Profile, context: Context, system: Mapping[str, str], origin: str) -> bool:
    activation = profile.activation
    if activation is None:
        return False
    where = f"profile {profile.id} of {origin}"
    verdicts = []
    if activation.jdk is not None:
        verdicts.append(_jdk_fits(activation.jdk, context.java_version, where))
    if activation.os is not None:
        verdicts.append(_os_fits(activation.os, context))
    if activation.property is not None:
        verdicts.append(_property_fits(*activation.property, system, where))
    if activation.file_exists is not None or activation.file_missing is not None:
        verdicts.append(_file_fits(activation, system))
    return bool(verdicts) and all(verdicts)


def _property_fits(name: str, value: str, system: Mapping[str, str], where: str) -> bool:
    bare = name.removeprefix("!")
    if not bare:
        raise _unreadable("a property without a name", where)
    actual = system.get(bare, "")
    if not value:
        return (actual != "") != (name != bare)
    # Asked for a value, Maven takes no notice of a `!` before the name.
    wanted = value.removeprefix("!")
    return (wanted == actual and bare in system) != (value != wanted)


def _jdk_fits(condition: str, version: str, where: str) -> bool:
    """Compare with a prefix, or with a range of three numeric fields, which takes sloppy forms as Maven does.

    Source: maven-model-builder 3.8.7, JdkVersionProfileActivator.
    """
    if condition.startswith("!"):
        return not version.startswith(condition[1:])
    if not condition.startswith(("[", "(")):
        return version.startswith(condition)
    bounds = _jdk_bounds(condition)
    low = _jdk_order(version, *bounds[0], is_lower=True, where=where)
    return low == 0 or (low > 0 and _jdk_order(version, *bounds[1], is_lower=False, where=where) <= 0)


def _jdk_bounds(text: str) -> list[tuple[str, bool]]:
    """Give the bounds of a range, each with whether it is included."""
    bounds = []
    for token in text.rstrip(",").split(","):
        for bracket, included in (("[", True), ("(", False)):
            if token.startswith(bracket):
                bounds.append((token.replace(bracket, "").strip(), included))
                break
        else:
            if token.endswith(("]", ")")):
                bounds.append((token.replace(token[-1], "").strip(), token[-1] == "]"))
            elif not token:
                bounds.append(("", False))
    return [*bounds, (_NO_UPPER_BOUND, False)]


def _jdk_order(version: str, bound: str, included: bool, *, is_lower: bool, where: str) -> int:  # noqa: FBT001  (a pair)
    if not bound:
        return 1 if is_lower else -1
    mine, theirs = re.split(r"[._-]", re.sub(r"[^0-9._-]", "", version)), bound.split(".")
    for one, other in zip(_three_fields(mine), _three_fields(theirs), strict=True):
        # Field by field, as Maven does: it never reads what comes after the first that differs.
        numbers = _jdk_number(one, where), _jdk_number(other, where)
        if numbers[0] != numbers[1]:
            return -1 if numbers[0] < numbers[1] else 1
    if included:
        return 0
    return -1 if is_lower else 1


def _three_fields(tokens: list[str]) -> list[str]:
    while tokens and not tokens[-1]:
        tokens.pop()
    return (tokens + ["0"] * _JDK_FIELDS)[:_JDK_FIELDS]


def _jdk_number(text: str, where: str) -> int:
    if not re.fullmatch(rf"[0-9]{{1,{MAX_JDK_DIGITS}}}", text):
        raise _unreadable(f"{text!r} in a JDK version", where)
    return int(text)


def _os_fits(conditions: Mapping[str, str], context: Context) -> bool:
    """Compare the family, name, architecture and version that a profile asks for; `!` negates each.

    Source: plexus-utils 3.4, Os.
    """
    verdicts = []
    for name, actual in (("name", context.os_name), ("arch", context.os_arch), ("version", context.os_version)):
        if name in conditions:
            wanted = conditions[name]
            bare = wanted.removeprefix("!")
            verdicts.append((bare.lower() == actual.lower()) != (wanted != bare))
    if "family" in conditions:
        wanted = conditions["family"]
        bare = wanted.removeprefix("!")
        verdicts.append(_is_family(bare, context.os_name.lower()) != (wanted != bare))
    return bool(verdicts) and all(verdicts)


def _is_family(family: str, os_name: str) -> bool:
    is_windows = "windows" in os_name
    is_old_windows = is_windows and any(mark in os_name for mark in ("95", "98", "me", "ce"))
    is_mac = "mac" in os_name
    families = {
        "windows": is_windows,
        "win9x": is_old_windows,
        "winnt": is_windows and not is_old_windows,
        "dos": False,
        "unix": not is_windows and "openvms" not in os_name and (not is_mac or os_name.endswith("x")),
        "z/os": "z/os" in os_name or "os/390" in os_name,
        "tandem": "nonstop_kernel" in os_name,
    }
    # Families that plexus does not know are looked for in the name: real POMs write `Linux`.
    return families.get(family.lower(), family.lower() in os_name)


def _file_fits(activation: Activation, system: Mapping[str, str]) -> bool:
    """Answer for an imagined disk that holds nothing but its root; relative paths never hold.

    Maven asks the machine's own disk here, so that the same POM has other dependencies in another directory.
    """
    path = activation.file_exists or activation.file_missing
    if not path or "${basedir}" in path:
        return False
    path = re.sub(r"\$\{([^}]*)\}", lambda match: system.get(match[1], match[0]), path)
    if not path.startswith("/"):
        return False
    is_there = path.strip("/") == ""
    return is_there if activation.file_exists else not is_there


def _unreadable(what: str, where: str) -> PomInvalid:
    return PomInvalid(
        "a profile's condition cannot be read",
        expected=Fact("a condition that Maven reads"),
        received=Fact(what, where),
    )

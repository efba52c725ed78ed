import pytest

from verifier.errors import PomInvalid
from verifier.maven.pom import parse_pom
from verifier.maven.profile import Context, active_profiles

WINDOWS = Context(os_name="Windows 10", os_arch="x86")
OLD_WINDOWS = Context(os_name="Windows 98")
MAC = Context(os_name="Mac OS X", os_arch="aarch64", os_version="14.1")
JAVA_8 = Context(java_version="1.8.0_402")


def is_active(condition: str, context: Context) -> bool:
    profile = f"<profile><id>p</id><activation>{condition}</activation></profile>"
    pom = parse_pom(f"<project><profiles>{profile}</profiles></project>".encode(), "g:a:1")
    return bool(active_profiles(pom.profiles, context, pom.origin))


@pytest.mark.parametrize(
    ("condition", "holds", "fails"),
    [
        ("<os><family>windows</family></os>", WINDOWS, MAC),
        ("<os><family>winnt</family></os>", WINDOWS, OLD_WINDOWS),
        ("<os><family>win9x</family></os>", OLD_WINDOWS, WINDOWS),
        ("<os><family>mac</family></os>", MAC, Context()),
        ("<os><family>unix</family></os>", MAC, WINDOWS),
        ("<os><family>!unix</family></os>", WINDOWS, Context()),
        ("<os><family>unix</family><arch>aarch64</arch></os>", MAC, Context()),
        ("<os><version>14.1</version></os>", MAC, Context()),
        ("<os><name>mac os x</name></os>", MAC, WINDOWS),
        ("<os><family>z/os</family></os>", Context(os_name="OS/390"), Context()),
        ("<os><family>tandem</family></os>", Context(os_name="NONSTOP_KERNEL"), Context()),
        ("<jdk>1.8</jdk>", JAVA_8, Context()),
        ("<jdk>[1.8,9)</jdk>", JAVA_8, Context()),
        ("<jdk>(1.8,)</jdk>", Context(), Context(java_version="1.8")),
        ("<jdk>[1.8.0,1.8.0]</jdk>", Context(java_version="1.8.0"), Context()),
        ("<jdk>[9,17]</jdk>", Context(java_version="17"), Context()),
        ("<jdk>[,1.8]</jdk>", Context(java_version="1.8"), Context()),
        ("<jdk>[17,</jdk>", Context(), JAVA_8),
        ("<jdk>[11,12),[16,)</jdk>", Context(java_version="11.0.2"), Context()),
        ("<jdk>[9,,18)</jdk>", Context(), JAVA_8),
        ("<jdk>[1.7,1.8,9)</jdk>", JAVA_8, Context()),
        ("<jdk>[17.0.,18)</jdk>", Context(), JAVA_8),
        ("<property><name>x</name></property>", Context(properties={"x": "1"}), Context(properties={"x": ""})),
        ("<property><name>x</name><value>!1</value></property>", Context(), Context(properties={"x": "1"})),
        ("<activeByDefault>true</activeByDefault>", Context(), Context(profiles=("!p",))),
        ("<jdk>1.4</jdk>", Context(profiles=("p",)), Context()),
    ],
)
def test_conditions_look_at_the_stated_machine(condition: str, holds: Context, fails: Context) -> None:
    assert is_active(condition, holds)
    assert not is_active(condition, fails)


@pytest.mark.parametrize(
    "condition",
    [
        "<jdk>[17.0]</jdk>",
        "<jdk>[x,)</jdk>",
        "<jdk>[9999999999,)</jdk>",
        "<property><value>1</value></property>",
        "<property><name>!</name></property>",
    ],
)
def test_refuses_conditions_that_maven_cannot_read(condition: str) -> None:
    with pytest.raises(PomInvalid, match="condition") as raised:
        is_active(condition, Context())

    assert raised.value.received is not None
    assert raised.value.received.origin == "profile p of g:a:1"


def test_users_properties_stand_over_the_machines() -> None:
    properties = Context(properties={"java.home": "/mine"}).system_properties()

    assert properties["java.home"] == "/mine"
    assert properties["java.specification.version"] == "17"
    assert JAVA_8.system_properties()["java.specification.version"] == "1.8"
    assert WINDOWS.system_properties()["file.separator"] == "\\"

"""The table of platforms: each machine once, and the files beside a file for the others."""

from verifier.coordinate import Coordinate
from verifier.maven.profile import Context
from verifier.platforms import FAMILIES, PLATFORMS, contexts, siblings


def native(classifier: str) -> Coordinate:
    return Coordinate("org.example", "chunk", "1", classifier=classifier)


def test_every_platform_is_another_machine_and_keeps_the_rest_of_the_context() -> None:
    base = Context(java_version="21", os_version="5.1", properties={"a": "b"})

    found = contexts(base)

    assert len({(one.os_name, one.os_arch) for one in found}) == len(PLATFORMS) == len(found)
    assert {(one.java_version, one.os_version, one.properties["a"]) for one in found} == {("21", "", "b")}
    assert (found[0].os_name, found[0].os_arch) == (base.os_name, base.os_arch)
    assert "osx-aarch_64" in {one.properties["os.detected.classifier"] for one in found}


def test_the_own_machine_comes_first_even_where_it_is_not_in_the_table() -> None:
    mac, solaris = (
        contexts(Context(os_name=name, os_arch=arch)) for name, arch in (("Mac OS X", "aarch64"), ("SunOS", "sparcv9"))
    )

    assert (mac[0].os_name, len(mac)) == ("Mac OS X", len(PLATFORMS))
    assert (solaris[0].os_name, len(solaris)) == ("SunOS", len(PLATFORMS) + 1)


def test_a_native_file_has_siblings_of_its_own_family() -> None:
    found = {one.classifier for one in siblings([native("natives-linux")])}

    assert {"natives-macos-arm64", "natives-windows"} <= found
    assert "natives-linux" not in found
    assert "linux-x86_64" not in found


def test_what_is_no_native_file_has_no_siblings_and_what_is_known_is_not_named_again() -> None:
    assert siblings([native(""), native("sources"), native("linux-x86_64-other")]) == ()
    known = [native(classifier) for classifier in FAMILIES[0]]
    assert not set(siblings(known)) & set(known)


def test_no_family_names_a_classifier_twice() -> None:
    assert [len(set(family)) for family in FAMILIES] == [len(family) for family in FAMILIES]
    assert all(len(family) > 1 for family in FAMILIES)

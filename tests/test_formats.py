"""The lists of the neighbours: what each says, and that nothing else is taken for one."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.coordinate import Coordinate
from verifier.demand import parse_demand
from verifier.errors import ConfigError, CoordinateInvalid
from verifier.formats import entry
from verifier.formats.cyclonedx import parse_cyclonedx_json, parse_cyclonedx_xml
from verifier.formats.entry import Entry, Misnamed, Module
from verifier.formats.gradle_lock import parse_gradle_lock
from verifier.formats.lines import parse_lines
from verifier.formats.maven_install import parse_maven_install
from verifier.formats.recognise import Format, read_list, recognise
from verifier.formats.verification_metadata import parse_verification_metadata

LINES = "# what we need\n\norg.example:widget:1.0  # the widget\npkg:maven/com.example/gizmo@2.3\nno coordinate\n"
GRADLE_LOCK = """\
# This is a file that Gradle wrote.
com.example:gizmo:2.3=compileClasspath,runtimeClasspath
org.example:widget:1.0=runtimeClasspath
empty=annotationProcessor
"""
MAVEN_INSTALL = json.dumps(
    {
        "artifacts": {
            "com.example:gizmo": {"shasums": {"jar": "ab", "sources": "cd"}, "version": "2.3"},
            "org.example:widget:zip": {"shasums": {"jar": "ef"}, "version": "1.0"},
            "org.example:parent": {"shasums": {"jar": None}, "version": "1"},
            "org.example:left-out": {"shasums": {"jar": "00"}, "version": "1"},
        },
        "dependencies": {},
        "repositories": {"https://repo.example/": []},
        "skipped": ["org.example:left-out"],
        "version": "2",
    }
)
VERIFICATION_METADATA = """\
<?xml version="1.0" encoding="UTF-8"?>
<verification-metadata xmlns="https://schema.gradle.org/dependency-verification">
   <configuration><trusted-artifacts><trust group="org.other"/></trusted-artifacts></configuration>
   <components>
      <component group="com.example" name="gizmo" version="2.3">
         <artifact name="gizmo-2.3-linux.tar.gz"><sha256 value="ab"/></artifact>
         <artifact name="gizmo-2.3.module"/>
      </component>
      <component group="org.example" name="widget" version="1.0"><artifact name="another-1.0.jar"/></component>
   </components>
</verification-metadata>
"""
CYCLONEDX_JSON = json.dumps(
    {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"purl": "pkg:maven/org.example/the-project@1"}},
        "components": [
            {"purl": "pkg:maven/com.example/gizmo@2.3?type=jar", "components": [{"purl": "pkg:npm/left@1"}]},
            {"name": "outer", "components": [{"purl": "pkg:maven/org.example/widget@1.0"}]},
        ],
    }
)
CYCLONEDX_XML = """\
<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components>
  <component type="library"><name>gizmo</name><purl>pkg:maven/com.example/gizmo@2.3?type=jar</purl></component>
  <component><components><component><purl>pkg:maven/org.example/widget@1.0</purl></component></components></component>
</components></bom>
"""
GIZMO = Coordinate("com.example", "gizmo", "2.3")
WIDGET = Module("org.example", "widget", "1.0")

PARSERS: dict[Callable[[str, str], tuple[Entry, ...]], str] = {
    parse_lines: LINES,
    parse_gradle_lock: GRADLE_LOCK,
    parse_maven_install: MAVEN_INSTALL,
    parse_verification_metadata: VERIFICATION_METADATA,
    parse_cyclonedx_json: CYCLONEDX_JSON,
    parse_cyclonedx_xml: CYCLONEDX_XML,
}


def test_reads_plain_lines() -> None:
    widget, gizmo, misnamed = parse_lines(LINES, "list")

    assert (str(widget), str(gizmo)) == ("org.example:widget:jar:1.0", "com.example:gizmo:jar:2.3")
    assert isinstance(misnamed, Misnamed)
    assert misnamed.text == "no coordinate"


def test_reads_the_modules_of_a_gradle_lock() -> None:
    assert parse_gradle_lock(GRADLE_LOCK, "f") == (Module("com.example", "gizmo", "2.3"), WIDGET)


def test_reads_the_files_of_a_maven_install() -> None:
    assert parse_maven_install(MAVEN_INSTALL, "f") == (
        GIZMO,
        Coordinate("com.example", "gizmo", "2.3", "jar", "sources"),
        Coordinate("org.example", "widget", "1.0", "zip"),
    )


def test_reads_the_files_of_a_verification_metadata() -> None:
    archive, module, misnamed = parse_verification_metadata(VERIFICATION_METADATA, "f")

    assert archive == Coordinate("com.example", "gizmo", "2.3", "tar.gz", "linux")
    assert module == Coordinate("com.example", "gizmo", "2.3", "module")
    assert isinstance(misnamed, Misnamed)
    assert misnamed.text == "org.example:widget:1.0/another-1.0.jar"


@pytest.mark.parametrize(
    ("parse", "text"), [(parse_cyclonedx_json, CYCLONEDX_JSON), (parse_cyclonedx_xml, CYCLONEDX_XML)]
)
def test_reads_the_maven_components_of_a_bill(parse: Callable[[str, str], tuple[Entry, ...]], text: str) -> None:
    assert parse(text, "f") == (GIZMO, WIDGET)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Format.LINES, LINES),
        (Format.LINES, ""),
        (Format.LINES, "pkg:maven/com.example/gizmo@2.3?type=jar"),
        (Format.LINES, "com.example:gizmo:2.3=x\norg.example:widget:1.0"),
        (Format.GRADLE_LOCK, GRADLE_LOCK),
        (Format.MAVEN_INSTALL, MAVEN_INSTALL),
        (Format.VERIFICATION_METADATA, VERIFICATION_METADATA),
        (Format.CYCLONEDX_JSON, CYCLONEDX_JSON),
        (Format.CYCLONEDX_XML, CYCLONEDX_XML),
        (Format.CYCLONEDX_XML, "<b:bom xmlns:b='http://cyclonedx.org/schema/bom/1.5'/>"),
        (Format.POM, "<?xml version='1.0' encoding='ISO-8859-1'?><!-- ours --><project>\xe9</project>"),
        (Format.POM, "<!DOCTYPE project [<!ENTITY a 'b'>]><project/>"),
    ],
)
def test_recognises_a_file_by_its_content(form: Format, text: str) -> None:
    assert recognise(text.encode("latin-1"), "whatever") is form
    assert recognise(b"\xef\xbb\xbf" + text.encode("latin-1"), "whatever") is form


def test_recognises_utf_16() -> None:
    assert recognise("<?xml version='1.0' encoding='UTF-16'?><project/>".encode("utf-16"), "f") is Format.POM


@pytest.mark.parametrize("text", ["<html/>", "<", "{}", "{", "[]", "[[", "\xff", '{"name": 1}', "[" * 100_000])
def test_takes_nothing_else_for_a_list(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^the file"):
        recognise(text.encode("latin-1"), "the file")


@pytest.mark.parametrize(
    ("parse", "text", "problem"),
    [
        (parse_gradle_lock, "\norg.example:widget:1.0", "f:2: this is no line"),
        (parse_gradle_lock, "org.example:widget=x", "f:1: this is no line"),
        (parse_maven_install, MAVEN_INSTALL.replace('"version": "2"', '"version": "1"'), "version 2 or 3"),
        (parse_maven_install, '{"version": "2", "artifacts": []}', "version 2 or 3"),
        (parse_maven_install, '{"version": "2", "artifacts": {"a:b": []}}', "no shasums"),
        (parse_maven_install, '{"version": "2", "artifacts": {"a:b": {"shasums": 1}}}', "no shasums"),
        (parse_maven_install, "[]", "no object"),
        (parse_maven_install, "{" + '"a":{' * 100_000, "too deep"),
        (parse_verification_metadata, "<other/>", "<other>"),
        (parse_verification_metadata, "<verification-metadata>\n<components>", "f:2: this is not XML"),
        (parse_verification_metadata, "<!DOCTYPE v><verification-metadata/>", "DOCTYPE"),
        (parse_verification_metadata, "<a>" * 100, "nested too deep"),
        (parse_cyclonedx_json, "{}", "no CycloneDX"),
        (parse_cyclonedx_json, '{"bomFormat": "CycloneDX", "components": 1}', "no list"),
        (parse_cyclonedx_json, '{"bomFormat": "CycloneDX", "components": [1]}', "no object"),
        (parse_cyclonedx_json, '{"bomFormat": "CycloneDX"' + ', "components": [{"a": 1' * 40 + "}]" * 40 + "}", "deep"),
        (parse_cyclonedx_xml, "<bom xmlns='urn:other'/>", "no CycloneDX"),
        (parse_cyclonedx_xml, "<other/>", "no CycloneDX"),
    ],
)
def test_refuses_a_file_that_is_not_understood(
    parse: Callable[[str, str], tuple[Entry, ...]], text: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "f")

    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_gradle_lock, "org.example:widget:../1=x"),
        (parse_maven_install, MAVEN_INSTALL.replace('"1.0"', '"../1.0"')),
        (parse_maven_install, MAVEN_INSTALL.replace('"1.0"', "1")),
        (parse_maven_install, MAVEN_INSTALL.replace("widget:zip", "widget:zip:linux")),
        (parse_verification_metadata, VERIFICATION_METADATA.replace('name="gizmo-2.3.module"', 'name="../x"')),
        (parse_verification_metadata, VERIFICATION_METADATA.replace('group="com.example"', 'group="com/example"')),
        (parse_cyclonedx_json, CYCLONEDX_JSON.replace("@1.0", "@..%2F1.0")),
        (parse_cyclonedx_json, CYCLONEDX_JSON.replace("@2.3?type=jar", "@2.3?type=jar&repository_url=x")),
        (parse_cyclonedx_xml, CYCLONEDX_XML.replace("@1.0", "")),
        (parse_cyclonedx_json, CYCLONEDX_JSON.replace("pkg:maven/com", "pkg:maven//[")),
    ],
)
def test_what_cannot_be_a_coordinate_is_one_entry_among_others(
    parse: Callable[[str, str], tuple[Entry, ...]], text: str
) -> None:
    entries = parse(text, "f")

    assert any(isinstance(each, Misnamed) for each in entries)


def test_long_texts_are_cut_and_long_lists_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (misnamed,) = parse_lines("x" * 5000, "f")
    assert isinstance(misnamed, Misnamed)
    assert len(misnamed.text) == entry.MAX_SHOWN_CHARACTERS + 1

    monkeypatch.setattr(entry, "MAX_ENTRIES", 1)
    with pytest.raises(ConfigError, match="more than 1 artifacts"):
        parse_gradle_lock(GRADLE_LOCK, "f")


@pytest.mark.parametrize("parse", PARSERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_text_is_read_or_refused(parse: Callable[[str, str], tuple[Entry, ...]], data: st.DataObject) -> None:
    example = PARSERS[parse]
    at = data.draw(st.integers(0, len(example)))
    end = data.draw(st.integers(at, len(example)))
    text = data.draw(st.one_of(st.just(example[:at] + data.draw(st.text(max_size=8)) + example[end:]), st.text()))

    try:
        entries = parse(text, "f")
    except ConfigError:
        return
    assert all(str(each) for each in entries)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(), st.sampled_from(list(PARSERS.values())).map(str.encode)), st.binary(max_size=3))
def test_any_bytes_are_recognised_or_refused(document: bytes, tail: bytes) -> None:
    try:
        form = recognise(document + tail, "f")
        if form is not Format.POM:
            read_list(document + tail, form, "f")
    except ConfigError:
        return


@pytest.mark.parametrize(
    "version", ["1.0", "[1.0,2.0)", "[1.0]", "(,1.0],[2.0,)", "LATEST", "RELEASE", "1.0-SNAPSHOT", "[1.0.*]"]
)
def test_asks_for_a_version_or_for_a_choice_of_them(version: str) -> None:
    demand = parse_demand(f"org.example:widget:zip:linux:{version}")

    assert (demand.version, demand.extension, demand.classifier, demand.scope) == (version, "zip", "linux", "compile")


@pytest.mark.parametrize("version", ["[1.0", "[2.0,1.0]", "(1.0)", "[1,2),3", "1,2", "", "../1", "latest/.."])
def test_asks_for_nothing_that_is_no_version(version: str) -> None:
    with pytest.raises(CoordinateInvalid):
        parse_demand(f"org.example:widget:{version}")


@pytest.mark.parametrize("text", ["../a:b:[1.0,2.0)", "a:../b:LATEST", "a:b:../x:LATEST", "a:b"])
def test_the_other_parts_are_checked_whatever_the_version(text: str) -> None:
    with pytest.raises(CoordinateInvalid):
        parse_demand(text)

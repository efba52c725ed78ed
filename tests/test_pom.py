import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.errors import PomInvalid
from verifier.maven import xml
from verifier.maven.pom import Dependency, Exclusion, Parent, parse_pom
from verifier.maven.pom_shape import KINDS

POM = """<?xml version="1.0" encoding="{encoding}"?>
<!-- a comment --><project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent><groupId>g</groupId><artifactId>p</artifactId><version>1</version><relativePath/></parent>
  <artifactId> w\u00e9 </artifactId>
  <properties><a.b> 1 </a.b><a.b>2</a.b></properties>
  <modules><module>one</module><module>two</module></modules>
  <dependencies><dependency><groupId>g</groupId><artifactId>k</artifactId><optional>true</optional><classifier/>
    <exclusions><exclusion><groupId>g</groupId></exclusion></exclusions></dependency></dependencies>
  <build>
    <extensions><extension><groupId>g</groupId><artifactId>x</artifactId><version>1</version></extension></extensions>
    <finalName>done</finalName>
    <plugins><plugin><artifactId>q</artifactId><extensions>true</extensions><inherited>false</inherited>
      <configuration><Xlint:-unchecked/><deep><er>1</er></deep></configuration>
      <executions><execution><phase>test</phase><goals><goal>run</goal></goals></execution></executions></plugin></plugins>
  </build>
  <repositories><repository><id>r</id><url>https://repo.example/r</url></repository></repositories>
</project>"""


def pom(inside: str) -> bytes:
    return f"<project>{inside}</project>".encode()


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "windows-1252", "utf-8-sig"])
def test_reads_what_is_written(encoding: str) -> None:
    document = POM.format(encoding="UTF-8" if encoding == "utf-8-sig" else encoding).encode(encoding)

    found = parse_pom(document, "g:we:1")

    assert (found.group, found.artifact, found.version) == (None, "w\u00e9", None)
    assert (found.own_group, found.own_version) == ("g", "1")
    assert found.parent == Parent("g", "p", "1", "")
    assert found.section.properties == {"a.b": "2"}
    assert found.section.modules == ("one", "two")
    assert found.section.dependencies == (
        Dependency("g", "k", classifier="", optional="true", exclusions=(Exclusion("g", ""),)),
    )
    assert found.extensions[0].artifact == "x"
    assert found.fields["build.finalName"] == "done"
    assert found.section.repositories[0].url == "https://repo.example/r"


def test_reads_plugins_with_their_configuration() -> None:
    plugin = parse_pom(POM.format(encoding="UTF-8").encode(), "").section.plugins[0]

    assert (plugin.group, plugin.artifact, plugin.extensions, plugin.inherited) == (
        "org.apache.maven.plugins",
        "q",
        True,
        False,
    )
    assert plugin.executions[0].goals == ("run",)
    assert plugin.configuration is not None
    assert [child.name for child in plugin.configuration.children] == ["Xlint:-unchecked", "deep"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "well-formed"),
        (b"<project>", "well-formed"),
        (b"<project/><project/>", "well-formed"),
        (b"\xff\xfe<", "well-formed"),
        (b"<project>\xe9</project>", "well-formed"),
        (b"<html/>", "another kind"),
        (b"<?xml version='1.0' encoding='nonsense'?><project/>", "encoding"),
        (b"<?xml version='1.0' encoding='utf-7'?><project/>", "encoding"),
        (b"<!DOCTYPE project><project/>", "document type"),
        (b"<!DOCTYPE p [<!ENTITY a 'b'>]><project><name>&a;</name></project>", "document type"),
        (pom("<name>&a;</name>"), "entity"),
        (pom("<name/><name/>"), "twice"),
        (pom("<dependencies><dependency><version/><version/></dependency></dependencies>"), "twice"),
        (pom("<profiles><profile><activation><os><name/><name/></os></activation></profile></profiles>"), "twice"),
        (pom("<version><x/></version>"), "plain value"),
        (pom("<properties><a><b/></a></properties>"), "plain value"),
        (pom("<parent><groupId>g</groupId><artifactId>p</artifactId></parent>"), "parent"),
    ],
)
def test_refuses_what_maven_cannot_read(document: bytes, reason: str) -> None:
    with pytest.raises(PomInvalid, match=reason) as raised:
        parse_pom(document, "g:a:1")

    assert raised.value.received is not None
    assert raised.value.received.origin == "g:a:1"


@pytest.mark.parametrize("kind", ["license", "scm"])
def test_knows_the_elements_that_stand_once(kind: str) -> None:
    assert "url" in KINDS[kind]


def test_elements_may_stand_twice_where_maven_does_not_look() -> None:
    parse_pom(
        pom("<x/><x/><build><plugins><plugin><configuration><a/><a/></configuration></plugin></plugins></build>"), ""
    )


def test_size_is_bounded() -> None:
    filler = b"<project><name>" + b"x" * (xml.MAX_XML_BYTES - 32) + b"</name></project>"
    assert parse_pom(filler, "").fields["name"]

    with pytest.raises(PomInvalid, match="too large"):
        parse_pom(filler.replace(b"</name>", b"x" * 32 + b"</name>"), "")


def test_depth_is_bounded() -> None:
    levels = xml.MAX_XML_DEPTH - 1
    assert parse_pom(pom("<x>" * levels + "</x>" * levels), "")

    with pytest.raises(PomInvalid, match="deeply"):
        parse_pom(pom("<x>" * (levels + 1) + "</x>" * (levels + 1)), "")


def test_the_number_of_elements_is_bounded() -> None:
    assert parse_pom(pom("<x/>" * (xml.MAX_XML_ELEMENTS - 1)), "")

    with pytest.raises(PomInvalid, match="too many"):
        parse_pom(pom("<x/>" * xml.MAX_XML_ELEMENTS), "")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 1500))
def test_any_bytes_are_a_pom_or_refused(noise: bytes, place: int) -> None:
    document = POM.format(encoding="UTF-8").encode()

    with contextlib.suppress(PomInvalid):
        parse_pom(document[:place] + noise + document[place:], "")

import contextlib
import io
import struct
import warnings
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier import archive
from verifier.archive import Archive, ArchiveBroken
from verifier.contents import (
    MAX_MODULE_BYTES,
    MAX_POM_BYTES,
    MAX_POM_DEPTH,
    MAX_PROPERTIES_BYTES,
    Claim,
    compare,
    parse_properties,
    pom_claims,
    read_claims,
)
from verifier.coordinate import Coordinate
from verifier.errors import ContentMismatch, PomInvalid, SignatureReplayed
from verifier.maven.pom import parse_pom

JAR = Coordinate("org.example", "widget", "1.0")
POM = Coordinate("org.example", "widget", "1.0", "pom")
MODULE = Coordinate("org.example", "widget", "1.0", "module")
PROPERTIES = "META-INF/maven/org.example/widget/pom.properties"
POM_XML = "META-INF/maven/org.example/widget/pom.xml"
NAMES_ITSELF = "<groupId>org.example</groupId><artifactId>widget</artifactId><version>1.0</version>"


def claims_of(data: bytes, coordinate: Coordinate = JAR) -> tuple[Claim, ...]:
    return read_claims(io.BytesIO(data), len(data), coordinate, "https://repo.example/file")


def names_of(data: bytes, coordinate: Coordinate = POM) -> list[str]:
    return [f"{claim.group}:{claim.artifact}:{claim.version}" for claim in claims_of(data, coordinate)]


def pom(body: str = NAMES_ITSELF) -> bytes:
    return f"<project>{body}</project>".encode()


def properties(version: str = "1.0") -> str:
    return f"#Created by a build\nversion={version}\ngroupId=org.example\nartifactId=widget\n"


def jar(entries: dict[str, str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, text in entries.items():
            made.writestr(name, text)
    return file.getvalue()


# What is not what its name says


@pytest.mark.parametrize("extension", ["jar", "pom", "module", "txt", "html"])
def test_refuses_an_empty_file_whatever_it_is_called(extension: str) -> None:
    with pytest.raises(ContentMismatch, match="empty"):
        claims_of(b"", Coordinate("org.example", "widget", "1.0", extension))


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html></html>",
        b"\xef\xbb\xbf \r\n<HTML lang=en>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x">',
        b"<!-- cached --><!-- by a proxy -->\n<!doctype\nhtml>",
    ],
)
@pytest.mark.parametrize("extension", ["jar", "pom", "module", "txt", "xml", "tar.gz"])
def test_refuses_a_web_page_in_place_of_anything_else(page: bytes, extension: str) -> None:
    with pytest.raises(ContentMismatch, match="web page"):
        claims_of(page, Coordinate("org.example", "widget", "1.0", extension))


@pytest.mark.parametrize("extension", ["html", "htm", "xhtml", "HTML"])
def test_accepts_a_web_page_where_one_is_named(extension: str) -> None:
    assert claims_of(b"<!doctype html><p>", Coordinate("org.example", "widget", "1.0", extension)) == ()


def test_accepts_text_that_only_mentions_html() -> None:
    assert claims_of(b"see <html> for more", Coordinate("org.example", "widget", "1.0", "txt")) == ()


def test_comments_without_end_cost_no_time() -> None:
    assert claims_of(b"<!---->" * 200, Coordinate("org.example", "widget", "1.0", "txt")) == ()


@pytest.mark.parametrize("extension", ["jar", "war", "ear", "aar", "zip", "rar", "nar", "hpi", "JAR"])
def test_refuses_an_archive_that_is_no_zip(extension: str) -> None:
    with pytest.raises(ContentMismatch, match="no ZIP"):
        claims_of(b"not a zip" * 40, Coordinate("org.example", "widget", "1.0", extension))


# POMs


def test_a_pom_names_its_coordinate() -> None:
    assert claims_of(pom(), POM) == (Claim("org.example", "widget", "1.0", "widget-1.0.pom"),)


def test_group_and_version_come_from_the_parent_and_the_artifact_does_not() -> None:
    parent = "<parent><groupId> org.example </groupId><artifactId>above</artifactId><version>7</version></parent>"

    assert names_of(pom(f"{parent}<artifactId>widget</artifactId>")) == ["org.example:widget:7"]
    assert names_of(pom(f"{parent}<artifactId>widget</artifactId><version>1.0</version>")) == ["org.example:widget:1.0"]
    assert names_of(pom(parent)) == []


def test_names_elsewhere_in_the_pom_do_not_count() -> None:
    decoy = "<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>2</version></dependency>"

    assert names_of(pom(f"{decoy}</dependencies>{NAMES_ITSELF}")) == ["org.example:widget:1.0"]


@pytest.mark.parametrize(
    "text",
    [
        f"\n<!-- a comment --><project xmlns='x' a='&nbsp;'><?pi?>{NAMES_ITSELF}</project>\n",
        "<project><groupId><![CDATA[org.example]]></groupId><version>1.&#48;</version><artifactId>widge&#116;</artifactId></project>",
        f"<project>{NAMES_ITSELF}<name>&oslash;&copy;&amp;</name><Xlint:-unchecked/></project>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_reads_what_mavens_own_parser_reads(text: str, encoding: str) -> None:
    declared = "" if encoding.startswith("utf") else f'<?xml version="1.0" encoding="{encoding}"?>'

    assert names_of((declared + text.strip()).encode(encoding)) == ["org.example:widget:1.0"]


def test_an_html_entity_in_a_name_is_resolved() -> None:
    assert names_of(pom(NAMES_ITSELF.replace("1.0", "1&middot;0"))) == ["org.example:widget:1·0"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<name>&nobody;</name>", "entity"),
        ("<name>", "well-formed"),
        ("<a>" * MAX_POM_DEPTH + "</a>" * MAX_POM_DEPTH, "deep"),
        (NAMES_ITSELF + "<version>2.0</version>", "twice"),
        ("<name>\x00</name>", "well-formed"),
    ],
)
def test_refuses_xml_that_cannot_be_read_safely(body: str, problem: str) -> None:
    with pytest.raises(PomInvalid, match=problem):
        claims_of(pom(body), POM)


def test_accepts_elements_nested_to_the_bound() -> None:
    depth = MAX_POM_DEPTH - 1

    assert names_of(pom(NAMES_ITSELF + "<a>" * depth + "</a>" * depth)) == ["org.example:widget:1.0"]


@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE project>",
        '<!DOCTYPE project [<!ENTITY a "1.0">]>',
        '<!DOCTYPE project SYSTEM "https://repo.example/x.dtd">',
        '<!DOCTYPE project [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>',
    ],
)
def test_refuses_a_document_type_declaration(declaration: str) -> None:
    with pytest.raises(PomInvalid, match="document type"):
        claims_of(declaration.encode() + pom(), POM)


@pytest.mark.parametrize("encoding", ["klingon", "utf-7", "shift_jis", "rot13", "idna"])
def test_refuses_an_encoding_that_cannot_be_read(encoding: str) -> None:
    with pytest.raises(PomInvalid):
        claims_of(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + pom(), POM)


def test_refuses_a_pom_over_its_bound_without_reading_it() -> None:
    with pytest.raises(PomInvalid, match="large"):
        read_claims(io.BytesIO(pom()), MAX_POM_BYTES + 1, POM, "here")


def test_refuses_text_after_the_root_and_xml_of_another_kind() -> None:
    with pytest.raises(PomInvalid):
        claims_of(pom() + b"more", POM)
    with pytest.raises(ContentMismatch, match="no POM"):
        claims_of(b"<metadata/>", POM)


@pytest.mark.parametrize("version", ["${revision}", "1.${x}", ""])
def test_a_value_left_open_makes_no_claim(version: str) -> None:
    assert names_of(pom(NAMES_ITSELF.replace("1.0", version))) == []


def test_a_value_left_open_does_not_hide_another_project() -> None:
    claims = claims_of(pom(NAMES_ITSELF.replace("1.0", "${revision}").replace("widget", "gadget")), POM)

    with pytest.raises(ContentMismatch):
        compare(claims, POM)


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet="<>/ab!?&;[]-'\" \x00project", max_size=60) | st.text(max_size=40))
def test_any_text_as_a_pom_is_read_or_refused(text: str) -> None:
    for document in (text.encode(), f"<project>{text}</project>".encode(), f"<project>{text}".encode("utf-16")):
        with contextlib.suppress(ContentMismatch, PomInvalid):
            claims_of(document, POM)


# Gradle module metadata


def test_accepts_module_metadata_and_makes_no_claim() -> None:
    assert claims_of(b'\xef\xbb\xbf{"formatVersion": "1.1"}', MODULE) == ()


@pytest.mark.parametrize("text", [b"[]", b"null", b"{", b"\xff\xfe\xfd", b"[" * 100_000, b"1" * 5_000, b'{"a":1}x'])
def test_refuses_module_metadata_that_is_no_json_object(text: bytes) -> None:
    with pytest.raises(ContentMismatch):
        claims_of(text, MODULE)


def test_refuses_module_metadata_over_its_bound() -> None:
    with pytest.raises(ContentMismatch, match="large"):
        read_claims(io.BytesIO(b"{}"), MAX_MODULE_BYTES + 1, MODULE, "here")


# Archives


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_jar_names_its_coordinate_in_pom_properties(method: int) -> None:
    data = jar({"a.class": "x", PROPERTIES: properties(), POM_XML: "<not-even-read>", "b.class": "y"}, method)

    assert claims_of(data) == (Claim("org.example", "widget", "1.0", PROPERTIES),)


def test_the_pom_inside_counts_where_there_are_no_properties() -> None:
    assert claims_of(jar({POM_XML: pom().decode()})) == (Claim("org.example", "widget", "1.0", POM_XML),)


def test_other_projects_inside_a_shaded_jar_make_no_claim() -> None:
    others = ("org.example/gadget", "com.example/widget", "org.example/widget2", "x/org.example/widget")
    entries = {f"META-INF/maven/{other}/pom.properties": properties("9") for other in others}

    assert claims_of(jar({**entries, f"x/{PROPERTIES}": properties("9"), f"{PROPERTIES}.bak": properties("9")})) == ()


def test_a_classifier_jar_names_its_coordinate_too() -> None:
    sources = Coordinate("org.example", "widget", "2.0", "jar", "sources")

    with pytest.raises(SignatureReplayed):
        compare(claims_of(jar({PROPERTIES: properties("1.0")}), sources), sources)


def test_an_executable_jar_with_a_script_in_front_is_read() -> None:
    plain = jar({PROPERTIES: properties()})

    assert len(claims_of(b"#!/bin/sh\nexec java -jar $0\n" + plain)) == 1


def test_a_jar_with_a_comment_behind_is_read() -> None:
    file = io.BytesIO(jar({PROPERTIES: properties()}))
    with zipfile.ZipFile(file, "a") as made:
        made.comment = b"c" * 0xFFFF

    assert len(claims_of(file.getvalue())) == 1


def test_an_empty_zip_makes_no_claim() -> None:
    assert claims_of(jar({})) == ()


def test_a_zip64_of_more_entries_than_the_old_form_counts_is_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for number in range(0x10000):
            made.writestr(zipfile.ZipInfo(f"{number}"), b"")
        made.writestr(PROPERTIES, properties())

    assert len(claims_of(b"prefix" + file.getvalue())) == 1


def test_sizes_and_offset_in_the_zip64_field_are_read() -> None:
    # The entry's three numbers are moved into a Zip64 extra field, behind a field of another kind.
    text = properties().encode()
    name = PROPERTIES.encode()
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, 0, len(text), len(text), len(name), 0) + name + text
    extra = struct.pack("<2HB", 99, 1, 0) + struct.pack("<2H3Q", 1, 24, len(text), len(text), 0)
    full = 0xFFFFFFFF
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, 0, full, full, len(name), len(extra), 0, 0, 0, 0, full
    )
    directory = entry + name + extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local), 0)

    assert len(claims_of(local + directory + end)) == 1

    for tag, length in ((2, 24), (1, 16)):
        damaged = directory.replace(struct.pack("<2H", 1, 24), struct.pack("<2H", tag, length))
        with pytest.raises(ContentMismatch, match="no ZIP"):
            claims_of(local + damaged + end)


def test_of_two_entries_with_one_name_both_count() -> None:
    file = io.BytesIO(jar({PROPERTIES: properties("1.0")}))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as made:
        made.writestr(PROPERTIES, properties("0.9"))
    claims = claims_of(file.getvalue())

    assert [claim.version for claim in claims] == ["1.0", "0.9"]
    with pytest.raises(SignatureReplayed):
        compare(claims, JAR)


def test_refuses_one_name_given_again_and_again() -> None:
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w") as made:
        for _ in range(archive.MAX_TWINS + 1):
            made.writestr(PROPERTIES, properties())

    with pytest.raises(ContentMismatch) as caught:
        claims_of(file.getvalue())
    assert caught.value.received is not None
    assert "times" in caught.value.received.value


@pytest.mark.parametrize("count", [MAX_PROPERTIES_BYTES - 100, MAX_PROPERTIES_BYTES])
def test_properties_are_unpacked_up_to_their_bound(count: int) -> None:
    data = jar({PROPERTIES: properties() + "#" * count})

    if count < MAX_PROPERTIES_BYTES - 99:
        assert len(claims_of(data)) == 1
    else:
        with pytest.raises(ContentMismatch):
            claims_of(data)


def test_refuses_stored_and_packed_properties_over_the_bound() -> None:
    with pytest.raises(ContentMismatch):
        claims_of(jar({PROPERTIES: "#" * (MAX_PROPERTIES_BYTES + 1)}, zipfile.ZIP_STORED))
    with pytest.raises(ContentMismatch):
        claims_of(jar({PROPERTIES: "#" * (4 * MAX_PROPERTIES_BYTES)}, zipfile.ZIP_STORED))
    with pytest.raises(ContentMismatch):
        claims_of(jar({PROPERTIES: "#" * 50_000_000}))


def test_refuses_a_method_or_an_encryption_that_hides_the_properties() -> None:
    data = jar({PROPERTIES: properties()}, zipfile.ZIP_BZIP2)
    with pytest.raises(ContentMismatch):
        claims_of(data)
    plain = bytearray(jar({PROPERTIES: properties()}))
    plain[plain.rfind(b"PK\1\2") + 8] |= 1
    with pytest.raises(ContentMismatch):
        claims_of(bytes(plain))


def test_refuses_packed_properties_that_end_early() -> None:
    data = bytearray(jar({PROPERTIES: properties()}))
    data[data.rfind(b"PK\1\2") + 20] -= 5

    with pytest.raises(ContentMismatch) as caught:
        claims_of(bytes(data))
    assert caught.value.received is not None
    assert "cut short" in caught.value.received.value


@pytest.mark.parametrize(("offset", "problem"), [(0xFFFFFFFF, "Zip64"), (0xFFFFFFF0, "outside")])
def test_refuses_an_entry_that_lies_nowhere(offset: int, problem: str) -> None:
    data = bytearray(jar({PROPERTIES: properties()}))
    entry = data.rfind(b"PK\1\2")
    data[entry + 42 : entry + 46] = offset.to_bytes(4, "little")
    file = io.BytesIO(bytes(data))

    with pytest.raises(ArchiveBroken, match=problem):
        Archive(file, len(data)).read_all(PROPERTIES, 1000)


@pytest.mark.parametrize("place", ["end", "directory", "local", "data", "offset", "length"])
def test_refuses_a_zip_whose_parts_do_not_fit(place: str) -> None:
    data = bytearray(jar({PROPERTIES: properties()}))
    end, directory = data.rfind(b"PK\5\6"), data.rfind(b"PK\1\2")
    at = {"end": end, "directory": directory, "local": 0, "data": 30 + len(PROPERTIES), "offset": end + 17}
    data[at.get(place, end + 14)] ^= 0xFF

    with pytest.raises(ContentMismatch):
        claims_of(bytes(data))


def test_refuses_a_jar_cut_at_any_place() -> None:
    data = jar({PROPERTIES: properties(), "a": "b"})

    for length in range(1, len(data)):
        with pytest.raises(ContentMismatch):
            claims_of(data[:length])


def test_refuses_a_file_shorter_than_announced() -> None:
    data = jar({PROPERTIES: properties()})

    with pytest.raises(ContentMismatch):
        read_claims(io.BytesIO(data), len(data) + 5, JAR, "here")


def test_refuses_a_directory_over_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jar({PROPERTIES: properties()})
    monkeypatch.setattr(archive, "MAX_DIRECTORY_BYTES", 10)

    with pytest.raises(ContentMismatch):
        claims_of(data)


def test_refuses_a_zip64_locator_without_its_record() -> None:
    data = jar({"a": "b"})
    end = data.rfind(b"PK\5\6")

    with pytest.raises(ContentMismatch):
        claims_of(data[:end] + b"PK\6\7" + bytes(16) + data[end:])


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_change_of_a_jar_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(jar({PROPERTIES: properties(), "a.class": "x" * 50}))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    file = io.BytesIO(bytes(whole[: data.draw(st.integers(0, len(whole)))]))

    with contextlib.suppress(ArchiveBroken):
        Archive(file, len(file.getvalue())).read_all(PROPERTIES, 1000)


# Properties


def test_reads_properties_as_java_writes_them() -> None:
    text = b"#comment=1\r\n! other = 2\r\n a = 1\\:2\rb:x y \nc d\nver\\ sion=\\u0031\na=3\nempty\n\\\n"

    assert parse_properties(text) == {"a": "3", "b": "x y", "c": "d", "ver sion": "1", "empty": ""}


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=80))
def test_any_bytes_are_properties(text: bytes) -> None:
    assert all(isinstance(value, str) for value in parse_properties(text).values())


# Comparing


@pytest.mark.parametrize(
    ("claimed", "served"),
    [
        ("1.0", "1.0"),
        ("1.0-SNAPSHOT", "1.0-20240101.010101-1"),
        ("1.0-20240101.010101-1", "1.0-SNAPSHOT"),
        ("1.0-20240101.010101-1", "1.0-20240101.010101-1"),
        ("1.0-SNAPSHOT", "1.0-SNAPSHOT"),
    ],
)
def test_accepts_the_version_that_it_is_served_as(claimed: str, served: str) -> None:
    compare((Claim("g", "a", claimed, "here"),), Coordinate("g", "a", served))


@pytest.mark.parametrize(
    ("claimed", "served"),
    [
        ("1.0", "1.0.0"),
        ("1.0-SNAPSHOT", "1.0"),
        ("1.0", "1.0-SNAPSHOT"),
        ("1.0-20240101.010101-1", "1.0-20240101.010101-2"),
        ("1.1-SNAPSHOT", "1.0-20240101.010101-1"),
        ("1.0", "1.0-20240101.010101-1"),
    ],
)
def test_refuses_another_version_as_replayed_with_both_sides(claimed: str, served: str) -> None:
    with pytest.raises(SignatureReplayed) as caught:
        compare((Claim("g", "a", claimed, "inside"),), Coordinate("g", "a", served))

    assert caught.value.expected is not None
    assert caught.value.expected.value == f"g:a:{served}"
    assert caught.value.received is not None
    assert (caught.value.received.value, caught.value.received.origin) == (f"g:a:{claimed}", "inside")


@pytest.mark.parametrize("other", [Claim("h", "a", "1", "x"), Claim("g", "b", "1", "x"), Claim("h", "a", "2", "x")])
def test_refuses_another_project_as_content_mismatch(other: Claim) -> None:
    with pytest.raises(ContentMismatch):
        compare((Claim("g", "a", "1", "x"), other), Coordinate("g", "a", "1", "pom"))


@pytest.mark.parametrize(
    "inside",
    [
        "<artifactId>widget</artifactId>",
        "<groupId> org.example\xa0</groupId><artifactId>widget</artifactId><version>1.0</version>",
        "<groupId>org.other</groupId><artifactId>widget</artifactId>",
        "<groupId/><artifactId>widget</artifactId><version></version>",
        "<groupId>${g}</groupId><artifactId>widget</artifactId><version>1.0</version>",
        "<artifactId>gadget</artifactId><version>&oslash;</version>",
        "<build><groupId>org.other</groupId></build><artifactId>widget</artifactId>",
    ],
)
@pytest.mark.parametrize("has_parent", [False, True])
def test_a_pom_that_was_read_already_claims_what_its_document_claims(inside: str, *, has_parent: bool) -> None:
    named = "<groupId>org.example</groupId><artifactId>p</artifactId><version> 1.0 </version>"
    parent = f"<parent>{named}</parent>" if has_parent else ""
    document = f"<project>{parent}{inside}</project>".encode()

    assert pom_claims(parse_pom(document, "here"), POM) == read_claims(io.BytesIO(document), len(document), POM, "here")

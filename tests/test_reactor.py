import pytest
from memory_source import MemorySource

from verifier.coordinate import Coordinate
from verifier.errors import CoordinateInvalid, PomInvalid
from verifier.maven.model import Models
from verifier.maven.pom import Pom, parse_pom
from verifier.maven.profile import Context
from verifier.maven.reactor import (
    Module,
    ReactorSource,
    describe_module,
    in_build_order,
    in_import_order,
    is_parent,
    modules_of,
)
from verifier.maven.versions import Versions

NAMED = "<groupId>t</groupId><artifactId>{0}</artifactId><version>1</version>"


def pom(text: str, origin: str = "/here/pom.xml") -> Pom:
    return parse_pom(f"<project><modelVersion>4.0.0</modelVersion>{text}</project>".encode(), origin)


def module(name: str, more: str = "", *parents: Pom) -> Module:
    return describe_module(f"/{name}/pom.xml", pom(NAMED.format(name) + more, f"/{name}/pom.xml"), parents, Context())


def dependency(name: str, more: str = "", version: str = "1") -> str:
    inner = f"<groupId>t</groupId><artifactId>{name}</artifactId><version>{version}</version>{more}"
    return f"<dependencies><dependency>{inner}</dependency></dependencies>"


def imported(name: str) -> str:
    more = "<type>pom</type><scope>import</scope>"
    return f"<dependencyManagement>{dependency(name, more)}</dependencyManagement>"


def built(*modules: Module) -> list[str]:
    source = MemorySource({})
    models = Models(source, Versions(source), Context())
    return [each.coordinate.artifact for each in in_build_order({each: models.project(each.pom) for each in modules})]


def test_a_module_has_the_coordinate_that_its_parents_and_the_user_complete() -> None:
    parent = pom(
        "<groupId>t</groupId><artifactId>p</artifactId><version>${revision}${suffix}</version>"
        "<properties><revision>1</revision><suffix>-a</suffix></properties>"
        "<profiles><profile><id>x</id><properties><suffix>-b</suffix></properties></profile></profiles>"
    )
    child = pom(
        "<parent><groupId>t</groupId><artifactId>p</artifactId><version>${revision}${suffix}</version></parent>"
        "<artifactId>c</artifactId>"
    )

    def version(context: Context) -> str:
        return describe_module("/c/pom.xml", child, (parent,), context).coordinate.version

    assert version(Context()) == "1-a"
    assert version(Context(properties={"revision": "2"})) == "2-a"
    assert version(Context(profiles=("x",))) == "1-b"


def test_refuses_a_module_whose_version_stays_open() -> None:
    with pytest.raises(CoordinateInvalid, match="leaves an expression open"):
        describe_module("/pom.xml", pom(NAMED.format("a").replace(">1<", ">${nothing}<")), (), Context())


def test_modules_are_those_of_the_pom_and_of_its_active_profiles() -> None:
    both = pom(
        "<modules><module>a</module></modules><profiles><profile><id>x</id>"
        "<modules><module>b</module><module>a</module></modules></profile></profiles>"
    )

    assert modules_of(both, Context()) == ("a",)
    assert modules_of(both, Context(profiles=("x",))) == ("a", "b")


@pytest.mark.parametrize("name", ["", "${x}"])
def test_refuses_a_module_without_a_plain_name(name: str) -> None:
    with pytest.raises(PomInvalid, match="no plain name"):
        modules_of(pom(f"<modules><module>{name}</module></modules>"), Context())


@pytest.mark.parametrize(
    ("named", "answer"),
    [
        ("<groupId>t</groupId><artifactId>p</artifactId><version>1</version>", True),
        ("<groupId>t</groupId><artifactId>p</artifactId><version>[1,2]</version>", True),
        ("<groupId>t</groupId><artifactId>p</artifactId><version>[2,3]</version>", False),
        ("<groupId>t</groupId><artifactId>p</artifactId><version>2</version>", False),
        ("<groupId>u</groupId><artifactId>p</artifactId><version>1</version>", False),
        ("<groupId>t</groupId><artifactId>q</artifactId><version>1</version>", False),
    ],
)
def test_a_pom_is_the_parent_only_if_its_coordinate_is(named: str, answer: bool) -> None:  # noqa: FBT001  (a table)
    child = pom(f"<parent>{named}</parent><artifactId>c</artifactId>")
    assert child.parent is not None

    assert is_parent(pom(NAMED.format("p")), child.parent, "/c/pom.xml") is answer


def test_builds_what_is_needed_first_and_else_keeps_the_order() -> None:
    plugin = "<build><plugins><plugin>{}</plugin></plugins></build>".format(NAMED.format("d"))

    assert built(module("a", dependency("c")), module("b", plugin), module("c"), module("d")) == ["c", "a", "d", "b"]
    assert built(module("a", dependency("b", version="2")), module("b")) == ["a", "b"]


def test_builds_a_parent_before_its_children() -> None:
    parent = module("p", "<packaging>pom</packaging>")
    child = pom(f"<parent>{NAMED.format('p')}</parent><artifactId>c</artifactId>", "/c/pom.xml")
    below = describe_module("/c/pom.xml", child, (parent.pom,), Context())
    source = MemorySource({})
    models = Models(source, Versions(source), Context())

    order = in_build_order({below: models.project(child, (parent.pom,)), parent: models.project(parent.pom)})

    assert order == (parent, below)


def test_refuses_modules_that_need_one_another() -> None:
    with pytest.raises(PomInvalid, match="modules go round in a circle"):
        built(module("a", dependency("b")), module("b", dependency("a")))


def test_what_is_imported_comes_before_what_imports_it() -> None:
    first, second = module("a", imported("b")), module("b")

    assert in_import_order((first, second)) == (second, first)


def test_refuses_modules_that_import_one_another() -> None:
    with pytest.raises(PomInvalid, match="imports of the modules go round"):
        in_import_order((module("a", imported("b")), module("b", imported("a"))))


def test_nobody_outside_is_asked_for_a_module() -> None:
    outside = MemorySource({"t/b/1/b-1.pom": b"<project/>"})
    own = module("a")
    source = ReactorSource(outside, [own])
    other = Coordinate("t", "b", "1", "pom")

    assert source.pom(own.coordinate) is own.pom
    assert source.pom(other) is not None
    source.hint([own.coordinate, other])
    assert [each.metadata.versions for each in source.metadata("t", "a", "")] == [("1",)]
    assert source.metadata("t", "a", "1") == ()
    assert source.metadata("t", "b", "") == ()

    assert outside.asked == ["t/b/1/b-1.pom", "t/b/maven-metadata.xml"]
    assert outside.hinted == [other]

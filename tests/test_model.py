import tracemalloc

import pytest
import resolver_cases
from memory_source import MemorySource

from verifier.coordinate import Coordinate
from verifier.errors import CoordinateInvalid, NotFound, PomInvalid
from verifier.maven import interpolation, model
from verifier.maven.model import MAX_PARENTS, Model
from verifier.maven.pom import Pom, parse_pom, stand_in
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolver
from verifier.maven.source import foresee

HEAD = "<modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>a</artifactId>"


def pom(inside: str, head: str = f"{HEAD}<version>1</version>") -> Pom:
    return parse_pom(f"<project>{head}{inside}</project>".encode(), "pom.xml")


def source(repository: str = "") -> MemorySource:
    return MemorySource(resolver_cases.files(repository))


def effective(repository: str, context: Context | None = None) -> Model:
    found = Resolver(source(repository), context or Context()).models.effective(
        Coordinate("t", "a", "1", "pom"), "the test"
    )
    assert found is not None
    return found


def project(inside: str, context: Context | None = None, repository: str = "", **more: str) -> Model:
    return Resolver(source(repository), context or Context()).models.project(
        pom(inside), basedir=more.get("basedir", "")
    )


def test_a_users_properties_come_before_a_projects_and_after_a_dependencys() -> None:
    context = Context(properties={"v": "9", "w": "8"})

    assert (
        project("<properties><v>1</v></properties><name/>" + _depends("${v}"), context).dependencies[0].version == "9"
    )
    assert effective("a 1 sets v=1\na 1 > k ${v}, j ${w}", context).dependencies[0].version == "1"
    assert effective("a 1 sets v=1\na 1 > k ${v}, j ${w}", context).dependencies[1].version == "8"


def _depends(version: str) -> str:
    return (
        f"<dependencies><dependency><groupId>t</groupId><artifactId>k</artifactId><version>{version}</version>"
        "</dependency></dependencies>"
    )


def test_a_users_profiles_are_switches_of_the_project_alone() -> None:
    inside = f"<profiles><profile><id>p</id>{_depends('1')}</profile></profiles>"
    context = Context(profiles=("p",))

    assert project(inside, context).dependencies
    assert not project(inside).dependencies
    assert not effective(f"a 1 has {inside}", context).dependencies


def test_a_projects_parents_are_those_beside_it_and_then_the_repositorys() -> None:
    head = "<modelVersion>4.0.0</modelVersion><artifactId>a</artifactId>"
    child = pom("<parent><groupId>t</groupId><artifactId>p</artifactId><version>${revision}</version></parent>", head)
    parent = parse_pom(
        b"<project><modelVersion>4.0.0</modelVersion><parent><groupId>t</groupId><artifactId>q</artifactId><version>1"
        b"</version></parent><artifactId>p</artifactId><version>${revision}</version><packaging>pom</packaging>"
        b"<properties><revision>5</revision></properties></project>",
        "../pom.xml",
    )

    found = Resolver(source("q 1 is pom\nq 1 > k 1"), Context()).models.project(child, [parent])

    assert (found.group, found.version) == ("t", "5")
    assert [each.artifact for each in found.dependencies] == ["k"]
    assert found.lineage == (Coordinate("t", "q", "1", "pom"),)


def test_a_project_knows_its_directory() -> None:
    inside = (
        "<dependencies><dependency><groupId>t</groupId><artifactId>k</artifactId><version>1</version><scope>system</scope>"
        "<systemPath>${basedir}/k.jar</systemPath></dependency></dependencies>"
    )

    assert project(inside, basedir="/here").dependencies[0].system_path == "/here/k.jar"
    with pytest.raises(PomInvalid, match="absolute"):
        project(inside)


@pytest.mark.parametrize(
    ("facts", "missing", "has_parents", "has_imports"),
    [
        ("a 1 under p 1", "", True, True),
        ("a 1 under p 1\np 1 under q 1", "q", False, True),
        ("a 1 imports p 1\np 1 imports q 1", "q", True, False),
        ("a 1 imports p 1\np 1 under q 1", "q", True, False),
        ("a 1 under p 1\na 1 imports q ${q}", "p", False, True),
    ],
)
def test_nobody_knows_what_a_pom_depends_on_if_one_above_it_is_missing(
    facts: str,
    missing: str,
    has_parents: bool,  # noqa: FBT001  (a table)
    has_imports: bool,  # noqa: FBT001  (a table)
) -> None:
    given = source(f"p 1 is pom\na 1 > k 1\n{facts}")
    coordinate = Coordinate("t", missing, "1", "pom")
    given.poms = {coordinate: stand_in(coordinate)}

    found = Resolver(given, Context()).models.effective(Coordinate("t", "a", "1", "pom"), "the test")

    assert found is not None
    assert (found.has_parents, found.has_imports) == (has_parents, has_imports)
    assert bool(found.dependencies) is not bool(missing)
    assert (found.group, found.version, found.management) == ("t", "1", ())


def test_plugins_are_merged_from_the_lineage() -> None:
    parent = (
        "p 1 is pom\np 1 sets v=2\np 1 has <build><pluginManagement><plugins><plugin><artifactId>m</artifactId>"
        "<version>${v}</version></plugin></plugins></pluginManagement><plugins><plugin><artifactId>own</artifactId><inherited>false</inherited></plugin>"
        "<plugin><artifactId>x</artifactId><version>1</version><configuration><a>1</a><b>1</b></configuration><executions>"
        "<execution><id>e</id><goals><goal>g1</goal></goals></execution></executions></plugin></plugins></build>"
    )
    inside = (
        "<parent><groupId>t</groupId><artifactId>p</artifactId><version>1</version></parent><build><plugins><plugin>"
        "<artifactId>x</artifactId><configuration><a>2</a></configuration><executions><execution><id>e</id><goals><goal>g2</goal>"
        "</goals></execution><execution><id>f</id></execution></executions></plugin><plugin><artifactId>y</artifactId></plugin>"
        "</plugins></build>"
    )

    found = project(inside, repository=parent)

    x, y = found.plugins
    assert (x.artifact, x.version, y.artifact) == ("x", "1", "y")
    assert x.executions[0].goals == ("g2", "g1")
    assert x.executions[1].id == "f"
    assert x.configuration is not None
    assert [(each.name, each.text) for each in x.configuration.children] == [("a", "2"), ("b", "1")]
    assert found.managed_plugins[0].version == "2"


def test_a_profile_may_bring_plugins_modules_and_a_relocation() -> None:
    inside = (
        "<packaging>pom</packaging><modules><module>one</module></modules><profiles><profile><activation><jdk>17</jdk></activation>"
        "<modules><module>two</module></modules><build><plugins><plugin><artifactId>x</artifactId></plugin></plugins></build>"
        "</profile></profiles>"
    )

    found = project(inside)

    assert found.modules == ("one", "two")
    assert found.plugins[0].artifact == "x"


def test_says_which_pom_asks_for_what_is_not_there() -> None:
    with pytest.raises(NotFound, match="wanted by <parent> of t:a:pom:1"):
        effective("a 1 under p 1")
    with pytest.raises(NotFound, match="wanted by <dependencyManagement> of t:a:pom:1"):
        effective("a 1 imports x 1")


def test_says_which_pom_and_element_hold_what_is_no_coordinate() -> None:
    with pytest.raises(CoordinateInvalid, match="leaves an expression open: <parent> of t:a:pom:1"):
        effective("a 1 under p ${v}")
    with pytest.raises(CoordinateInvalid, match="path: <dependencyManagement> of t:a:pom:1"):
        effective("a 1 imports x ../1")


def test_a_parent_or_import_may_not_be_a_leaf() -> None:
    for fact in ("under p 1", "imports p 1"):
        leaves = MemorySource(resolver_cases.files(f"a 1 {fact}"), leaves=True)
        with pytest.raises(NotFound, match="missing"):
            Resolver(leaves, Context()).models.effective(Coordinate("t", "a", "1", "pom"), "the test")


def test_the_number_of_parents_is_bounded() -> None:
    def chain(length: int) -> str:
        return (
            "a 1 under p0 1\n"
            + "\n".join(f"p{i} 1 is pom\np{i} 1 under p{i + 1} 1" for i in range(length))
            + f"\np{length} 1 is pom"
        )

    assert len(effective(chain(MAX_PARENTS - 1)).lineage) == MAX_PARENTS
    with pytest.raises(PomInvalid, match="too far"):
        effective(chain(MAX_PARENTS))


def test_imports_within_imports_are_bounded() -> None:
    chain = "a 1 imports x0 1\n" + "\n".join(f"x{i} 1 imports x{i + 1} 1" for i in range(60)) + "\nx60 1"

    with pytest.raises(PomInvalid, match="too far"):
        effective(chain)


def test_values_that_grow_and_grow_are_refused() -> None:
    bomb = " ".join(f"v{i}=" + f"${{v{i + 1}}}" * 10 for i in range(9)) + " v9=xxxxxxxxxx"

    with pytest.raises(PomInvalid, match="too large"):
        effective(f"a 1 sets {bomb}")


def test_values_that_go_deeper_and_deeper_are_refused() -> None:
    def chain(length: int) -> str:
        return "a 1 sets " + " ".join(f"v{i}=${{v{i + 1}}}" for i in range(length - 1)) + f" v{length - 1}=1"

    assert effective(chain(interpolation.MAX_NESTING))
    with pytest.raises(PomInvalid, match="on and on"):
        effective(chain(interpolation.MAX_NESTING + 2))


def test_each_pom_is_asked_for_once_and_imports_are_foretold() -> None:
    memory = source("p 1 is pom\np 1 imports x 1\na 1 under p 1\na 1 imports x 1\nb 1 under p 1\nx 1 is pom")
    models = Resolver(memory, Context()).models

    for name in ("a", "b", "a"):
        models.effective(Coordinate("t", name, "1", "pom"), "the test")

    assert len(memory.asked) == len(set(memory.asked)) == 4
    assert Coordinate("t", "x", "1", "pom") in memory.hinted


def test_what_a_pom_will_need_can_be_foreseen() -> None:
    found = foresee(
        pom(
            "<parent><groupId>t</groupId><artifactId>p</artifactId><version>7</version></parent>"
            "<properties><v>2</v></properties><dependencyManagement><dependencies>"
            "<dependency><groupId>t</groupId><artifactId>bom</artifactId><version>${v}</version><type>pom</type><scope>import</scope>"
            "</dependency><dependency><groupId>t</groupId><artifactId>m</artifactId><version>3</version></dependency></dependencies>"
            "</dependencyManagement><dependencies>"
            "<dependency><groupId>${project.groupId}</groupId><artifactId>m</artifactId></dependency>"
            "<dependency><groupId>t</groupId><artifactId>n</artifactId><version>${open}</version></dependency>"
            "<dependency><groupId>t</groupId><artifactId>o</artifactId><version>1</version><scope>test</scope></dependency>"
            "<dependency><groupId>t</groupId><artifactId>q</artifactId><version>1</version><optional>true</optional></dependency>"
            "<dependency><groupId>t</groupId><artifactId>r</artifactId><version>${project.version}</version></dependency>"
            "</dependencies>"
        )
    )

    assert [(each.artifact, each.version) for each in found] == [("p", "7"), ("bom", "2"), ("r", "1")]


@pytest.mark.parametrize(("value", "uses"), [(200_000, 100), (200, 20_000)])
def test_a_pom_whose_guesses_would_fill_the_memory_foresees_nothing(value: int, uses: int) -> None:
    bomb = pom(
        f"<properties><v>{'1' * value}</v></properties><dependencies><dependency><groupId>t</groupId>"
        f"<artifactId>n</artifactId><version>{'${v}' * uses}</version></dependency></dependencies>"
    )
    tracemalloc.start()
    try:
        assert foresee(bomb) == ()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 1024 * 1024


@pytest.mark.parametrize(
    "head", ["<groupId>t</groupId>", "<artifactId>a</artifactId>", "<groupId/><artifactId>a</artifactId>"]
)
def test_a_project_needs_its_names(head: str) -> None:
    with pytest.raises(PomInvalid, match="no name"):
        Resolver(source(), Context()).models.project(pom("<modelVersion>4.0.0</modelVersion>", head))


def test_a_project_needs_a_version() -> None:
    with pytest.raises(PomInvalid, match="no version"):
        Resolver(source(), Context()).models.project(pom("", HEAD))


def test_the_number_of_managed_dependencies_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MAX_MANAGED", 2)
    assert len(effective("a 1 imports x 1\nx 1 manages k 1, j 1").management) == 2

    with pytest.raises(PomInvalid, match="too many"):
        effective("a 1 imports x 1\nx 1 manages k 1, j 1, i 1")

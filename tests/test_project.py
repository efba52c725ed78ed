from collections.abc import Iterator
from pathlib import Path

import pytest
import resolver_cases
from building import Collected, Ground, collect
from servers import Answer

from verifier import workspace
from verifier.errors import ConfigError, CoordinateInvalid, NotFound, PomInvalid
from verifier.maven.profile import Context

BOUND = ("org.apache.maven.plugins:maven-clean-plugin 3.2.0", "org.apache.maven.plugins:maven-install-plugin 3.1.4")
"""What every build runs; `declared` leaves it out."""
REPOSITORY = """
k 1 > j 1
k 2
j 1
p 1 is pom
p 1 sets from=above
x 1 > j 1
"""


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with Ground(tmp_path) as made:
        made.publish(resolver_cases.files(REPOSITORY))
        publish(made, "\n".join(BOUND))
        yield made


def publish(ground: Ground, repository: str) -> None:
    for path, document in resolver_cases.files(repository).items():
        group, _, rest = path.partition("/")
        ground.publish({f"{group.replace('.', '/')}/{rest}": document})


def pom(name: str, more: str = "", version: str = "1", parent: str = "") -> str:
    own = f"<artifactId>{name}</artifactId>" if parent else _named(name, version)
    return f"<project><modelVersion>4.0.0</modelVersion>{parent}{own}{more}</project>"


def _named(name: str, version: str = "1") -> str:
    return f"<groupId>t</groupId><artifactId>{name}</artifactId><version>{version}</version>"


def under(name: str, version: str = "1", more: str = "") -> str:
    return f"<parent>{_named(name, version)}{more}</parent>"


def needs(*names: str, more: str = "") -> str:
    found = (name.partition(":") for name in names)
    inner = "".join(f"<dependency>{_named(name, version or '1')}{more}</dependency>" for name, _, version in found)
    return f"<dependencies>{inner}</dependencies>"


def modules(*names: str) -> str:
    return f"<packaging>pom</packaging><modules>{''.join(f'<module>{name}</module>' for name in names)}</modules>"


def imports(name: str, version: str = "1") -> str:
    found = needs(f"{name}:{version}", more="<type>pom</type><scope>import</scope>")
    return f"<dependencyManagement>{found}</dependencyManagement>"


def resolve(
    ground: Ground, files: dict[str, str], context: Context | None = None, *, plugins: bool = False
) -> Collected:
    return collect(ground.policy, ground.cache, ground.write(files), context, plugins=plugins, fetch=False)


def declared(found: Collected) -> list[str]:
    return [each for each in found.plugins if each.replace(":jar:", " ") not in BOUND]


def cause(found: Collected) -> object:
    assert found.found.resolution.resolved is None
    return found.found.resolution.cause


def test_a_project_has_the_dependencies_of_its_own_pom(ground: Ground) -> None:
    found = resolve(ground, {"pom.xml": pom("a", needs("k"))})

    assert found.listed == ["t:k:jar:1", "t:j:jar:1"]
    assert found.plugins == []
    assert [outcome.name for outcome in found.outcomes] == ["t:k:pom:1", "t:j:pom:1"]


def test_dependencies_of_other_scopes_than_asked_for_are_not_listed(ground: Ground) -> None:
    path = ground.write({"pom.xml": pom("a", needs("k", more="<scope>test</scope>"))})

    found = collect(ground.policy, ground.cache, path, plugins=False, scopes=frozenset({"compile"}), fetch=False)

    assert found.listed == []


def test_a_parent_is_where_the_child_says_if_it_is_the_parent_and_else_in_the_repositories(ground: Ground) -> None:
    child = pom("a", needs("${from}"), parent=under("p"))
    elsewhere = pom("a", needs("${from}"), parent=under("p", more="<relativePath>up</relativePath>"))
    local = "<packaging>pom</packaging><properties><from>k</from></properties>"

    assert resolve(ground, {"pom.xml": elsewhere, "up/pom.xml": pom("p", local)}).listed == ["t:k:jar:1", "t:j:jar:1"]
    assert isinstance(cause(resolve(ground, {"pom.xml": child, "../pom.xml": pom("q", local)})), NotFound)
    assert "t/p/1/p-1.pom" in ground.asked()


def test_modules_are_built_in_order_and_nobody_is_asked_for_them(ground: Ground) -> None:
    found = resolve(
        ground,
        {
            "pom.xml": pom("parent", modules("app", "lib")),
            "app/pom.xml": pom("app", needs("lib", "j"), parent=under("parent")),
            "lib/pom.xml": pom("lib", needs("k"), parent=under("parent")),
        },
    )

    assert found.listed == ["t:k:jar:1", "t:j:jar:1", "t:lib:jar:1", "t:k:jar:1", "t:j:jar:1"]
    assert [each.system_path for each in found.found.resolution.resolved or ()][2] == str(ground.project / "lib")
    assert not any("lib" in path or "parent" in path for path in ground.asked())


def test_the_version_of_all_modules_may_be_given_by_the_user(ground: Ground) -> None:
    files = {
        "pom.xml": pom(
            "parent", "<properties><revision>1</revision></properties>" + modules("lib", "app"), "${revision}"
        ),
        "app/pom.xml": pom("app", needs("lib:${revision}"), parent=under("parent", "${revision}")),
        "lib/pom.xml": pom("lib", parent=under("parent", "${revision}")),
    }

    assert resolve(ground, files).listed == ["t:lib:jar:1"]
    assert resolve(ground, files, Context(properties={"revision": "7"})).listed == ["t:lib:jar:7"]


def test_a_snapshot_of_ones_own_is_asked_of_nobody(ground: Ground) -> None:
    version = "1-SNAPSHOT"
    found = resolve(
        ground,
        {
            "pom.xml": pom("parent", imports("bom", version) + modules("lib", "app", "bom"), version),
            "app/pom.xml": pom("app", needs("lib:[1-SNAPSHOT,2)", "lib2:1-SNAPSHOT"), parent=under("parent", version)),
            "lib/pom.xml": pom("lib", modules("../lib2"), parent=under("parent", version)),
            "lib2/pom.xml": pom("lib2", parent=under("parent", version)),
            "bom/pom.xml": pom("bom", "<packaging>pom</packaging>", version),
        },
    )

    assert found.listed == ["t:lib:jar:1-SNAPSHOT", "t:lib2:jar:1-SNAPSHOT"]
    assert ground.asked() == set()


def test_a_module_may_be_the_bom_of_the_others_and_of_their_parent(ground: Ground) -> None:
    managed = f"<dependencyManagement>{needs('k:2')}</dependencyManagement><packaging>pom</packaging>"
    found = resolve(
        ground,
        {
            "pom.xml": pom("parent", imports("bom") + modules("app", "bom")),
            "app/pom.xml": pom("app", needs("k").replace("<version>1</version>", ""), parent=under("parent")),
            "bom/pom.xml": pom("bom", managed),
        },
    )

    assert found.listed == ["t:k:jar:2"]


def test_profiles_that_the_user_names_bring_modules_and_dependencies(ground: Ground) -> None:
    profile = "<profiles><profile><id>x</id>{}<modules><module>more</module></modules></profile></profiles>"
    files = {
        "pom.xml": pom("a", "<packaging>pom</packaging>" + profile.format(needs("j"))),
        "more/pom.xml": pom("b", needs("k")),
    }

    assert resolve(ground, files).listed == []
    assert resolve(ground, files, Context(profiles=("x",))).listed == ["t:j:jar:1", "t:k:jar:1", "t:j:jar:1"]


def test_the_options_that_a_project_gives_every_maven_count_below_the_users_own(ground: Ground) -> None:
    profile = f"<profiles><profile><id>x</id>{needs('j')}</profile></profiles>"
    files = {
        ".mvn/maven.config": "-Dk.version=2\n-Px\n-T\n4\n",
        ".mvn/jvm.config": "-Xmx1g -Dfile.encoding=UTF-8",
        "pom.xml": pom("a", modules("b") + profile),
        "b/pom.xml": pom("b", needs("k:${k.version}"), parent=under("a")),
    }

    found = resolve(ground, files)
    below = collect(ground.policy, ground.cache, ground.project / "b" / "pom.xml", plugins=False, fetch=False)
    given = resolve(ground, files, Context(properties={"k.version": "1"}))

    assert (found.listed, below.listed) == (["t:j:jar:1", "t:k:jar:2", "t:j:jar:1"], ["t:k:jar:2", "t:j:jar:1"])
    assert given.listed == ["t:j:jar:1", "t:k:jar:1", "t:j:jar:1"]
    assert found.found.folder.config is not None
    assert found.found.folder.config.left_aside == ("-T",)
    assert found.found.folder.jvm_properties == ("file.encoding",)


def test_how_the_options_are_written_hangs_on_the_maven_that_builds(ground: Ground) -> None:
    path = ground.write({".mvn/maven.config": "-Dv=2 -Dw=1", "pom.xml": pom("a", needs("k:${v}"))})

    old = collect(ground.policy, ground.cache, path, plugins=False, maven_version="3.8", fetch=False)
    new = collect(ground.policy, ground.cache, path, plugins=False, maven_version="3.9", fetch=False)

    assert old.listed == ["t:k:jar:2"]
    assert isinstance(cause(new), CoordinateInvalid | NotFound)


def test_options_that_maven_stops_at_are_a_mistake_in_our_own_files(ground: Ground) -> None:
    with pytest.raises(ConfigError, match=r"maven\.config:2: 'compile' is no option"):
        resolve(ground, {".mvn/maven.config": "-Da=1\ncompile\n", "pom.xml": pom("a")})


def test_a_module_may_be_named_by_its_file(ground: Ground) -> None:
    found = resolve(ground, {"pom.xml": pom("a", modules("b/other.xml")), "b/other.xml": pom("b", needs("j"))})

    assert found.listed == ["t:j:jar:1"]


def test_repositories_of_the_project_are_listed_and_not_used(ground: Ground) -> None:
    named = "<repositories><repository><id>x</id><url>https://repo.example/other</url></repository></repositories>"

    found = resolve(ground, {"pom.xml": pom("a", named + needs("j"))})

    assert found.found.repositories == ("https://repo.example/other",)
    assert found.listed == ["t:j:jar:1"]


def test_refuses_modules_that_name_one_another(ground: Ground) -> None:
    found = resolve(ground, {"pom.xml": pom("a", modules("b")), "b/pom.xml": pom("b", modules(".."))})

    assert isinstance(cause(found), PomInvalid)


def test_refuses_more_modules_and_larger_poms_than_an_honest_project_has(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "MAX_MODULES", 1)
    found = resolve(ground, {"pom.xml": pom("a", modules("b")), "b/pom.xml": pom("b")})
    assert isinstance(cause(found), PomInvalid)

    monkeypatch.setattr(workspace, "MAX_XML_BYTES", 10)
    with pytest.raises(ConfigError, match="is over 10 bytes"):
        resolve(ground, {"pom.xml": pom("a")})


def test_refuses_two_modules_of_one_name(ground: Ground) -> None:
    found = resolve(ground, {"pom.xml": pom("a", modules("b", "c")), "b/pom.xml": pom("b"), "c/pom.xml": pom("b")})

    assert isinstance(cause(found), PomInvalid)


def test_refuses_parents_that_go_round(ground: Ground) -> None:
    found = resolve(
        ground,
        {
            "pom.xml": pom("a", parent=under("b", more="<relativePath>b</relativePath>")),
            "b/pom.xml": pom("b", parent=under("a")),
        },
    )

    assert isinstance(cause(found), PomInvalid)
    assert ground.asked() == set()


def test_refuses_a_pom_of_the_project_that_holds_a_document_type(ground: Ground) -> None:
    found = resolve(ground, {"pom.xml": "<!DOCTYPE x>" + pom("a")})

    assert isinstance(cause(found), PomInvalid)


def test_a_module_that_is_not_there_is_a_mistake_in_our_own_files(ground: Ground) -> None:
    with pytest.raises(ConfigError, match=r"lib.* is not a file"):
        resolve(ground, {"pom.xml": pom("a", modules("lib"))})
    with pytest.raises(ConfigError, match="cannot be a path"):
        resolve(ground, {"pom.xml": pom("a", modules("x" * 300))})


def test_a_file_to_blame_is_named_rather_than_what_follows_from_it(ground: Ground) -> None:
    ground.publish({"t/q/1/q-1.pom": pom("other").encode()})

    found = resolve(ground, {"pom.xml": pom("a", parent=under("q"))})

    assert [outcome.name for outcome in found.outcomes if outcome.cause] == ["t:q:pom:1"]


def test_every_import_that_may_not_be_used_is_named_at_once_and_every_module_is_looked_at(ground: Ground) -> None:
    imported = "".join(imports(each)[len("<dependencyManagement>") : -len("</dependencyManagement>")] for each in "uvw")
    imported = imported.replace("</dependencies><dependencies>", "")
    publish(ground, "u 1 is pom\nv 1 is pom\nv 1 imports lost 1")
    parent = modules("b", "c") + f"<dependencyManagement>{imported}</dependencyManagement>"
    found = resolve(
        ground,
        {
            "pom.xml": pom("a", parent),
            "b/pom.xml": pom("b", needs("nowhere").replace("<version>1</version>", ""), parent=under("a")),
            "c/pom.xml": pom("c", needs("x", "gone", "missing")),
        },
    )

    assert found.found.resolution.resolved is None
    assert [outcome.name for outcome in found.outcomes if outcome.cause] == [
        "t:lost:pom:1", "t:w:pom:1", "t:gone:pom:1", "t:missing:pom:1",
    ]  # fmt: skip
    assert [each.coordinate.artifact for each in found.found.resolution.explored] == ["x", "j", "gone", "missing"]


def test_below_a_parent_that_may_not_be_used_nothing_is_blamed_that_it_may_have_settled(ground: Ground) -> None:
    run = "<executions><execution><phase>test</phase><goals><goal>go</goal></goals></execution></executions>"
    plugin = f"<build><plugins><plugin>{_named('nowhere')}{run}</plugin></plugins></build>"
    body = imports("bom", "${settled}") + needs("k:${settled}") + plugin
    files = {"pom.xml": pom("a", modules("b") + body, parent=under("q")), "b/pom.xml": pom("b", needs("lost"))}

    found = resolve(ground, files, plugins=True)

    plugins = "org.apache.maven.plugins:maven-"
    assert [each.name for each in found.outcomes if each.cause and not each.name.startswith(plugins)] == [
        "t:q:pom:1",
        "t:lost:pom:1",
    ]


def test_trouble_with_the_network_ends_a_project(ground: Ground) -> None:
    ground.server.files["/t/k/1/k-1.pom"] = Answer(b"", 500)
    files = {"pom.xml": pom("a", modules("b", "c") + needs("k"), parent=""), "b/pom.xml": pom("b", needs("gone"))}

    found = resolve(ground, {**files, "c/pom.xml": pom("c", needs("x"))}, plugins=True)

    assert [outcome.name for outcome in found.outcomes if outcome.cause] == ["t:k:pom:1"]
    assert found.plugins == []


def test_plugins_extensions_and_what_comes_before_them_are_resolved_once(ground: Ground) -> None:
    run = "<executions><execution><phase>test</phase><goals><goal>go</goal></goals></execution></executions>"
    plugin = f"<plugin>{_named('x')}{run}</plugin>"
    extension = f"<extensions><extension>{_named('k')}</extension></extensions>"
    found = resolve(
        ground,
        {
            ".mvn/extensions.xml": f"<extensions><extension>{_named('j')}</extension></extensions>",
            "pom.xml": pom("a", modules("b") + f"<build>{extension}<plugins>{plugin}</plugins></build>"),
            "b/pom.xml": pom("b", "<packaging>pom</packaging>", parent=under("a")),
        },
        plugins=True,
    )

    assert declared(found) == ["t:j:jar:1", "t:x:jar:1", "t:k:jar:1"]
    assert found.listed == []


def test_what_a_plugin_fetches_while_it_runs_is_among_its_files(ground: Ground) -> None:
    tools = "org.apache.maven.plugins", "org.apache.maven.surefire"
    lines = [f"{tools[0]}:maven-{each} 1" for each in ("surefire-plugin", "compiler-plugin", "jar-plugin")]
    lines += [f"{tools[0]}:maven-resources-plugin 1", f"{tools[1]}:surefire-junit4 1 > junit:junit 4", "junit:junit 4"]
    publish(ground, "\n".join(lines))
    managed = "".join(
        f"<plugin><artifactId>maven-{each}-plugin</artifactId><version>1</version></plugin>"
        for each in ("surefire", "compiler", "jar", "resources")
    )
    build = f"<build><pluginManagement><plugins>{managed}</plugins></pluginManagement></build>"
    junit = needs("junit:4").replace("<groupId>t<", "<groupId>junit<")

    found = resolve(ground, {"pom.xml": pom("a", build + junit)}, plugins=True)

    assert declared(found) == [
        "org.apache.maven.plugins:maven-resources-plugin:jar:1",
        "org.apache.maven.plugins:maven-compiler-plugin:jar:1",
        "org.apache.maven.plugins:maven-surefire-plugin:jar:1",
        "org.apache.maven.surefire:surefire-junit4:jar:1",
        "junit:junit:jar:4",
        "org.apache.maven.plugins:maven-jar-plugin:jar:1",
    ]


def test_a_plugin_without_a_version_is_looked_at_even_if_it_is_never_run(ground: Ground) -> None:
    ground.publish(resolver_cases.files("x metadata <release>1</release>"))
    plugin = "<plugin><groupId>t</groupId><artifactId>x</artifactId></plugin>"

    found = resolve(
        ground,
        {"pom.xml": pom("a", f"<packaging>pom</packaging><build><plugins>{plugin}</plugins></build>")},
        plugins=True,
    )

    assert declared(found) == ["t:x:jar:1"]
    assert [each.name for each in found.outcomes if each.name[:2] == "t:"] == ["t:x/maven-metadata.xml", "t:x:pom:1"]


def test_a_plugin_that_cannot_be_had_spoils_the_whole_and_is_named(ground: Ground) -> None:
    run = "<executions><execution><phase>test</phase><goals><goal>go</goal></goals></execution></executions>"
    build = f"<packaging>pom</packaging><build><plugins><plugin>{_named('nowhere')}{run}</plugin></plugins></build>"

    found = resolve(ground, {"pom.xml": pom("a", build + needs("j"))}, plugins=True)

    assert isinstance(cause(found), NotFound)
    assert [outcome.name for outcome in found.outcomes if outcome.cause] == ["t:nowhere:pom:1"]
    assert [each.coordinate.artifact for each in found.found.resolution.explored] == ["j"]


def test_a_module_that_cannot_be_resolved_spoils_the_whole_and_plugins_are_still_looked_at(ground: Ground) -> None:
    run = "<executions><execution><phase>test</phase><goals><goal>go</goal></goals></execution></executions>"
    build = f"<packaging>pom</packaging><build><plugins><plugin>{_named('x')}{run}</plugin></plugins></build>"

    found = resolve(ground, {"pom.xml": pom("a", build + needs("k:[7,8]"))}, plugins=True)

    assert isinstance(cause(found), NotFound)
    assert declared(found) == ["t:x:jar:1", "t:j:jar:1"]


def test_refuses_a_maven_that_is_not_known(ground: Ground) -> None:
    with pytest.raises(ConfigError, match="is not known here"):
        collect(ground.policy, ground.cache, ground.write({"pom.xml": pom("a")}), maven_version="2.0")

import pytest
from memory_source import MemorySource

from verifier.coordinate import Coordinate
from verifier.maven.model import Model, Models
from verifier.maven.pom import parse_pom
from verifier.maven.profile import Context
from verifier.maven.resolver import Resolved
from verifier.maven.running import Work, errands
from verifier.maven.versions import Versions

PLATFORM, JUPITER = "org.junit.platform:junit-platform-", "org.junit.jupiter:junit-jupiter-"


def project(plugin: str, more: str = "") -> Model:
    text = (
        "<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>a</artifactId>"
        f"<version>1</version>{more}<build><plugins><plugin>{plugin}</plugin></plugins></build></project>"
    )
    source = MemorySource({})
    return Models(source, Versions(source), Context()).project(parse_pom(text.encode(), "pom.xml"))


def fetched(
    artifact: str, *class_path: str, inner: str = "", more: str = "", version: str = "3.5.4"
) -> list[list[str]]:
    model = project(f"<artifactId>{artifact}</artifactId>{inner}", more)
    found = [Coordinate(*name.split(":")) for name in class_path]
    paths = [Resolved(each, each, "test", optional=False, depth=1, parent=None) for each in found]
    work = Work(model.plugins[0], version, model, Context(), paths)
    return [[f"{demand.artifact}:{demand.version}" for demand in errand] for errand in errands(work)]


@pytest.mark.parametrize("plugin", ["maven-surefire-plugin", "maven-failsafe-plugin"])
@pytest.mark.parametrize(
    ("class_path", "provider"),
    [
        ("junit:junit:3.8.2", "surefire-junit3"),
        ("junit:junit:4.0", "surefire-junit4"),
        ("junit:junit-dep:4.11", "surefire-junit4"),
        ("org.testng:testng:7.10.2", "surefire-testng"),
    ],
)
def test_the_provider_is_that_of_the_framework_on_the_class_path(plugin: str, class_path: str, provider: str) -> None:
    assert fetched(plugin, class_path) == [[f"{provider}:3.5.4"]]


def test_without_a_framework_there_is_nothing_to_fetch() -> None:
    assert fetched("maven-surefire-plugin", "org.example:widget:1") == []
    assert fetched("maven-jar-plugin", "junit:junit:4.13.2") == []


def test_groups_or_parallel_runs_need_the_other_junit_4_provider() -> None:
    junit = "junit:junit:4.13.2"
    inner = "<configuration><parallel>methods</parallel></configuration>"
    more = "<properties><groups>fast</groups></properties>"

    assert fetched("maven-surefire-plugin", junit, inner=inner) == [["surefire-junit47:3.5.4"]]
    assert fetched("maven-surefire-plugin", junit, more=more) == [["surefire-junit47:3.5.4"]]
    assert fetched("maven-surefire-plugin", junit, inner=inner.replace("methods", "")) == [["surefire-junit4:3.5.4"]]


def test_junits_platform_takes_along_what_fits_its_version() -> None:
    api_alone = [f"{PLATFORM}commons:1.11.3", f"{JUPITER}api:5.11.3"]
    whole = [*api_alone, f"{PLATFORM}engine:1.11.3", f"{JUPITER}engine:5.11.3"]

    assert fetched("maven-surefire-plugin", *api_alone) == [
        ["surefire-junit-platform:3.5.4"],
        ["junit-platform-launcher:1.11.3"],
        ["junit-platform-engine:1.11.3"],
        ["junit-jupiter-engine:5.11.3"],
    ]
    assert fetched("maven-surefire-plugin", *whole, "junit:junit:4.13.2") == [
        ["surefire-junit-platform:3.5.4"],
        ["junit-platform-launcher:1.11.3"],
    ]
    assert fetched("maven-surefire-plugin", *whole, f"{PLATFORM}launcher:1.11.3") == [["surefire-junit-platform:3.5.4"]]


def test_before_surefire_3_junit_4_may_run_beside_the_platform() -> None:
    both = [f"{PLATFORM}commons:1.9.3", f"{PLATFORM}engine:1.9.3", "junit:junit:4.13.2"]

    assert fetched("maven-surefire-plugin", *both, version="2.22.2") == [
        ["surefire-junit-platform:2.22.2"],
        ["junit-platform-launcher:1.9.3"],
        ["surefire-junit4:2.22.2"],
    ]


def test_annotation_processors_are_those_that_the_compiler_is_given() -> None:
    path = "<path><groupId>t</groupId><artifactId>{}</artifactId>{}</path>"
    excluded = "<exclusions><exclusion><groupId>t</groupId><artifactId>x</artifactId></exclusion></exclusions>"
    paths = path.format("p", "<version>${p.version}</version>" + excluded) + path.format("q", "")
    inner = f"<configuration><annotationProcessorPaths>{paths}</annotationProcessorPaths></configuration>"
    managed = "<dependency><groupId>t</groupId><artifactId>q</artifactId><version>3</version></dependency>"
    more = (
        "<properties><p.version>2</p.version></properties>"
        f"<dependencyManagement><dependencies>{managed}</dependencies></dependencyManagement>"
    )

    assert fetched("maven-compiler-plugin", inner=inner, more=more) == [["p:2", "q:3"]]
    assert fetched("maven-compiler-plugin") == []
    assert fetched("maven-compiler-plugin", inner="<configuration><release>17</release></configuration>") == []


def test_resource_bundles_are_those_that_the_plugin_is_given() -> None:
    bundles = "".join(
        f"<resourceBundle>{text}</resourceBundle>" for text in ("t:b:${v}", "t:c:2:zip:x", "no-name", "a:b:c:d:e:f")
    )
    inner = f"<configuration><resourceBundles>{bundles}</resourceBundles></configuration>"
    model = project(
        f"<artifactId>maven-remote-resources-plugin</artifactId>{inner}", "<properties><v>1</v></properties>"
    )

    found = errands(Work(model.plugins[0], "3", model, Context(), ()))

    assert [str(demand) for (demand,) in found] == ["t:b:jar:1", "t:c:zip:x:2"]
    assert fetched("maven-remote-resources-plugin", inner="<configuration><x/></configuration>") == []

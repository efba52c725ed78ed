"""Which elements Maven's model of a POM knows, and that each of them stands once.

What the elements mean is read in `pom`.
"""

from collections.abc import Mapping

from verifier.errors import Fact, PomInvalid
from verifier.maven.xml import Element


def check_shape(element: Element, kind: str, origin: str) -> None:
    """Refuse what Maven's reader refuses: a known element that stands twice, a plain value that holds elements.

    Maven then goes on without the POM's dependencies; here nothing is lost in silence.

    Shape: `kind` is the class of Maven's model that the element stands for, such as `project`.

    Raises: `PomInvalid` naming the element.

    Source: https://maven.apache.org/xsd/maven-4.0.0.xsd; maven-model 3.8.7, MavenXpp3Reader.
    """
    known = KINDS[kind]
    seen = set()
    for child in element.children:
        shape = known.get(child.name)
        if shape is None:
            continue
        if child.name in seen:
            raise _invalid(
                "the POM holds an element twice", Fact(f"one <{child.name}> in <{element.name}>"), Fact("two", origin)
            )
        seen.add(child.name)
        _check_child(child, shape, origin)


def _check_child(child: Element, shape: str, origin: str) -> None:
    if shape in {"text", "texts"}:
        inner = (
            child.children if shape == "text" else tuple(below for item in child.children for below in item.children)
        )
        if inner:
            raise _invalid(
                "the POM holds elements where a plain value belongs",
                Fact(f"text in <{child.name}>"),
                Fact(f"<{inner[0].name}>", origin),
            )
    elif shape in KINDS:
        check_shape(child, shape, origin)
    elif shape != "free":
        item, kind = shape.split()
        for element in child.children:
            if element.name == item:
                check_shape(element, kind, origin)


def _kind(texts: str, **others: str) -> Mapping[str, str]:
    return dict.fromkeys(texts.split(), "text") | others


_SECTION = {
    "properties": "texts",
    "dependencies": "dependency dependency",
    "dependencyManagement": "dependencyManagement",
    "modules": "texts",
    "repositories": "repository repository",
    "pluginRepositories": "pluginRepository repository",
    "distributionManagement": "distributionManagement",
    "reporting": "reporting",
    "reports": "free",
    "build": "build",
}
KINDS: Mapping[str, Mapping[str, str]] = {
    "project": _kind(
        "modelVersion groupId artifactId version packaging name description url inceptionYear",
        parent="parent",
        organization="organization",
        licenses="license license",
        developers="developer person",
        contributors="contributor person",
        mailingLists="mailingList mailingList",
        prerequisites="prerequisites",
        scm="scm",
        issueManagement="issueManagement",
        ciManagement="ciManagement",
        profiles="profile profile",
        **_SECTION,
    ),
    "profile": _kind("id", activation="activation", **_SECTION),
    "parent": _kind("groupId artifactId version relativePath"),
    "organization": _kind("name url"),
    "license": _kind("name url distribution comments"),
    "person": _kind("id name email url organization organizationUrl timezone", roles="texts", properties="texts"),
    "mailingList": _kind("name subscribe unsubscribe post archive", otherArchives="texts"),
    "prerequisites": _kind("maven"),
    "scm": _kind("connection developerConnection tag url"),
    "issueManagement": _kind("system url"),
    "ciManagement": _kind("system url", notifiers="notifier notifier"),
    "notifier": _kind("type sendOnError sendOnFailure sendOnSuccess sendOnWarning address", configuration="texts"),
    "dependencyManagement": {"dependencies": "dependency dependency"},
    "dependency": _kind(
        "groupId artifactId version type classifier scope systemPath optional", exclusions="exclusion exclusion"
    ),
    "exclusion": _kind("groupId artifactId"),
    "repository": _kind("id name url layout", releases="policy", snapshots="policy"),
    "policy": _kind("enabled updatePolicy checksumPolicy"),
    "distributionManagement": _kind(
        "downloadUrl status", repository="target", snapshotRepository="target", site="site", relocation="relocation"
    ),
    "target": _kind("uniqueVersion id name url layout", releases="policy", snapshots="policy"),
    "site": _kind("id name url"),
    "relocation": _kind("groupId artifactId version message"),
    "activation": _kind("activeByDefault jdk", os="os", property="property", file="file"),
    "os": _kind("name family arch version"),
    "property": _kind("name value"),
    "file": _kind("exists missing"),
    "build": _kind(
        "sourceDirectory scriptSourceDirectory testSourceDirectory outputDirectory testOutputDirectory defaultGoal "
        "directory finalName",
        extensions="extension extension",
        resources="resource resource",
        testResources="testResource resource",
        filters="texts",
        pluginManagement="pluginManagement",
        plugins="plugin plugin",
    ),
    "extension": _kind("groupId artifactId version"),
    "resource": _kind("targetPath filtering directory", includes="texts", excludes="texts"),
    "pluginManagement": {"plugins": "plugin plugin"},
    "plugin": _kind(
        "groupId artifactId version extensions inherited",
        executions="execution execution",
        dependencies="dependency dependency",
        goals="free",
        configuration="free",
    ),
    "execution": _kind("id phase inherited", goals="texts", configuration="free"),
    "reporting": _kind("excludeDefaults outputDirectory", plugins="plugin reportPlugin"),
    "reportPlugin": _kind(
        "groupId artifactId version inherited", reportSets="reportSet reportSet", configuration="free"
    ),
    "reportSet": _kind("id inherited", reports="texts", configuration="free"),
}


def _invalid(reason: str, expected: Fact, received: Fact) -> PomInvalid:
    return PomInvalid(reason, expected=expected, received=received)

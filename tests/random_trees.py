"""Small random repositories of POMs, full of what decides a graph: the same ones for the same seed."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SCOPES = ["compile"] * 6 + ["runtime"] * 3 + ["provided", "test", "odd"]
TYPES = ["test-jar", "pom", "war", "zip", "ejb-client", "bundle"]
VERSIONS = ["1", "1.5", "2", "2.0-rc1", "3"]
RANGES = ["[1,2]", "[1,2)", "(1,3]", "[1,)", "[1.5,)", "(,2]", "[2,3)", "[1,1.5],[2,3]"]


@dataclass(frozen=True, slots=True)
class Tree:
    """A repository, its group, and the artifact to ask for."""

    group: str
    files: Mapping[str, bytes]

    @property
    def questions(self) -> list[tuple[str, str]]:
        return [(mode, f"{self.group}:a:1") for mode in ("dependency", "root", "project")]

    @property
    def poms(self) -> list[str]:
        paths = [path.split("/") for path in self.files if path.endswith(".pom")]
        return [":".join(path[:3]) for path in paths]


def grow(seed: int, *, is_wild: bool = False) -> Tree:
    """Make the tree of a seed; a wild one is full of circles and relocations, where the order of decisions shows."""
    gardener = _Gardener(seed)
    if is_wild:
        gardener.has_circles = gardener.has_relocations = True
        gardener.has_ranges = False
    return gardener.tree()


class _Gardener:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  (trees for tests, the same ones every time)
        self.group = f"g{seed}"
        self.names = list("abcdefghijkl")[: self.dice.choice([5, 6, 7, 8, 8, 10, 12])]
        self.versions = {
            name: sorted(self.dice.sample(VERSIONS, self.dice.choice([1, 2, 2, 3]))) for name in self.names
        }
        self.versions["a"] = ["1"]
        # What makes whole trees odd is in few of them, so that it does not hide everything else.
        self.has_circles = self.chance(0.25)
        self.has_ranges = self.chance(0.3)
        self.has_relocations = self.chance(0.3)
        self.has_types = self.chance(0.25)
        self.has_parents = self.chance(0.5)
        self.has_boms = self.chance(0.4)
        self.has_properties = self.chance(0.4)
        self.files: dict[str, bytes] = {}

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def tree(self) -> Tree:
        for name in self.names:
            for version in self.versions[name]:
                self.add(name, version, self.pom(name, version))
            listed = "".join(
                f"<version>{each}</version>" for each in self.dice.sample(self.versions[name], len(self.versions[name]))
            )
            path = f"{self.group}/{name}/maven-metadata.xml"
            self.files[path] = (
                f"<metadata><groupId>{self.group}</groupId><artifactId>{name}</artifactId><versioning>"
                f"<latest>{self.versions[name][-1]}</latest><release>{self.versions[name][0]}</release>"
                f"<versions>{listed}</versions><lastUpdated>20240101000000</lastUpdated></versioning></metadata>"
            ).encode()
        for number in range(3):
            inner = self.parent(f"parent{number + 1}") if self.has_parents and number < 1 and self.chance(0.5) else ""
            managed = self.management(with_imports=self.has_boms and number == 0)
            text = f"<packaging>pom</packaging>{inner}{self.properties()}{managed}"
            text += self.dependencies("z", 1) if self.chance(0.3) else ""
            self.add(f"parent{number}", "1", text + self.profile())
            self.add(f"bom{number}", "1", f"<packaging>pom</packaging>{self.properties()}{self.management()}")
            self.add(f"bom{number}", "2", f"<packaging>pom</packaging>{self.management()}")
        return Tree(self.group, self.files)

    def add(self, name: str, version: str, inside: str) -> None:
        text = (
            f"<project><modelVersion>4.0.0</modelVersion><groupId>{self.group}</groupId><artifactId>{name}</artifactId>"
        )
        text += f"<version>{version}</version>{inside}</project>"
        self.files[f"{self.group}/{name}/{version}/{name}-{version}.pom"] = text.encode()

    def pom(self, name: str, version: str) -> str:
        if self.has_relocations and name != "a" and self.chance(0.12):
            return self.relocation(name)
        parent = self.parent(f"parent{self.dice.randrange(3)}") if self.has_parents and self.chance(0.4) else ""
        text = parent + self.properties()
        managed = self.dice.sample(self.names, 2) if name == "a" or self.chance(0.25) else []
        text += self.management(managed, with_imports=self.has_boms) if managed else ""
        count = self.dice.choice([2, 3, 4, 6] if name == "a" else [0, 1, 2, 2, 3, 4])
        text += self.dependencies(name, count, managed)
        return text + (self.profile() if self.chance(0.15) else "")

    def relocation(self, name: str) -> str:
        target = self.dice.choice([each for each in self.names if each > name] or [name])
        version = self.dice.choice(self.versions[target])
        parts = f"<artifactId>{target}</artifactId>" if target != name else ""
        parts += f"<version>{version}</version>"
        return f"<distributionManagement><relocation>{parts}</relocation></distributionManagement>"

    def parent(self, name: str) -> str:
        return f"<parent><groupId>{self.group}</groupId><artifactId>{name}</artifactId><version>1</version></parent>"

    def properties(self) -> str:
        if not self.has_properties:
            return ""
        values = {f"v.{name}": self.dice.choice(self.versions[name]) for name in self.names}
        values["s"] = self.dice.choice(SCOPES)
        return "<properties>" + "".join(f"<{name}>{value}</{name}>" for name, value in values.items()) + "</properties>"

    def profile(self) -> str:
        condition = self.dice.choice(
            [
                "<activeByDefault>true</activeByDefault>",
                "<jdk>[11,)</jdk>",
                "<jdk>!17</jdk>",
                "<os><family>unix</family></os>",
                "<os><name>Linux</name><arch>!amd64</arch></os>",
                "<property><name>!absent</name></property>",
                "<property><name>java.version</name><value>17.0.15</value></property>",
            ]
        )
        inside = self.properties() + self.dependencies("z" if self.chance(0.5) else "d", 1)
        one = f"<profile><id>one</id><activation>{condition}</activation>{inside}</profile>"
        default = "<activation><activeByDefault>true</activeByDefault></activation>"
        other = f"<profile><id>two</id>{default}{self.properties()}</profile>"
        return f"<profiles>{one}{other if self.chance(0.5) else ''}</profiles>"

    def management(self, managed: Sequence[str] = (), *, with_imports: bool = False) -> str:
        names = [*managed, *self.dice.choices(self.names, k=self.dice.choice([0, 1, 2, 4]))]
        entries = [self.dependency(name, is_plain=number < len(managed)) for number, name in enumerate(names)]
        if with_imports:
            for _ in range(self.dice.choice([1, 1, 2])):
                name, version = f"bom{self.dice.randrange(3)}", self.dice.choice("12")
                entries.insert(
                    self.dice.randint(0, len(entries)),
                    f"<dependency><groupId>{self.group}</groupId><artifactId>{name}</artifactId>"
                    f"<version>{version}</version><type>pom</type><scope>import</scope></dependency>",
                )
        inside = "".join(entries)
        return f"<dependencyManagement><dependencies>{inside}</dependencies></dependencyManagement>" if entries else ""

    def dependencies(self, name: str, count: int, managed: Sequence[str] = ()) -> str:
        others = self.names if self.has_circles else [each for each in self.names if each > name]
        if not others:
            return ""
        entries = []
        for _ in range(count):
            other = self.dice.choice(others)
            entries.append(self.dependency(other, is_open=other in managed and self.chance(0.5)))
        return f"<dependencies>{''.join(entries)}</dependencies>" if entries else ""

    def dependency(self, name: str, *, is_open: bool = False, is_plain: bool = False) -> str:
        group = self.dice.choice([self.group] * 4 + ["${project.groupId}"])
        parts = [f"<groupId>{group}</groupId><artifactId>{name}</artifactId>"]
        if not is_open:
            parts.append(f"<version>{self.version(name)}</version>")
        has_type = self.has_types and not is_open and not is_plain
        if has_type and self.chance(0.25):
            parts.append(f"<type>{self.dice.choice(TYPES)}</type>")
        if has_type and self.chance(0.15):
            parts.append(f"<classifier>{self.dice.choice(['tests', 'x', ''])}</classifier>")
        if self.chance(0.45):
            parts.append(f"<scope>{self.scope()}</scope>")
        if self.chance(0.12):
            parts.append(f"<optional>{self.dice.choice(['true', 'true', 'false'])}</optional>")
        if self.chance(0.12):
            excluded = "".join(
                f"<exclusion><groupId>{self.dice.choice([self.group, self.group, '*'])}</groupId>"
                f"<artifactId>{self.dice.choice([*self.names, '*'])}</artifactId></exclusion>"
                for _ in range(self.dice.choice([1, 1, 2]))
            )
            parts.append(f"<exclusions>{excluded}</exclusions>")
        return f"<dependency>{''.join(parts)}</dependency>"

    def scope(self) -> str:
        return "${s}" if self.has_properties and self.chance(0.1) else self.dice.choice(SCOPES)

    def version(self, name: str) -> str:
        if self.has_ranges and self.chance(0.25):
            return self.dice.choice(RANGES)
        if self.has_ranges and self.chance(0.03):
            return self.dice.choice(["LATEST", "RELEASE"])
        if self.has_properties and self.chance(0.3):
            return f"${{v.{name}}}"
        return self.dice.choice(self.versions[name])

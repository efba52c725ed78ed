"""Small repositories and what Maven makes of them, one case for each rule.

A repository is written a line a fact: `a 1 > b 2 runtime optional -c` (a POM and what it depends on, with scope,
optional, `type=`, `class=`, `path=`, `-artifact` or `-group:artifact` for an exclusion, and `?` for no version),
`a 1 manages …`, `a 1 imports bom 1`, `a 1 under p 1` (its parent), `a 1 is pom`, `a 1 sets x=1`, `a 1 has <xml>`,
`a 1 moved b 2` (relocation; `-` keeps the version), `a 1 whole <project>…`, `k lists 1 2` (metadata), and `a 1` alone.
Groups are `t` unless written `group:artifact`.

An answer is `name:version` for a JAR of scope compile, with `:extension[:classifier]` after the name, `/scope` and `?`
(optional) after the version where they differ; a single word with `!` before it is the code of a refusal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

GROUP = "t"


@dataclass(frozen=True, slots=True)
class Case:
    """A rule, a repository, and answers by mode and artifact.

    `strict` tells that Maven goes on where this refuses, or answers with less than it was told.
    """

    rule: str
    repository: str
    answers: Mapping[str, str]
    strict: bool = False


def question(text: str) -> tuple[str, str]:
    """Give the mode and the full name of what `mode artifact` asks for."""
    mode, name = text.split()
    return mode, f"{':'.join(_split(name))}:1"


def answer(text: str) -> str:
    """Write an answer in full, as Maven's libraries do."""
    return text if text.startswith("!") else " ".join(map(_word, text.split()))


def _word(text: str) -> str:
    is_optional = text.endswith("?")
    text, _, scope = text.removesuffix("?").partition("/")
    *names, version = text.split(":")
    group = names.pop(0) if names[0] == "u" else GROUP
    middle = ":".join(names[1:]) or "jar"
    return f"{group}:{names[0]}:{middle}:{version}:{scope or 'compile'}{':optional' if is_optional else ''}"


def files(repository: str) -> dict[str, bytes]:
    """Write the POMs and metadata of a repository."""
    poms: dict[tuple[str, str], list[str]] = {}
    found = {}
    for line in filter(None, map(str.strip, repository.splitlines())):
        name, version, *rest = line.split(maxsplit=2)
        if version == "lists":
            group, artifact = _split(name)
            versions = "".join(f"<version>{each}</version>" for each in rest[0].split())
            found[f"{group}/{artifact}/maven-metadata.xml"] = _metadata(versions)
        elif version == "metadata":
            found[f"{'/'.join(_split(name))}/maven-metadata.xml"] = _metadata("", rest[0])
        else:
            facts = poms.setdefault((name, version), [])
            facts += rest
    for (name, version), facts in poms.items():
        group, artifact = _split(name)
        path = f"{group}/{artifact}/{version}/{artifact}-{version}.pom"
        found[path] = _pom(group, artifact, version, facts).encode()
    return found


def _metadata(versions: str, more: str = "") -> bytes:
    return f"<metadata><versioning>{more}<versions>{versions}</versions></versioning></metadata>".encode()


def _split(name: str) -> tuple[str, str]:
    group, _, artifact = name.rpartition(":")
    return group or GROUP, artifact


def _pom(group: str, artifact: str, version: str, facts: list[str]) -> str:
    parts = {"groupId": group, "artifactId": artifact, "version": version}
    body, dependencies, managed = "<modelVersion>4.0.0</modelVersion>", "", ""
    for fact in facts:
        verb, _, rest = fact.partition(" ")
        if verb == "whole":
            return rest
        if verb == ">":
            dependencies += "".join(map(_dependency, rest.split(", ")))
        elif verb == "manages":
            managed += "".join(map(_dependency, rest.split(", ")))
        elif verb == "imports":
            managed += _dependency(f"{rest} type=pom import")
        elif verb == "names":
            key, value = rest.split("=", 1)
            parts[key] = value
        else:
            body += _element(verb, rest)
    names = "".join(f"<{key}>{value}</{key}>" for key, value in parts.items() if value)
    body += f"<dependencies>{dependencies}</dependencies>" if dependencies else ""
    body += f"<dependencyManagement><dependencies>{managed}</dependencies></dependencyManagement>" if managed else ""
    return f"<project>{names}{body}</project>"


def _element(verb: str, rest: str) -> str:
    match verb:
        case "under":
            return f"<parent>{_names(*rest.split())}</parent>"
        case "moved":
            names = _names(*rest.split())
            return f"<distributionManagement><relocation>{names}</relocation></distributionManagement>"
        case "is":
            return f"<packaging>{rest}</packaging>"
        case "sets":
            pairs = [pair.split("=", 1) for pair in rest.split()]
            return "<properties>" + "".join(f"<{key}>{value}</{key}>" for key, value in pairs) + "</properties>"
    assert verb == "has"
    return rest


def _names(name: str, version: str) -> str:
    group, artifact = _split(name)
    parts = {"groupId": group, "artifactId": artifact, "version": version}
    return "".join(f"<{key}>{value}</{key}>" for key, value in parts.items() if value != "-")


def _dependency(text: str) -> str:
    name, version, *words = text.split()
    body = _names(name, "-" if version == "?" else version)
    exclusions = ""
    for word in words:
        if word == "optional":
            body += "<optional>true</optional>"
        elif word.startswith("-"):
            group, artifact = _split(word[1:])
            exclusions += f"<exclusion><groupId>{group}</groupId><artifactId>{artifact}</artifactId></exclusion>"
        elif match := re.fullmatch(r"(type|class|path|optional)=(.*)", word):
            element = {"class": "classifier", "path": "systemPath"}.get(match[1], match[1])
            body += f"<{element}>{match[2]}</{element}>"
        else:
            body += f"<scope>{word}</scope>"
    return f"<dependency>{body}<exclusions>{exclusions}</exclusions></dependency>"


def _profile(condition: str, artifact: str, name: str = "one") -> str:
    return (
        f"<profile><id>{name}</id><activation>{condition}</activation><dependencies>{_dependency(f'{artifact} 1')}"
        "</dependencies></profile>"
    )


def _profiles(*conditions: str) -> str:
    profiles = "".join(_profile(condition, f"k{i}", f"p{i}") for i, condition in enumerate(conditions))
    return f"a 1 has <profiles>{profiles}</profiles>\n" + "\n".join(f"k{i} 1" for i in range(len(conditions)))


_K = "k 1 > kd 1\nk 1.5 > kd 1.5\nk 2 > kd 2\nkd 1\nkd 1.5\nkd 2\nk lists 2 1 1.5"

CASES = [
    # 1.1 One POM
    Case(
        "a POM needs names",
        "a 1 > b 1\nb 1 names version=\nb 1 names groupId=\nb 1 names artifactId=",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case(
        "the first managed entry that names a path counts for scope system",
        "a 1 > b 1\na 1 manages k 1 system path=/one.jar, j 1 compile\nb 1 > k 2, j 1 system path=/two.jar\nj 1",
        {"project a": "b:1 k:1/system j:1"},
    ),
    Case(
        "of two equal declarations the last counts, where the first stood",
        "a 1 > k 1, j 1, k 2\nk 1\nk 2\nj 1",
        {"dependency a": "a:1 k:2 j:1"},
    ),
    Case(
        "the parent's dependencies follow the child's",
        "p 1 is pom\np 1 > j 1, k 1 runtime -z\na 1 under p 1\na 1 > k 2\nk 1\nk 2 > z 1\nj 1\nz 1",
        {"dependency a": "a:1 k:2 z:1 j:1"},
    ),
    Case(
        "properties of the child come before the parent's",
        "p 1 is pom\np 1 sets v=1\np 1 > k ${v}\na 1 under p 1\na 1 sets v=2\nk 1\nk 2",
        {"dependency a": "a:1 k:2"},
    ),
    Case(
        "group and version are inherited",
        "p 1 is pom\na 1 under p 1\na 1 names groupId=\na 1 names version=\na 1 > k ${project.version}\nk 1",
        {"dependency a": "a:1 k:1"},
    ),
    Case(
        "the child's group, in the parent's text, is the child's",
        "p 1 is pom\np 1 > ${project.groupId}:k 1\nu:a 1 under t:p 1\nu:k 1\nk 1",
        {"dependency u:a": "u:a:1 u:k:1"},
    ),
    Case(
        "keys are compared before interpolation, and the highest of one list wins",
        "p 1 is pom\np 1 sets n=k\np 1 > ${n} 2\na 1 under p 1\na 1 > k 1\nk 1\nk 2",
        {"dependency a": "a:1 k:2"},
    ),
    Case(
        "a parent's version may be a range",
        "p 1 is pom\np 1 > k 1\np 2 is pom\np 3 is pom\np lists 1 3 2\na 1 under p [1,3)\nk 1",
        {"dependency a": "a:1"},
    ),
    Case(
        "a parent's range needs an upper bound",
        "p 1 is pom\np lists 1\na 1 under p [1,)",
        {"dependency a": "!not-found"},
    ),
    Case(
        "a version may not be inherited from a range of parents",
        "p 1 is pom\np lists 1\na 1 under p [1,2]\na 1 names version=",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case("a parent that is nowhere fails the graph", "a 1 > b 1\nb 1 under p 1", {"dependency a": "!not-found"}),
    Case("a parent must have packaging pom", "p 1\na 1 under p 1", {"dependency a": "!pom-invalid"}, strict=True),
    Case(
        "parents may not go round",
        "p 1 is pom\np 1 under q 1\nq 1 is pom\nq 1 under p 1\na 1 under p 1",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case("a POM is not its own parent", "a 1 under a 0\na 0 is pom", {"dependency a": "!pom-invalid"}, strict=True),
    Case(
        "relocations of parents are not followed",
        "p 1 is pom\np 1 moved q 1\np 1 > k 1\na 1 under p 1\nk 1\nq 1 is pom",
        {"dependency a": "a:1 k:1"},
    ),
    Case(
        "expressions name the project, the parent and the bare fields",
        "p 3 is pom\na 1 under p 3\n"
        "a 1 > b ${project.version}, c ${pom.version}, d ${version}, e ${project.parent.version}, f ${parent.version}, "
        "${project.artifactId}x 1\nb 1\nc 1\nd 1\ne 3\nf 3\nax 1",
        {"dependency a": "a:1 b:1 c:1 d:1 e:3 f:3 ax:1"},
    ),
    Case(
        "project.version is no property, and version is one",
        "a 1 sets project.version=9 version=8\na 1 > k ${project.version}, j ${version}\nk 1\nj 8",
        {"dependency a": "a:1 k:1 j:8"},
    ),
    Case(
        "expressions stand in every part",
        "a 1 sets c=x t=zip s=runtime e=z\na 1 > k 1 type=${t} class=${c} ${s} -${e}\nk 1 > z 1, y 1\nz 1\ny 1",
        {"dependency a": "a:1 k:zip:x:1/runtime y:1/runtime"},
    ),
    Case(
        "properties may name one another",
        "a 1 sets v=${w}.${w} w=1\na 1 > k ${v}\nk 1.1",
        {"dependency a": "a:1 k:1.1"},
    ),
    Case(
        "revision is a property",
        "a 1 names version=${revision}\na 1 sets revision=1\na 1 > k ${revision}\nk 1",
        {"dependency a": "a:1 k:1"},
    ),
    Case(
        "a circle of properties spoils the POM",
        "a 1 sets v=${w} w=${v}\na 1 > k 1\nk 1",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case(
        "a property that names itself falls through",
        "a 1 sets os.name=${os.name} v=1\na 1 > k ${v}\nk 1",
        {"dependency a": "a:1 k:1"},
    ),
    Case(
        "an open expression in a coordinate is refused",
        "a 1 > k ${nothing}",
        {"dependency a": "!coordinate-invalid"},
        strict=True,
    ),
    Case(
        "an open expression elsewhere is text",
        "a 1 has <name>${nothing}</name><description>${nothing}</description>",
        {"dependency a": "a:1"},
    ),
    Case("the environment is not asked", "a 1 > k ${env.PATH}", {"dependency a": "!coordinate-invalid"}, strict=True),
    # Imports
    Case(
        "own and inherited management comes before imports, imports in order",
        "x 1 is pom\nx 1 manages k 3, j 3, i 3, h 3\n"
        "y 1 is pom\ny 1 manages i 4, h 4, g 4\np 1 is pom\np 1 manages j 2\na 1 under p 1\n"
        "a 1 imports x 1\na 1 imports y 1\n"
        "a 1 manages k 1\na 1 > k ?, j ?, i ?, h ?, g ?\nk 1\nj 2\ni 3\nh 3\ng 4",
        {"dependency a": "a:1 k:1 j:2 i:3 h:3 g:4"},
    ),
    Case(
        "an import has its own properties",
        "x 1 is pom\nx 1 sets v=1\nx 1 manages k ${v}\na 1 sets v=2\na 1 imports x 1\na 1 > k ?\nk 1\nk 2",
        {"dependency a": "a:1 k:1"},
    ),
    Case(
        "importing again replaces the parent's import",
        "x 1 is pom\nx 1 manages k 1, j 1\nx 2 is pom\nx 2 manages k 2\np 1 is pom\n"
        "p 1 imports x 1\na 1 under p 1\na 1 imports x 2\na 1 > k ?\nk 1\nk 2",
        {"dependency a": "a:1 k:2"},
    ),
    Case(
        "scope and exclusions are imported",
        "x 1 is pom\nx 1 manages k 1 runtime -z\na 1 imports x 1\na 1 > k ?\nk 1 > z 1, y 1\nz 1\ny 1",
        {"dependency a": "a:1 k:1/runtime y:1/runtime"},
    ),
    Case(
        "imports may import",
        "x 1 is pom\nx 1 imports y 1\ny 1 is pom\ny 1 manages k 1\na 1 imports x 1\na 1 > k ?\nk 1",
        {"dependency a": "a:1 k:1"},
    ),
    Case(
        "imports are not versions to choose from",
        "x 1 is pom\nx lists 1\na 1 imports x [1,2]",
        {"dependency a": "!coordinate-invalid"},
    ),
    Case("an import that is nowhere fails the graph", "a 1 imports x 1", {"dependency a": "!not-found"}),
    Case(
        "imports may not go round",
        "x 1 is pom\nx 1 imports y 1\ny 1 is pom\ny 1 imports x 1\na 1 imports x 1",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case(
        "an import needs type pom",
        "x 1 manages k 1\na 1 manages x 1 import, k 2\na 1 > k ?\nk 2",
        {"dependency a": "a:1 k:2"},
    ),
    # Management of a POM's own dependencies
    Case(
        "the first of two managed entries counts",
        "a 1 manages k 1, k 2\na 1 > k ?\nk 1\nk 2",
        {"dependency a": "a:1 k:1"},
    ),
    Case(
        "what the first leaves open the second says",
        "a 1 manages k 1, k 2 runtime\na 1 > k ?\nk 1\nk 2",
        {"dependency a": "a:1 k:1/runtime"},
    ),
    Case(
        "what is written is not managed",
        "a 1 manages k 2 test -z\na 1 > k 1 runtime -y\nk 1 > z 1\nz 1",
        {"dependency a": "a:1 k:1/runtime z:1/runtime"},
    ),
    Case(
        "type and classifier are part of the key",
        "a 1 manages k 1, k 2 type=zip, k 3 class=x\na 1 > k ?, k ? type=zip, k ? class=x\nk 1\nk 2\nk 3",
        {"dependency a": "a:1 k:1 k:zip:2 k:jar:x:3"},
    ),
    Case(
        "optional is not managed in the POM itself",
        "a 1 > w 1\nw 1 manages b 1 optional\nw 1 > b ?\nb 1",
        {"dependency a": "a:1 w:1 b:1"},
    ),
    Case(
        "the child's managed entry replaces the parent's whole",
        "p 1 is pom\np 1 manages k 1 runtime -z\na 1 under p 1\na 1 manages k 2\na 1 > k ?\nk 2 > z 1\nz 1",
        {"dependency a": "a:1 k:2 z:1"},
    ),
    Case(
        "a dependency without a version spoils the POM",
        "a 1 > b 1\nb 1 > k ?",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case(
        "an empty version is none",
        "a 1 manages k 1\na 1 has <dependencies><dependency><groupId>t</groupId><artifactId>k</artifactId>"
        "<version/></dependency></dependencies>",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case("names have no odd characters", "a 1 > b 1\nb 1 > k! 1", {"dependency a": "!pom-invalid"}, strict=True),
    Case(
        "a POM needs a model version",
        "a 1 whole <project><groupId>t</groupId><artifactId>a</artifactId><version>1</version></project>",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case(
        "any model version will do",
        "a 1 whole <project><modelVersion>4.1.0</modelVersion><groupId>t</groupId><artifactId>a</artifactId>"
        "<version>1</version></project>",
        {"dependency a": "a:1"},
    ),
    Case(
        "modules need packaging pom",
        "a 1 has <modules><module>m</module></modules>",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case("scope system needs an absolute path", "a 1 > k 1 system", {"dependency a": "!pom-invalid"}, strict=True),
    Case(
        "scope system takes no open path, managed or not",
        "a 1 manages k 1 system path=${tools.jar}",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    Case("a path needs scope system", "a 1 > k 1 path=/x.jar", {"dependency a": "!pom-invalid"}, strict=True),
    Case(
        "what lies on the machine is listed and not read",
        "a 1 > k 1 system path=/x.jar\n",
        {"dependency a": "a:1 k:1/system"},
    ),
    Case(
        "java.home is a directory somewhere",
        "a 1 > k 1 system path=${java.home}/x.jar\n",
        {"dependency a": "a:1 k:1/system"},
    ),
    Case(
        "other coordinates inside than outside are refused",
        "a 1 names version=2",
        {"dependency a": "!pom-invalid"},
        strict=True,
    ),
    # Profiles
    Case(
        "profiles by JDK",
        _profiles(
            "<jdk>17</jdk>",
            "<jdk>1.8</jdk>",
            "<jdk>!1.8</jdk>",
            "<jdk>!17</jdk>",
            "<jdk>[9,)</jdk>",
            "<jdk>[9,17]</jdk>",
            "<jdk>[17</jdk>",
            "<jdk>(,9)</jdk>",
            "<jdk>[1.8,17.1)</jdk>",
            "<jdk>[,18]</jdk>",
            "<jdk>[1.8]</jdk>",
            "<jdk>[11,12),[16,)</jdk>",
            "<jdk>[9,,18)</jdk>",
            "<jdk>[1.7,1.8,9)</jdk>",
            "<jdk>[17.0.,18)</jdk>",
        ),
        {"dependency a": "a:1 k0:1 k2:1 k4:1 k6:1 k8:1 k9:1 k10:1 k12:1 k14:1"},
    ),
    Case(
        "profiles by operating system",
        _profiles(
            "<os><family>unix</family></os>",
            "<os><family>Linux</family></os>",
            "<os><family>windows</family></os>",
            "<os><family>!windows</family></os>",
            "<os><name>LINUX</name></os>",
            "<os><arch>amd64</arch><name>!linux</name></os>",
            "<os><arch>!aarch64</arch></os>",
            "<os><family>mac</family></os>",
            "<os/>",
            "<os><family>dos</family></os>",
            "<os><family>winnt</family></os>",
            "<os><version>1</version></os>",
            "<os><family>Unix</family></os>",
        ),
        {"dependency a": "a:1 k0:1 k1:1 k3:1 k4:1 k6:1 k12:1"},
    ),
    Case(
        "profiles by property",
        _profiles(
            "<property><name>!x.y</name></property>",
            "<property><name>x.y</name></property>",
            "<property><name>x.y</name><value>!1</value></property>",
            "<property><name>x.y</name><value>1</value></property>",
            "<property><name>java.version</name></property>",
            "<property><name>!java.version</name></property>",
            "<property><name>java.version</name><value>17.0.15</value></property>",
            "<property><name>!java.version</name><value>17.0.15</value></property>",
        ),
        {"dependency a": "a:1 k0:1 k2:1 k4:1 k6:1 k7:1"},
    ),
    Case(
        "a POM's own properties switch no profile on",
        "a 1 sets x.y=1\n" + _profiles("<property><name>x.y</name></property>"),
        {"dependency a": "a:1"},
    ),
    Case(
        "every condition must hold",
        _profiles("<jdk>17</jdk><os><family>windows</family></os>", "<jdk>17</jdk><os><family>unix</family></os>"),
        {"dependency a": "a:1 k1:1"},
    ),
    Case(
        "relative files are never there, and never missing",
        _profiles(
            "<file><exists>pom.xml</exists></file>",
            "<file><missing>src/x</missing></file>",
            "<file><missing>${basedir}/x</missing></file>",
            "<file/>",
        ),
        {"dependency a": "a:1"},
    ),
    Case(
        "the disk is empty but for its root",
        _profiles(
            "<file><exists>/</exists></file>",
            "<file><missing>/nowhere/at/all</missing></file>",
            "<file><missing>${user.dir}/no/such/file</missing></file>",
            "<file><exists>${user.home}/no/such/file</exists></file>",
        ),
        {"dependency a": "a:1 k0:1 k1:1 k2:1"},
    ),
    Case(
        "default profiles apply where no other of the POM does",
        "a 1 > c 1\nc 1 has <profiles>" + _profile("<activeByDefault>true</activeByDefault>", "k") + "</profiles>\nk 1",
        {"dependency a": "a:1 c:1 k:1"},
    ),
    Case(
        "default profiles give way",
        "a 1 has <profiles>"
        + _profile("<activeByDefault>true</activeByDefault>", "k")
        + _profile("<jdk>17</jdk>", "j", "two")
        + "</profiles>\nk 1\nj 1",
        {"dependency a": "a:1 j:1"},
    ),
    Case(
        "a parent's profile does not push the child's default aside",
        "p 1 is pom\np 1 has <profiles>"
        + _profile("<jdk>17</jdk>", "j")
        + "</profiles>\na 1 under p 1\na 1 has <profiles>"
        + _profile("<activeByDefault>true</activeByDefault>", "k")
        + "</profiles>\nk 1\nj 1",
        {"dependency a": "a:1 k:1 j:1"},
    ),
    Case(
        "a profile replaces a dependency where it stands",
        "a 1 > k 2, j 1\na 1 has <profiles>" + _profile("<jdk>17</jdk>", "k") + "</profiles>\nk 1\nk 2\nj 1",
        {"dependency a": "a:1 k:1 j:1"},
    ),
    Case(
        "a profile's properties count everywhere",
        "a 1 sets v=1\na 1 > k ${v}\na 1 has <profiles><profile><activation><jdk>17</jdk>"
        "</activation><properties><v>2</v></properties></profile></profiles>\nk 1\nk 2",
        {"dependency a": "a:1 k:2"},
    ),
    Case(
        "a profile without condition is off",
        "a 1 has <profiles><profile><dependencies>" + _dependency("k 1") + "</dependencies></profile></profiles>\nk 1",
        {"dependency a": "a:1"},
    ),
    # 1.2 Collecting
    Case(
        "test and provided are not followed",
        "a 1 > c 1, p 1 provided, r 1 runtime, t 1 test\nc 1 > cc 1, cp 1 provided, cr 1 runtime, "
        "ct 1 test\ncc 1\ncr 1\np 1 > pc 1, pr 1 runtime\npc 1\npr 1\nr 1 > rc 1, rr 1 runtime\n"
        "rc 1\nrr 1\nt 1 > tc 1\ntc 1",
        {
            "project a": "c:1 cc:1 cr:1/runtime p:1/provided pc:1/provided pr:1/provided r:1/runtime rc:1/runtime "
            "rr:1/runtime t:1/test tc:1/test",
            "root a": "c:1 cc:1 cr:1/runtime r:1/runtime rc:1/runtime rr:1/runtime",
            "dependency a": "a:1 c:1 cc:1 cr:1/runtime r:1/runtime rc:1/runtime rr:1/runtime",
        },
    ),
    Case(
        "other words of scope are followed",
        "a 1 > b 1 odd\nb 1 > k 1, j 1 provided\nk 1",
        {"dependency a": "a:1 b:1/odd k:1/runtime"},
    ),
    Case(
        "optional stays at the top and goes below",
        "a 1 > b 1 optional, c 1\nb 1 > d 1\nc 1 > k 1 optional\nd 1",
        {"project a": "b:1? d:1? c:1", "root a": "b:1? d:1? c:1", "dependency a": "a:1 c:1"},
    ),
    Case(
        "an exclusion counts along its path alone",
        "a 1 > b 1 -k, c 1\nb 1 > k 1, j 1\nc 1 > k 2\nk 1\nk 2\nj 1",
        {"dependency a": "a:1 b:1 j:1 c:1 k:2"},
    ),
    Case(
        "exclusions reach all the way down",
        "a 1 > b 1 -k\nb 1 > c 1\nc 1 > k 1, j 1\nj 1",
        {"dependency a": "a:1 b:1 c:1 j:1"},
    ),
    Case(
        "an exclusion does not hit what it stands on", "a 1 > b 1 -b\nb 1 > k 1\nk 1", {"dependency a": "a:1 b:1 k:1"}
    ),
    Case(
        "an exclusion's lone star stands for all",
        "a 1 > b 1 -t:*, c 1 -*:*\nb 1 > k 1, u:k 1\nc 1 > k 1\nu:k 1\nk 1",
        {"dependency a": "a:1 b:1 u:k:1 c:1"},
    ),
    Case("a star among letters is a letter", "a 1 > b 1 -k*\nb 1 > k 1\nk 1", {"dependency a": "a:1 b:1 k:1"}),
    Case(
        "an exclusion hits every type and classifier",
        "a 1 > b 1 -k\nb 1 > k 1, k 1 class=x, k 1 type=zip",
        {"dependency a": "a:1 b:1"},
    ),
    Case(
        "an exclusion without an artifact excludes nothing",
        "a 1 has <dependencies><dependency><groupId>t</groupId><artifactId>b</artifactId>"
        "<version>1</version><exclusions><exclusion><groupId>t</groupId></exclusion></exclusions></dependency>"
        "</dependencies>\nb 1 > k 1\nk 1",
        {"dependency a": "a:1 b:1 k:1"},
    ),
    Case(
        "an exclusion knows the old name and the new",
        "a 1 > b 1 -old, c 1 -new\nb 1 > old 1\nc 1 > old 1\nold 1 moved new -\nnew 1",
        {"dependency a": "a:1 b:1 c:1"},
    ),
    Case(
        "the root's management alone counts, from depth 2",
        "a 1 > b 1, k 1\na 1 manages k 2, j 2\nb 1 > k 3, j 1\nb 1 manages m 9\nk 1 > m 1\nk 2\nk 3\nj 1\nj 2\nm 1",
        {"project a": "b:1 j:2 k:1 m:1", "root a": "b:1 j:2 k:1 m:1", "dependency a": "a:1 b:1 j:1 k:1 m:1"},
    ),
    Case(
        "managed scope is absolute",
        "a 1 > b 1 runtime\na 1 manages k 1 compile, j 1 provided, i 1 test\nb 1 > k 1, j 1, i 1\n"
        "k 1 > kk 1\nj 1 > jj 1\ni 1 > ii 1\nkk 1\njj 1\nii 1",
        {"project a": "b:1/runtime k:1 kk:1 j:1/provided jj:1/provided i:1/test ii:1/test"},
    ),
    Case(
        "what was dropped is not managed back",
        "a 1 > b 1\na 1 manages k 1 compile, j 1 optional=false\nb 1 > k 1 test, j 1 optional\nj 1",
        {"project a": "b:1"},
    ),
    Case(
        "managed optional counts from depth 2",
        "a 1 > b 1\na 1 manages b 1 optional, k 1 optional\nb 1 > k 1\nk 1",
        {"project a": "b:1 k:1?"},
    ),
    Case(
        "managed exclusions are added",
        "a 1 > b 1 -z\na 1 manages b 1 -y\nb 1 > z 1, y 1, x 1\nx 1",
        {"project a": "b:1 x:1"},
    ),
    Case(
        "managed as test-jar or by classifier is the same",
        "a 1 > b 1\na 1 manages k 2 type=test-jar, j 2 class=tests\nb 1 > k 1 class=tests, j 1 type=test-jar\nk 2\nj 2",
        {"project a": "b:1 k:jar:tests:2 j:jar:tests:2"},
    ),
    Case(
        "a managed version may be a range",
        "a 1 > b 1\na 1 manages k [1,2)\nb 1 > k 2\n" + _K,
        {"project a": "b:1 k:1.5 kd:1.5"},
    ),
    Case("a circle ends where it began", "a 1 > b 1\nb 1 > a 2, c 1\nc 1\na 2", {"dependency a": "a:1 b:1 c:1"}),
    Case(
        "a project's own artifact is an artifact below",
        "a 1 > b 1\nb 1 > a 2\na 2 > k 1\nk 1",
        {"project a": "b:1 a:2 k:1"},
    ),
    Case(
        "two enter a circle from both sides",
        "a 1 > b 1, c 1\nb 1 > c 2\nc 1 > b 2\nb 2 > m 1\nc 2 > m 2\nm 1\nm 2",
        {"dependency a": "a:1 b:1 c:1"},
    ),
    Case("a POM may depend on itself", "a 1 > b 1\nb 1 > b 1, k 1\nk 1", {"dependency a": "a:1 b:1 k:1"}),
    # 1.3 and 1.4 Conflicts
    Case(
        "the nearest wins, though declared later",
        "a 1 > b 1, k 1\nb 1 > k 2\nk 1\nk 2",
        {"dependency a": "a:1 b:1 k:1"},
    ),
    Case(
        "the first wins among equals",
        "a 1 > b 1, c 1\nb 1 > k 1\nc 1 > k 2\nk 1\nk 2",
        {"dependency a": "a:1 b:1 k:1 c:1"},
    ),
    Case(
        "nothing counts below a loser",
        "a 1 > b 1, c 1, d 1\nb 1 > c 2\nc 2 > k 2\nc 1\nd 1 > e 1\ne 1 > k 1\nk 1\nk 2",
        {"dependency a": "a:1 b:1 c:1 d:1 e:1 k:1"},
    ),
    Case(
        "extensions and classifiers do not compete",
        "a 1 > b 1, k 1\nb 1 > k 2 type=zip, k 3 class=x, k 4\nk 1\nk 2\nk 3\nk 4",
        {"dependency a": "a:1 b:1 k:zip:2 k:jar:x:3 k:1"},
    ),
    Case(
        "versions that rank alike stay as written",
        "a 1 > b 1, c 1\nb 1 > k 1.0\nc 1 > k 1\nk 1.0\nk 1",
        {"dependency a": "a:1 b:1 k:1.0 c:1"},
    ),
    Case(
        "the widest scope of all wins",
        "a 1 > b 1 runtime, c 1\nb 1 > k 1\nc 1 > d 1\nd 1 > k 2\nk 1\nk 2",
        {"dependency a": "a:1 b:1/runtime k:1 c:1 d:1"},
    ),
    Case("the scope declared directly stays", "a 1 > b 1, k 1 test\nb 1 > k 1\nk 1", {"project a": "b:1 k:1/test"}),
    Case(
        "optional only if every path is",
        "a 1 > b 1 optional, c 1, d 1 optional\nb 1 > k 1, j 1\nc 1 > k 1\nd 1 > j 1\nk 1\nj 1",
        {"project a": "b:1? k:1 j:1? c:1 d:1?"},
    ),
    Case(
        "system stays where it wins and does not widen",
        "a 1 > b 1\nb 1 > k 1 system path=/k.jar, c 1\nc 1 > k 1\nk 1",
        {"dependency a": "a:1 b:1 k:1/system c:1"},
    ),
    # 1.5 to 1.7 Versions
    Case("a range gives its highest", "a 1 > k [1,2)\n" + _K, {"dependency a": "a:1 k:1.5 kd:1.5"}),
    Case("a range of one version needs no list", "a 1 > k [1]\nk 1", {"dependency a": "a:1 k:1"}, strict=True),
    Case(
        "a range binds a plain version elsewhere",
        "a 1 > b 1, k 2\nb 1 > k [1]\n" + _K,
        {"dependency a": "a:1 b:1 k:1 kd:1"},
    ),
    Case(
        "a range sends back to what was seen before",
        "a 1 > b 1, c 1, e 1\nb 1 > k 2\nc 1 > k 1\ne 1 > k [1,2)\n" + _K,
        {"dependency a": "a:1 b:1 c:1 k:1 kd:1 e:1"},
    ),
    Case(
        "a farther plain version in the range does not win",
        "a 1 > k [1,2), b 1\nb 1 > k 1\n" + _K,
        {"dependency a": "a:1 k:1.5 kd:1.5 b:1"},
    ),
    Case(
        "ranges that exclude one another fail",
        "a 1 > b 1, c 1\nb 1 > k [1,1.5]\nc 1 > k [2]\n" + _K,
        {"dependency a": "!not-found"},
    ),
    Case("a range without a match fails", "a 1 > k [7,8]\n" + _K, {"dependency a": "!not-found"}),
    Case("a range without a list fails", "a 1 > k [1,2]\nk 1", {"dependency a": "!not-found"}),
    Case("what is no range fails", "a 1 > k [2,1]\n" + _K, {"dependency a": "!pom-invalid"}),
    Case(
        "every version of a range is looked at",
        "a 1 > k [1,2]\nk lists 1 2\nk 1",
        {"dependency a": "!not-found"},
        strict=True,
    ),
    Case(
        "a release candidate lies below its release",
        "a 1 > k [1,2)\nk 1\nk 2-rc1\nk lists 1 2-rc1",
        {"dependency a": "a:1 k:2-rc1"},
    ),
    Case(
        "LATEST and RELEASE keep their words",
        "a 1 > k LATEST, j RELEASE\nk metadata <latest>2</latest><release>1</release>\n"
        "j metadata <latest>2</latest><release>1</release>\nk 2 > kk 1\nj 1 > jj 1\nkk 1\njj 1",
        {"dependency a": "a:1 k:LATEST kk:1 j:RELEASE jj:1"},
    ),
    Case(
        "LATEST falls back to the release",
        "a 1 > k LATEST\nk metadata <release>1</release>\nk 1 > kk 1\nkk 1",
        {"dependency a": "a:1 k:LATEST kk:1"},
    ),
    Case("RELEASE without a list fails", "a 1 > k RELEASE\nk 1", {"dependency a": "!not-found"}),
    # 1.8 Relocation
    Case(
        "a relocation gives new names and keeps the rest",
        "a 1 > old 1, older 1\nold 1 moved u:new 2\nolder 1 moved - 2\nolder 1 > bad 1\n"
        "u:new 2 > k 1\nolder 2\nk 1".replace(
            "moved - 2",
            "has <distributionManagement><relocation><version>2</version></relocation></distributionManagement>",
        ),
        {"dependency a": "a:1 u:new:2 k:1 older:2"},
    ),
    Case("relocations follow one another", "a 1 > x 1\nx 1 moved y -\ny 1 moved z -\nz 1", {"dependency a": "a:1 z:1"}),
    Case(
        "type and classifier survive, the old dependencies do not",
        "a 1 > old 1 class=x type=zip\nold 1 moved new -\nold 1 > bad 1\nnew 1 > k 1\nk 1",
        {"dependency a": "a:1 new:zip:x:1 k:1"},
    ),
    Case("relocations may not go round", "a 1 > x 1\nx 1 moved y -\ny 1 moved x -", {"dependency a": "!pom-invalid"}),
    Case(
        "old and new name compete",
        "a 1 > b 1, c 1\nb 1 > old 1\nc 1 > new 9\nold 1 moved new -\nnew 1\nnew 9",
        {"dependency a": "a:1 b:1 new:1 c:1"},
    ),
    Case(
        "a relocation within the name is not managed back",
        "a 1 > b 1\na 1 manages k 1\nb 1 > k 0\nk 1 has <distributionManagement>"
        "<relocation><version>2</version></relocation></distributionManagement>\nk 2",
        {"project a": "b:1 k:2"},
    ),
    Case(
        "a relocation to a new name is managed",
        "a 1 > b 1\na 1 manages new 3 runtime\nb 1 > old 1\nold 1 moved new -\nnew 1\nnew 3",
        {"project a": "b:1 new:3/runtime"},
    ),
    Case(
        "a relocation ends a range's other versions",
        "a 1 > k [1,2]\nk lists 1 2\nk 1 moved j -\nj 1\nk 2",
        {"dependency a": "a:1 j:1"},
    ),
    Case(
        "a relocation to nowhere fails", "a 1 > old 1\nold 1 moved new -", {"dependency a": "!not-found"}, strict=True
    ),
    Case(
        "a relocation in a profile or a parent means nothing",
        "a 1 > b 1, c 1\nb 1 has <profiles><profile><activation><jdk>17</jdk></activation><distributionManagement>"
        "<relocation><artifactId>x</artifactId></relocation></distributionManagement></profile></profiles>\n"
        "c 1 under p 1\np 1 is pom\np 1 moved x -",
        {"dependency a": "a:1 b:1 c:1"},
    ),
    # 1.9 Types
    Case(
        "types say extension and classifier",
        "a 1 > b 1 type=test-jar, c 1 type=ejb, d 1 type=ejb-client, e 1 type=maven-plugin, "
        "f 1 type=java-source, g 1 type=javadoc, h 1 type=bundle, i 1 type=tar.gz, j 1 type=pom\n"
        "b 1\nc 1\nd 1\ne 1\nf 1\ng 1\nh 1\ni 1\n"
        "j 1 > k 1\nk 1",
        {
            "dependency a": "a:1 b:jar:tests:1 c:1 d:jar:client:1 e:1 f:jar:sources:1 g:jar:javadoc:1 h:bundle:1 "
            "i:tar.gz:1 "
            "j:pom:1 k:1"
        },
    ),
    Case(
        "a classifier beats the type's",
        "a 1 > b 1 type=test-jar class=x, c 1 type=test-jar class=\nb 1\nc 1",
        {"dependency a": "a:1 b:jar:x:1 c:1"},
    ),
    Case(
        "war, ear and rar hold everything",
        "a 1 > b 1 type=war, c 1 type=ear, d 1 type=rar, e 1 type=zip\nb 1 > x 1\nc 1 > x 1\nd 1 > x 1\ne 1 > y 1\ny 1",
        {"dependency a": "a:1 b:war:1 c:ear:1 d:rar:1 e:zip:1 y:1"},
    ),
    Case(
        "the packaging of the target does not matter",
        "a 1 > b 1, c 1\nb 1 is war\nb 1 > x 1\nc 1 is pom\nx 1",
        {"dependency a": "a:1 b:1 x:1 c:1"},
    ),
    # 1.10 What fails
    Case("a POM that is nowhere fails", "a 1 > b 1", {"dependency a": "!not-found"}, strict=True),
    Case(
        "a path in a group is refused before anything is asked",
        "a 1 > ..:k 1",
        {"dependency a": "!coordinate-invalid"},
        strict=True,
    ),
    Case(
        "a path in a version is refused before anything is asked",
        "a 1 > k ../1",
        {"dependency a": "!coordinate-invalid"},
        strict=True,
    ),
    Case(
        "a path in a type is refused", "a 1 > k 1 type=../x\nk 1", {"dependency a": "!coordinate-invalid"}, strict=True
    ),
    Case(
        "a path in a classifier is refused",
        "a 1 > k 1 class=../x\nk 1",
        {"dependency a": "!coordinate-invalid"},
        strict=True,
    ),
    # 1.11 XML
    Case(
        "attributes, comments and namespaces do not matter",
        "a 1 whole <project xmlns='urn:odd'><modelVersion x='1'>4.0.0</modelVersion>"
        "<groupId>t</groupId><artifactId>a<!-- a --></artifactId><version><![CDATA[1]]></version></project>",
        {"dependency a": "a:1"},
    ),
    Case("HTML's entities are known", "a 1 has <name>&oslash;&#xe9;&amp;</name>", {"dependency a": "a:1"}),
    Case("other entities are not", "a 1 has <name>&nothing;</name>", {"dependency a": "!pom-invalid"}, strict=True),
    Case(
        "unknown elements are skipped",
        "a 1 has <x><groupId>y</groupId><groupId>z</groupId></x>",
        {"dependency a": "a:1"},
    ),
    Case(
        "no element stands twice", "a 1 has <name>x</name><name>y</name>", {"dependency a": "!pom-invalid"}, strict=True
    ),
    Case("a value holds no elements", "a 1 has <name>x<b/></name>", {"dependency a": "!pom-invalid"}, strict=True),
    Case("nothing follows the root", "a 1 whole <project/>x", {"dependency a": "!pom-invalid"}, strict=True),
]

"""Writes the configuration that sends every download of a build tool through the proxy.

One mirror for everything and no second repository to walk on to: a build tool that is refused a
file asks the next repository that it knows.  Text alone; it is for others to print or write.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

DEFAULT_URL = "http://127.0.0.1:8480"
_BARE = (
    "of a refusal coursier shows the status 409 and the URL alone: verifier explain URL tells why, as does {base}/-/"
)
_URL = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*")


class Tool(Enum):
    """A build tool; the value is its name on the command line."""

    MAVEN = "maven"
    GRADLE = "gradle"
    SBT = "sbt"
    COURSIER = "coursier"
    BAZEL = "bazel"
    IVY = "ivy"


class Kind(Enum):
    """How a file of the project is written: as a whole, or by adding the lines that it lacks."""

    WHOLE = "whole"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A file of the project; `path` is relative to its root."""

    path: str
    content: str
    kind: Kind = Kind.WHOLE

    def onto(self, existing: str) -> str:
        """Give what the file holds afterwards; `existing` is empty where there is none."""
        if self.kind is Kind.WHOLE:
            return self.content
        present = {line.strip() for line in existing.splitlines()}
        lacking = "".join(f"{line}\n" for line in self.content.splitlines() if line.strip() not in present)
        gap = "" if not existing or existing.endswith("\n") else "\n"
        return existing + gap + lacking


@dataclass(frozen=True, slots=True)
class Upstream:
    """A repository of the policy: its id and where it is, without a slash at the end."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a tool needs: files of the project, what else there is to do, and the check that proves it."""

    files: tuple[ProjectFile, ...]
    notes: tuple[str, ...]
    check: tuple[str, ...]


class UrlInvalid(Exception):
    """The proxy's address cannot be written into a configuration."""


def configure(tool: Tool, url: str, upstreams: Sequence[Upstream]) -> Configuration:
    """Write a tool's configuration for the proxy at `url`.

    Shape: `url` as `http://HOST:PORT`, with or without a path and a slash at the end.

    Raises: `UrlInvalid`.

    >>> configure(Tool.COURSIER, "http://127.0.0.1:8480", []).files[0].path
    'coursier-mirror.properties'
    """
    base = url.rstrip("/")
    if not _URL.fullmatch(base):
        raise UrlInvalid(url)
    return _WRITERS[tool](base, upstreams)


def _maven(base: str, _: Sequence[Upstream]) -> Configuration:
    settings = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
  <mirrors>
    <mirror>
      <id>verifier</id>
      <url>{base}/all/</url>
      <mirrorOf>*</mirrorOf>
    </mirror>
  </mirrors>
</settings>
"""
    return Configuration(
        files=(
            ProjectFile(".mvn/verifier-settings.xml", settings),
            ProjectFile(".mvn/maven.config", "--settings=.mvn/verifier-settings.xml\n", Kind.LINES),
        ),
        notes=(
            "the mirror stands for every repository and plugin repository, those that POMs name included",
            "these settings take the place of ~/.m2/settings.xml: to keep your own, put the <mirror> there instead",
            "run mvn in the project's root, where the settings are looked for",
            f"a Maven wrapper fetches Maven itself, through the proxy with MVNW_REPOURL={base}/all",
            "what a local repository already holds was not verified: begin with an empty one",
        ),
        check=(
            'mvn -B -Dmaven.repo.local="$(mktemp -d)" dependency:go-offline > mvn.log',
            "grep 'Downloading from' mvn.log | grep -v 'Downloading from verifier:'",
            "# nothing may be printed: every line of a download names the mirror verifier",
        ),
    )


def _gradle(base: str, _: Sequence[Upstream]) -> Configuration:
    script = f"""\
// Sends every download through the proxy of verifier: plugins, build scripts and dependencies.
def proxy = new URI('{base}/all/')

def through = {{ repository ->
    if (repository instanceof MavenArtifactRepository) {{
        repository.url = proxy
        if (proxy.scheme == 'http' && repository.hasProperty('allowInsecureProtocol')) {{
            repository.allowInsecureProtocol = true
        }}
    }} else if (repository instanceof IvyArtifactRepository) {{
        throw new GradleException("${{repository.name}} is an Ivy repository: the proxy cannot vouch for it")
    }}
}}
def plugins = {{ settings ->
    settings.pluginManagement.repositories.all(through)
    // Without any repository of its own Gradle would ask the plugin portal.
    settings.pluginManagement.repositories.maven {{ repository -> repository.url = proxy }}
    settings.buildscript.repositories.all(through)
}}

if (gradle.metaClass.respondsTo(gradle, 'beforeSettings')) {{
    gradle.beforeSettings {{ settings ->
        plugins(settings)
        if (settings.hasProperty('dependencyResolutionManagement')) {{
            settings.dependencyResolutionManagement.repositories.all(through)
        }}
    }}
}} else {{
    gradle.settingsEvaluated(plugins)
}}
allprojects {{
    buildscript.repositories.all(through)
    repositories.all(through)
}}
"""
    return Configuration(
        files=(ProjectFile("gradle/verifier.init.gradle", script),),
        notes=(
            "run gradle with -I gradle/verifier.init.gradle; to do so always, copy the file into ~/.gradle/init.d/",
            "a Gradle wrapper fetches Gradle itself from elsewhere: pin it with distributionSha256Sum",
            "toolchains that Gradle downloads are no Maven artifacts and come from elsewhere too",
            "the plugin portal is a repository like any other: the policy must name it for its plugins to be had",
        ),
        check=(
            (
                'gradle --no-daemon -g "$(mktemp -d)" -I gradle/verifier.init.gradle --info'
                " buildEnvironment dependencies > gradle.log"
            ),
            f"grep -oE '(Download(ing)?|GET:|HEAD:) https?://[^] ]*' gradle.log | grep -v ' {base}/'",
            "# nothing may be printed: every URL that is asked for begins with the proxy's",
        ),
    )


def _sbt(base: str, _: Sequence[Upstream]) -> Configuration:
    insecure = ", allowInsecureProtocol" if base.startswith("http://") else ""
    options = "-Dsbt.override.build.repos=true\n-Dsbt.repository.config=project/verifier.repositories\n"
    return Configuration(
        files=(
            ProjectFile("project/verifier.repositories", f"[repositories]\n  verifier: {base}/all/{insecure}\n"),
            ProjectFile(".sbtopts", options, Kind.LINES),
        ),
        notes=(
            "both options are needed: the first makes the second hold for the build, not for sbt's own start alone",
            "sbt plugins must be published under their whole Maven name, as since sbt 1.9: older ones cannot be had",
            "the sbt launcher in use is not fetched by this: it starts before the options count",
            _BARE.format(base=base),
        ),
        check=_coursier_check(base, 'sbt -Dsbt.boot.directory="$(mktemp -d)" update'),
    )


def _coursier(base: str, _: Sequence[Upstream]) -> Configuration:
    mirror = f"verifier.from=*\nverifier.to={base}/all\nverifier.type=maven\n"
    return Configuration(
        files=(ProjectFile("coursier-mirror.properties", mirror),),
        notes=(
            'export COURSIER_MIRRORS="$PWD/coursier-mirror.properties"',
            f"export COURSIER_REPOSITORIES={base}/all",
            "the mirror stands for every Maven repository; naming the one repository leaves out ~/.ivy2/local",
            _BARE.format(base=base),
        ),
        check=_coursier_check(base, "cs fetch org.slf4j:slf4j-api:2.0.16"),
    )


def _coursier_check(base: str, command: str) -> tuple[str, ...]:
    parts = urlsplit(base)
    host = parts.netloc.replace(":", "%3A")
    return (
        f'export COURSIER_CACHE="$(mktemp -d)"; {command}; ls -d "$COURSIER_CACHE"/*/*',
        f"# the only directory printed may be {parts.scheme}/{host}",
    )


def _bazel(base: str, upstreams: Sequence[Upstream]) -> Configuration:
    rules = ["# Sends what the policy's repositories serve through the proxy of verifier, and nothing to them."]
    for one in upstreams:
        where = urlsplit(one.url)
        rules.append(f"rewrite {re.escape(f'{where.netloc}{where.path}')}/(.*) {base}/{one.id}/$1")
        rules.append(f"block {where.hostname}")
    path = "tools/verifier.downloader"
    lines = f"common --experimental_downloader_config={path}\n"
    return Configuration(
        files=(ProjectFile(path, "\n".join([*rules, ""])), ProjectFile(".bazelrc", lines, Kind.LINES)),
        notes=(
            f'rules_jvm_external: set repositories = ["{base}/all"] in maven.install or maven_install, and pin again',
            "it resolves by coursier, outside of Bazel's downloader: name no other repository there",
            "a repository that has other addresses beside the policy's needs a rewrite and a block for each",
            "Bazel's own modules and archives that are no Maven artifacts are fetched as before",
        ),
        check=(
            f"grep -o 'https\\?://[^\"]*' maven_install.json | grep -v '^{base}/'",
            "# nothing may be printed: the lock file names the proxy alone",
        ),
    )


def _ivy(base: str, _: Sequence[Upstream]) -> Configuration:
    settings = f"""\
<ivysettings>
  <settings defaultResolver="verifier"/>
  <resolvers>
    <!-- Without descriptor="required" a POM that is refused passes for one that is not there. -->
    <ibiblio name="verifier" m2compatible="true" descriptor="required" root="{base}/all/"/>
  </resolvers>
</ivysettings>
"""
    return Configuration(
        files=(ProjectFile("ivysettings.xml", settings),),
        notes=(
            "Ant reads ivysettings.xml of the project by itself; another file is named by ivy.settings.file",
            "these settings take the place of Ivy's own, and with them of its public and local resolvers",
            "Ivy calls a file that is refused not found; with -verbose (ant -v) it shows the reason",
        ),
        check=(
            'ant -v -Divy.cache.dir="$(mktemp -d)" resolve > ivy.log',
            f"grep -oE '(tried|downloading) https?://[^ ]*' ivy.log | grep -v ' {base}/'",
            "# resolve stands for your target that calls <ivy:resolve/>; nothing may be printed",
        ),
    )


_WRITERS: dict[Tool, Callable[[str, Sequence[Upstream]], Configuration]] = {
    Tool.MAVEN: _maven,
    Tool.GRADLE: _gradle,
    Tool.SBT: _sbt,
    Tool.COURSIER: _coursier,
    Tool.BAZEL: _bazel,
    Tool.IVY: _ivy,
}

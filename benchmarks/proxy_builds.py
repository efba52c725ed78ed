"""A build by mvn through the proxy, cold and warm, against the same build from the repository itself.

`proxy_builds.py [--libraries 40] [--latency-ms 20] [--rounds 5]` prints the medians in seconds and their ratios.  The
repository is on loopback over TLS and answers everything so much later; its files, a plugin among them, are made and
signed here.  In each round mvn builds three times with an empty local repository: directly, through a proxy that has
nothing cached and checks every signature, and through the same proxy once more.  Needs mvn, javac, keytool and gpg.
"""

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy_hits import free_port, program
from repository import GROUP, make_key, sign

GOALS = {"cold": 1.15, "warm": 1.0}
JAR_BYTES = 40_000
LIBRARIES_PER_PARENT = 8
PLUGIN = "resolve-maven-plugin"
PASSWORD = "changeit"  # noqa: S105  (of a store that holds one public certificate)
MOJO = """
public class ResolveMojo extends org.apache.maven.plugin.AbstractMojo {
    public void execute() {
        getLog().info("everything is resolved");
    }
}
"""
DESCRIPTOR = f"""
<plugin><groupId>{GROUP}</groupId><artifactId>{PLUGIN}</artifactId><version>1.0</version><goalPrefix>resolve</goalPrefix>
<mojos><mojo><goal>all</goal><implementation>ResolveMojo</implementation><language>java</language>
<instantiationStrategy>per-lookup</instantiationStrategy><executionStrategy>once-per-session</executionStrategy>
<requiresDependencyResolution>test</requiresDependencyResolution></mojo></mojos></plugin>
"""
PROJECT = f"""
<project><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId><version>1</version>
<packaging>pom</packaging><dependencies>{{dependencies}}</dependencies>
<build><plugins><plugin><groupId>{GROUP}</groupId><artifactId>{PLUGIN}</artifactId><version>1.0</version>
<executions><execution><phase>validate</phase><goals><goal>all</goal></goals></execution></executions>
</plugin></plugins></build></project>
"""
SETTINGS = """
<settings><mirrors><mirror><id>bench</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror></mirrors></settings>
"""
POLICY = """
[[repository]]
id = "bench"
url = "https://localhost:{port}"
ca-file = "ca.pem"
[keys]
files = ["verifier.keys"]
servers = []
[[trust]]
match = "{group}"
keys = ["{fingerprint}"]
[[trust]]
match = "org.codehaus.plexus"
keys = ["{fingerprint}"]
[require]
starter = false
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--libraries", type=int, default=40)
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {"direct": [], "cold": [], "warm": []}
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        files = make(place, options.libraries)
        with upstream(place, options.latency_ms) as port:
            for number in range(options.rounds + 1):
                seconds = one_round(place / str(number), place, port)
                if number:  # the first one warms up what the machine keeps of files
                    for name, one in seconds.items():
                        taken[name].append(one)
    medians = {name: statistics.median(each) for name, each in taken.items()}
    print(f"{files} files, {options.latency_ms:.0f} ms")
    for name, each in taken.items():
        ratio = f"  {medians[name] / medians['direct']:.2f} of direct (goal: {GOALS[name]})" if name in GOALS else ""
        print(f"{name:<7} {medians[name]:.2f} s (of {', '.join(f'{one:.2f}' for one in each)}){ratio}")


# The repository


def make(place: Path, libraries: int) -> int:
    """Make a signed repository, the policy's key and the project; give how many files a build asks for."""
    gpg, fingerprint = make_key(place)
    (place / "fingerprint").write_text(fingerprint)
    publish(gpg, place, "org.codehaus.plexus", "plexus-utils", "1.1", pom("org.codehaus.plexus", "plexus-utils", "1.1"))
    archive(gpg, place, "org.codehaus.plexus", "plexus-utils", "1.1", {"none": b""})
    publish(gpg, place, GROUP, PLUGIN, "1.0", pom(GROUP, PLUGIN, "1.0", "<packaging>maven-plugin</packaging>"))
    archive(gpg, place, GROUP, PLUGIN, "1.0", compiled(place))
    parents = range(0, libraries, LIBRARIES_PER_PARENT)
    for number in parents:
        name = f"parent{number // LIBRARIES_PER_PARENT}"
        publish(gpg, place, GROUP, name, "1.0", pom(GROUP, name, "1.0", "<packaging>pom</packaging>"))
    for number in range(libraries):
        parent = f"<parent>{named(f'parent{number // LIBRARIES_PER_PARENT}')}</parent>"
        below = [each for each in (2 * number + 1, 2 * number + 2) if each < libraries]
        more = "".join(f"<dependency>{named(f'library{each}')}</dependency>" for each in below)
        text = pom(GROUP, f"library{number}", "1.0", f"{parent}<dependencies>{more}</dependencies>")
        publish(gpg, place, GROUP, f"library{number}", "1.0", text)
        archive(gpg, place, GROUP, f"library{number}", "1.0", {"content": os.urandom(JAR_BYTES)})
    subprocess.run(["gpgconf", "--homedir", str(place / "gnupg"), "--kill", "all"], check=True)
    (place / "pom.xml").write_text(PROJECT.format(dependencies=f"<dependency>{named('library0')}</dependency>"))
    return 4 + len(parents) + 2 * libraries


def named(artifact: str) -> str:
    return f"<groupId>{GROUP}</groupId><artifactId>{artifact}</artifactId><version>1.0</version>"


def pom(group: str, artifact: str, version: str, more: str = "") -> bytes:
    return (
        f"<project><modelVersion>4.0.0</modelVersion><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version>{more}<!-- {'x' * 3000} --></project>"
    ).encode()


def compiled(place: Path) -> dict[str, bytes]:
    """Compile the plugin against the Maven that is installed."""
    library = Path(shutil.which("mvn") or "mvn").resolve().parent.parent / "lib"
    source = place / "ResolveMojo.java"
    source.write_text(MOJO)
    subprocess.run(["javac", "-cp", f"{library}/*", "-d", str(place), str(source)], check=True)
    return {
        "META-INF/maven/plugin.xml": DESCRIPTOR.encode(),
        "ResolveMojo.class": (place / "ResolveMojo.class").read_bytes(),
    }


def archive(gpg: list[str], place: Path, group: str, artifact: str, version: str, content: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as jar:
        for name, data in content.items():
            jar.writestr(name, data)
    publish(gpg, place, group, artifact, version, buffer.getvalue(), "jar")


def publish(
    gpg: list[str], place: Path, group: str, artifact: str, version: str, data: bytes, extension: str = "pom"
) -> None:
    folder = place / "repository" / group.replace(".", "/") / artifact / version
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{artifact}-{version}.{extension}"
    path.write_bytes(data)
    sign(gpg, path)


@contextmanager
def upstream(place: Path, latency_ms: float) -> Iterator[int]:
    """Serve the repository; gives the port."""
    command = [sys.executable, str(Path(__file__).with_name("repository.py")), str(place), "0", str(latency_ms)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None  # noqa: S101  (a pipe was asked for)
        port = int(server.stdout.readline())
        policy = POLICY.format(port=port, group=GROUP, fingerprint=(place / "fingerprint").read_text())
        (place / "verifier.toml").write_text(policy)
        store = ["-keystore", str(place / "trust"), "-storepass", PASSWORD]
        command = ["keytool", "-importcert", "-noprompt", "-alias", "bench", "-file", str(place / "ca.pem"), *store]
        subprocess.run(command, check=True, capture_output=True)
        yield port
    finally:
        server.kill()
        server.wait()


# The builds


def one_round(fresh: Path, place: Path, port: int) -> dict[str, float]:
    """Build three ways; give the seconds of each."""
    fresh.mkdir()
    own = free_port()
    command = [sys.executable, "-m", "verifier", "-q", "--policy", str(place / "verifier.toml")]
    command += ["--cache", str(fresh / "cache"), "proxy", "--listen", f"127.0.0.1:{own}"]
    with program(command, own, fresh) as proxy:
        return {
            "direct": build(fresh / "direct", place, f"https://localhost:{port}"),
            "cold": build(fresh / "cold", place, f"{proxy}/all"),
            "warm": build(fresh / "warm", place, f"{proxy}/all"),
        }


def build(fresh: Path, place: Path, url: str) -> float:
    """Build with an empty local repository, everything from one URL; gives the seconds."""
    fresh.mkdir()
    (fresh / "settings.xml").write_text(SETTINGS.format(url=url))
    command = [
        "mvn",
        "-B",
        "-q",
        "-s",
        str(fresh / "settings.xml"),
        f"-Dmaven.repo.local={fresh / 'local'}",
        "validate",
    ]
    trust = f"-Djavax.net.ssl.trustStore={place / 'trust'} -Djavax.net.ssl.trustStorePassword={PASSWORD}"
    begun = time.monotonic()
    run = subprocess.run(
        command, cwd=place, env=os.environ | {"MAVEN_OPTS": trust}, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - begun
    if run.returncode:
        sys.exit(run.stdout)
    return seconds


if __name__ == "__main__":
    main()

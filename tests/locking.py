"""A stage for lock files: a graph with a range, and a group whose artifacts two trusted keys may sign."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from openpgp_cases import Signer, armour, certificate, certify, ed, packet, sign
from published import GROUP, archive, list_versions, needs, publish, put
from stage import Result, Stage

SIGNED_GROUP = "com.example.signed"
OWNER, HEIR, STRANGER = ed(0), ed(1), ed(2)
MADE = datetime.now(UTC) - timedelta(days=30)
APP = f"{GROUP}:app:1"
TOOL = f"{SIGNED_GROUP}:tool:1"


class LockStage(Stage):
    """Runs `lock` and `fetch --locked` in its own directory."""

    def prepare(self) -> None:
        """Publish an application with a range, and a signed tool."""
        (self.directory / "more.keys").write_bytes(
            b"".join(armour(certificate(by, certify(by)), "PUBLIC KEY BLOCK") for by in (OWNER, HEIR, STRANGER))
        )
        self.change_policy("[keys]\nfiles = [", '[keys]\nfiles = ["more.keys", ')
        keys = f'"{OWNER.fingerprint}", "{HEIR.fingerprint}"'
        self.policy.write_text(
            f'{self.policy.read_text()}\n[[trust]]\nmatch = "{SIGNED_GROUP}"\nkeys = [{keys}]\nreason = "ours"\n'
        )
        publish(self, "app:1", needs("left:1", "choice:[1,3)"))
        publish(self, "left:1", files=("jar", "sources.jar"))
        publish(self, "choice:1")
        publish(self, "choice:2")
        publish(self, "extra:1")
        list_versions(self, "choice", "1", "2")
        self.publish_signed()

    def publish_signed(self, body: str = "", by: Signer = OWNER, version: str = "1") -> None:
        """Publish the tool, its files signed."""
        path = f"com/example/signed/tool/{version}/tool-{version}"
        pom = (
            f"<project><modelVersion>4.0.0</modelVersion><groupId>{SIGNED_GROUP}</groupId><artifactId>tool</artifactId>"
            f"<version>{version}</version></project>"
        )
        for name, data in ((f"{path}.pom", pom.encode()), (f"{path}.jar", archive(body or f"tool {version}"))):
            put(self, name, data)
            (self.root / f"{name}.asc").write_bytes(armour(packet(2, sign(by, data, made=MADE))))

    def publish_choice(self) -> None:
        """Publish a version that the range would choose, and say so in the metadata."""
        publish(self, "choice:2.5")
        list_versions(self, "choice", "1", "2", "2.5")

    @property
    def lock(self) -> Path:
        return self.directory / "verifier.lock"

    def lines(self) -> dict[str, str]:
        """Give the lines of the lock file by coordinate."""
        return lines_of(self.lock)

    def number_of(self, name: str) -> int:
        """Give the number of the line that locks a file."""
        lines = self.lock.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if line.startswith(f"{name} "))

    def edit(self, old: str, new: str) -> None:
        text = self.lock.read_text()
        assert old in text
        self.lock.write_text(text.replace(old, new))

    def fetch_locked(self, *arguments: str) -> Result:
        return self.run("fetch", "--locked", "--format", "json", *arguments)

    def fetch_cold(self, *arguments: str) -> Result:
        """Fetch by the lock with an empty cache."""
        self.cache = self.directory / f"cache-{len(list(self.directory.glob('cache*')))}"
        return self.fetch_locked(*arguments)

    def codes(self, result: Result) -> dict[str, str]:
        """Give the code of each file that is not verified."""
        return {one["coordinate"]: one["code"] for one in result.report["artifacts"] if one["status"] != "verified"}


def lines_of(path: Path) -> dict[str, str]:
    """Give the lines of a lock file by coordinate."""
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {line.split(" ")[0]: line for line in lines}

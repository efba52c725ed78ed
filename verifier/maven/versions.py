"""Which version a text means: one as it stands, a word or a snapshot that metadata explains, a range to choose from."""

from collections.abc import Sequence

from verifier.coordinate import base_version
from verifier.errors import Fact, NotFound, PomInvalid
from verifier.maven.metadata import (
    Listing,
    choose_latest,
    choose_release,
    choose_snapshot,
    is_snapshot,
    kept_snapshot,
    merge_versions,
)
from verifier.maven.range import RangeInvalid, VersionRange
from verifier.maven.source import Source
from verifier.maven.version import Version


class Versions:
    """Answers questions about versions, and asks for each piece of metadata once.

    Source: maven-resolver-provider 3.9, DefaultVersionResolver and DefaultVersionRangeResolver.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._listings: dict[tuple[str, str, str], tuple[Listing, ...]] = {}
        self._parsed: dict[str, Version] = {}

    def parse(self, text: str) -> Version:
        """Read a version, each text once."""
        found = self._parsed.get(text)
        if found is None:
            found = self._parsed[text] = Version.parse(text)
        return found

    def exact(self, group: str, artifact: str, version: str, extension: str, classifier: str = "") -> str:
        """Give the version under which the file lies: what LATEST, RELEASE or a snapshot stands for today.

        Raises: `NotFound` where no metadata says what LATEST or RELEASE stands for.
        """
        if version in {"LATEST", "RELEASE"}:
            listings = self._ask(group, artifact, "")
            kept = [one for one in self._kept(listings) if not is_snapshot(one.text)]
            # The highest that is kept is the one that was chosen by the same words.
            chosen = max(kept).text if kept else ""
            chosen = chosen or (choose_latest(listings) if version == "LATEST" else choose_release(listings))
            if not chosen:
                raise NotFound(f"no repository says which version of {group}:{artifact} is the {version}")
            return self.exact(group, artifact, chosen, extension, classifier) if chosen != version else chosen
        if version.endswith("SNAPSHOT"):
            listings = self._ask(group, artifact, version)
            kept_file = kept_snapshot(listings, version, extension, classifier)
            return kept_file or choose_snapshot(listings, version, extension, classifier)
        return version

    def within(self, group: str, artifact: str, wanted: VersionRange) -> tuple[Version, ...]:
        """Give the versions of a range that some repository lists, lowest first.

        A range of one version stands for itself: nothing needs to be listed.  Where some of them are kept, those
        are all that is given.

        Raises: `NotFound` where there is none.
        """
        only = single_version(wanted)
        if only is not None:
            return (only,)
        listings = self._ask(group, artifact, "")
        kept = [version for version in self._kept(listings) if wanted.contains(version)]
        if kept:
            return tuple(sorted(kept))
        listed = merge_versions(listings)
        found = [version for version in map(self.parse, listed) if wanted.contains(version)]
        if not found:
            raise NotFound(
                f"no version of {group}:{artifact} lies in the range",
                expected=Fact(wanted.text),
                received=Fact(", ".join(listed[-20:]) or "no version listed", "maven-metadata.xml"),
            )
        return tuple(sorted(found))

    def _kept(self, listings: Sequence[Listing]) -> list[Version]:
        texts = dict.fromkeys(base_version(file.version) for listing in listings for file in listing.kept)
        return [self.parse(text) for text in texts]

    def _ask(self, group: str, artifact: str, version: str) -> tuple[Listing, ...]:
        key = (group, artifact, version)
        if key not in self._listings:
            self._listings[key] = self._source.metadata(group, artifact, version)
        return self._listings[key]


def parse_range(text: str, where: str) -> VersionRange | None:
    """Read a version that may be a range; None for a plain one.

    Raises: `PomInvalid` for what begins as a range and is none.
    """
    if not text.startswith(("[", "(")):
        return None
    try:
        return VersionRange.parse(text)
    except RangeInvalid as error:
        raise PomInvalid(
            "a version range cannot be read", expected=Fact(str(error)), received=Fact(text, where)
        ) from error


def single_version(wanted: VersionRange) -> Version | None:
    """Give the version of a range such as `[1.0]`, which leaves nothing to choose."""
    if len(wanted.intervals) != 1:
        return None
    interval = wanted.intervals[0]
    is_single = interval.lower == interval.upper and interval.lower_included and interval.upper_included
    return interval.lower if is_single else None

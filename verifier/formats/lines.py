"""Plain lines: one coordinate or package URL a line."""

from verifier.demand import parse_demand
from verifier.errors import ConfigError, CoordinateInvalid
from verifier.formats.entry import MAX_ENTRIES, Entry, Misnamed, bounded


def split_lines(text: str, file: str) -> tuple[str, ...]:
    """Give each line as it is written, without what surrounds the coordinate.

    Raises: `ConfigError` where there are too many.
    """
    found = tuple(line for raw in text.splitlines() if (line := raw.partition("#")[0].strip()))
    if len(found) > MAX_ENTRIES:
        raise ConfigError(file, f"lists more than {MAX_ENTRIES} artifacts")
    return found


def parse_lines(text: str, file: str) -> tuple[Entry, ...]:
    """Read what is asked for, line by line; a line that is no coordinate is one entry among the others.

    Shape: empty lines do not count, nor does what follows a `#`.

    Raises: `ConfigError` where there are too many.

    >>> [str(entry) for entry in parse_lines("org.example:widget:1.0  # the widget", "list")]
    ['org.example:widget:jar:1.0']
    """
    return bounded([read_entry(line) for line in split_lines(text, file)], file)


def read_entry(text: str) -> Entry:
    """Read one coordinate or package URL."""
    try:
        return parse_demand(text)
    except CoordinateInvalid as cause:
        return Misnamed.of(text, cause)

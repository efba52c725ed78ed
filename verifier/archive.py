"""Entries of a ZIP by their exact name, found without parsing its central directory.

It is on the path of every JAR: building the list of a JAR's thousands of entries would cost more
than hashing it.  Which entries matter, and what they say, is left to `contents`.
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple

MAX_DIRECTORY_BYTES = 64 * 1024 * 1024
MAX_TWINS = 4

_END = struct.Struct("<4s4H2LH")
_END_64_LOCATOR_BYTES = 20
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_EXTRA = struct.Struct("<2H")
_END_MARK, _END_64_LOCATOR_MARK, _END_64_MARK = b"PK\5\6", b"PK\6\7", b"PK\6\6"
_ENTRY_MARK, _LOCAL_MARK = b"PK\1\2", b"PK\3\4"
_MAX_COMMENT_BYTES = 0xFFFF
_IN_EXTRA = 0xFFFFFFFF
_ZIP64_TAG = 1
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8


class _Entry(NamedTuple):
    """A header of the central directory, APPNOTE 4.3.12, field by field."""

    mark: bytes
    made_by: int
    needed: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed_size: int
    size: int
    name_length: int
    extra_length: int
    comment_length: int
    disk: int
    internal: int
    external: int
    offset: int


class ArchiveBroken(Exception):
    """The bytes are no ZIP, or not one whose entry can be read; the text says why."""


class Archive:
    """A ZIP of `size` bytes, its central directory in memory.

    Raises: `ArchiveBroken` where there is no directory that can be read.

    Source: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 to 4.3.16 and 4.5.3.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        # What stands before the first entry, as in executable JARs, shifts every offset written inside.
        self._shift, self._directory = self._read_directory()

    def read_all(self, name: str, limit: int) -> list[bytes]:
        """Read every entry of this very name: where there are two, readers differ in which one counts.

        Units: `limit` is the most bytes that an entry may unpack to.

        Raises: `ArchiveBroken` for an entry that is damaged, encrypted, larger, or there too often.
        """
        entries = list(islice(self._find(name.encode()), MAX_TWINS + 1))
        if len(entries) > MAX_TWINS:
            raise ArchiveBroken(f"{name} is in it more than {MAX_TWINS} times")
        return [self._read(entry, name, limit) for entry in entries]

    def _read_directory(self) -> tuple[int, bytes]:
        tail_start = max(0, self._size - _END.size - _MAX_COMMENT_BYTES)
        tail = self._at(tail_start, self._size - tail_start)
        found = tail.rfind(_END_MARK, 0, max(0, len(tail) - _END.size + len(_END_MARK)))
        if found < 0:
            raise ArchiveBroken("it has no end-of-central-directory record")
        end = tail_start + found
        _, _, _, _, _, length, offset, _ = _END.unpack_from(tail, found)
        if tail.startswith(_END_64_LOCATOR_MARK, max(0, found - _END_64_LOCATOR_BYTES)):
            end, length, offset = self._read_end_64(end - _END_64_LOCATOR_BYTES)
        start = end - length
        if start < offset:
            raise ArchiveBroken("its central directory is not where its end says")
        if length > MAX_DIRECTORY_BYTES:
            raise ArchiveBroken(f"its central directory is over {MAX_DIRECTORY_BYTES} bytes")
        directory = self._at(start, length)
        if directory and not directory.startswith(_ENTRY_MARK):
            raise ArchiveBroken("its central directory is not where its end says")
        return start - offset, directory

    def _read_end_64(self, locator: int) -> tuple[int, int, int]:
        # The record lies right before its locator, wherever a prefix may have shifted it to.
        start = locator - _END_64.size
        mark, *_, length, offset = _END_64.unpack(self._at(start, _END_64.size))
        if mark != _END_64_MARK:
            raise ArchiveBroken("its Zip64 end record is missing")
        return start, length, offset

    def _find(self, name: bytes) -> Iterator[_Entry]:
        found = self._directory.find(name)
        while found >= 0:
            start = found - _ENTRY.size
            # The name may also be part of a longer one, or of a comment.
            if start >= 0 and self._directory.startswith(_ENTRY_MARK, start):
                entry = _Entry._make(_ENTRY.unpack_from(self._directory, start))
                if entry.name_length == len(name):
                    extra = found + len(name)
                    yield _widened(entry, self._directory[extra : extra + entry.extra_length])
            found = self._directory.find(name, found + 1)

    def _read(self, entry: _Entry, name: str, limit: int) -> bytes:
        if entry.flags & _ENCRYPTED:
            raise ArchiveBroken(f"{name} is encrypted")
        offset = entry.offset + self._shift
        header = _LOCAL.unpack(self._at(offset, _LOCAL.size))
        if header[0] != _LOCAL_MARK:
            raise ArchiveBroken(f"{name} is not where its directory says")
        # Deflate shrinks, or adds a few bytes in a thousand: what is packed this large is larger.
        if entry.packed_size > 2 * limit:
            raise ArchiveBroken(f"{name} is over {limit} bytes")
        packed = self._at(offset + _LOCAL.size + header[9] + header[10], entry.packed_size)
        text = _unpacked(entry.method, packed, name, limit)
        if len(text) > limit:
            raise ArchiveBroken(f"{name} is over {limit} bytes")
        return text

    def _at(self, position: int, length: int) -> bytes:
        if not 0 <= position <= self._size - length:
            raise ArchiveBroken("a part of it would lie outside the file")
        self._file.seek(position)
        data = self._file.read(length)
        if len(data) != length:
            raise ArchiveBroken("it is shorter than announced")
        return data


def _widened(entry: _Entry, extra: bytes) -> _Entry:
    """Take from the Zip64 extra field what did not fit into 32 bits."""
    numbers = _zip64_numbers(extra)
    try:
        return entry._replace(
            size=next(numbers) if entry.size == _IN_EXTRA else entry.size,
            packed_size=next(numbers) if entry.packed_size == _IN_EXTRA else entry.packed_size,
            offset=next(numbers) if entry.offset == _IN_EXTRA else entry.offset,
        )
    except StopIteration as error:
        raise ArchiveBroken("an entry lacks its Zip64 numbers") from error


def _zip64_numbers(extra: bytes) -> Iterator[int]:
    while len(extra) >= _EXTRA.size:
        tag, length = _EXTRA.unpack_from(extra)
        field = extra[_EXTRA.size : _EXTRA.size + length]
        if tag == _ZIP64_TAG:
            for start in range(0, len(field) - 7, 8):
                yield int.from_bytes(field[start : start + 8], "little")
            return
        extra = extra[_EXTRA.size + length :]


def _unpacked(method: int, packed: bytes, name: str, limit: int) -> bytes:
    if method == _STORED:
        return packed
    if method != _DEFLATED:
        raise ArchiveBroken(f"{name} is packed by an unknown method")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        text = inflater.decompress(packed, limit + 1)
    except zlib.error as error:
        raise ArchiveBroken(f"{name} cannot be unpacked") from error
    if len(text) <= limit and not inflater.eof:
        raise ArchiveBroken(f"{name} is cut short")
    return text

"""The bytes that somebody sends, as named texts: a CSV or JSON file, or those of an archive, within bounds."""

from __future__ import annotations

import codecs
import lzma
import zipfile
import zlib
from io import BytesIO
from pathlib import PurePosixPath
from typing import NamedTuple

from errors import Invalid

MOST_ENTRIES = 2_000  # of an archive
MOST_UNPACKED = 60_000_000  # bytes of all files that are read of an archive
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
WANTED = (".csv", ".json")
ASIDE = frozenset({"__macosx", "deleted", "orphaned", "lists"})  # folders of what is no rating
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, OSError, EOFError)


class TextFile(NamedTuple):
    """A file by its path in an archive, or by the name that came with it, in lower case."""

    name: str
    text: str


def read_files(data: bytes, filename: str = "") -> tuple[list[TextFile], bool]:
    """The CSV and JSON files in what was sent; and whether it is an archive.

    Raises:
        Invalid: It is empty, no text, or an archive that cannot be read within the bounds.
    """
    if data.startswith(ZIP_SIGNATURES):
        return _of_archive(data), True
    if not data.strip():
        raise Invalid("The file is empty.")
    return [TextFile(filename.lower(), decode(data, filename or "The file"))], False


def decode(data: bytes, name: str) -> str:
    """The text of a file: UTF-8 or UTF-16 by its mark, else Windows' Western European.

    Raises:
        Invalid: It is no text.
    """
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if (at := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise Invalid(f"{name} is no text: line {line} has a NUL byte. Send a CSV or JSON file, or a ZIP of them.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _of_archive(data: bytes) -> list[TextFile]:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MOST_ENTRIES:
                raise Invalid(f"The archive has {len(members):,} entries; at most {MOST_ENTRIES:,} are read.")
            wanted = [member for member in members if _is_wanted(member.filename)]
            return _unpacked(archive, wanted)
    except BROKEN_ZIP as error:
        raise Invalid("The archive cannot be read: it is damaged, encrypted or no ZIP.") from error


def _unpacked(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> list[TextFile]:
    """The members' texts; what a header says of a size is not believed."""
    files, left = [], MOST_UNPACKED
    for member in members:
        with archive.open(member) as opened:
            content = opened.read(left + 1)
        left -= len(content)
        if left < 0:
            raise Invalid(f"The archive's files are larger than {MOST_UNPACKED // 1_000_000} MB when unpacked.")
        files.append(TextFile(member.filename.lower(), decode(content, member.filename[:100])))
    return files


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name.lower())
    return path.suffix in WANTED and not ASIDE.intersection(path.parts) and not path.name.startswith(".")

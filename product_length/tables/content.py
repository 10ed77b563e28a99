"""What a file is by its content, whatever its name says."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 4096
"""So much of a file's start is looked at."""


@dataclass(frozen=True)
class Content:
    """A kind of file, and what to do about one that holds no table which can be read."""

    name: str
    advice: str = "save the table as CSV or Parquet"


_UNPACK = "unpack it first, or pack it with gzip, zip, bzip2, xz or zstd"
_FETCH = "it is not the table itself; fetch the file again"

TEXT = Content("plain text")
GZIP = Content("gzip")
ZIP = Content("a zip archive")
BZIP2 = Content("bzip2")
XZ = Content("xz")
ZSTD = Content("zstd")
PACKED = (GZIP, ZIP, BZIP2, XZ, ZSTD)
"""What is unpacked as it is read."""
PARQUET = Content("Parquet")
EXCEL = Content("an Excel workbook (xlsx)")
JSON = Content("JSON")
_ODS = Content("an OpenDocument spreadsheet (ods)")
_XLS = Content(
    "an old Excel workbook (xls), or one with a password",
    "save it as xlsx without a password, or the table as CSV",
)
_HTML = Content("a web page (HTML)", _FETCH)
_XML = Content("XML")

# How files begin; a longer mark comes before the one that it begins with.
_MARKS = (
    (b"\x1f\x8b", GZIP),
    (b"PAR1", PARQUET),
    (b"PARE", Content("encrypted Parquet", "write it without encryption")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _XLS),
    (b"SQLite format 3\0", Content("an SQLite database")),
    (b"%PDF-", Content("a PDF document")),
    (b"{\\rtf", Content("an RTF document")),
    (b"ARROW1", Content("an Arrow (Feather) file")),
    (b"FEA1", Content("a Feather file")),
    (b"ORC", Content("an ORC file")),
    (b"Obj\x01", Content("an Avro file")),
    (b"\x89HDF\r\n\x1a\n", Content("an HDF5 file")),
    (b"\x93NUMPY", Content("a NumPy array")),
    (b"\x80\x02", Content("a Python pickle")),
    (b"\x80\x03", Content("a Python pickle")),
    (b"\x80\x04", Content("a Python pickle")),
    (b"\x80\x05", Content("a Python pickle")),
    (b"BZh", BZIP2),
    (b"\xfd7zXZ\0", XZ),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"\x04\x22\x4d\x18", Content("lz4", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Content("a 7-Zip archive", _UNPACK)),
    (b"Rar!\x1a\x07", Content("a RAR archive", _UNPACK)),
    (b"\x89PNG\r\n\x1a\n", Content("a picture (PNG)", _FETCH)),
    (b"\xff\xd8\xff", Content("a picture (JPEG)", _FETCH)),
    (b"version https://git-lfs", Content("a pointer of Git LFS", "fetch it with git lfs pull")),
)
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_HTML_START = re.compile(
    rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|div|script|meta)\b",
    re.I | re.DOTALL,
)
_XML_START = re.compile(rb"\s*<\?xml\s")
# A CSV header may begin with [id],[title]: a bracket alone is no JSON.
_JSON_START = re.compile(rb"\s*(\{\s*(\"([^\"\\]|\\.)*\"\s*:|\})|\[\s*([{\[]\s*[\"\d{\[\]}-]|\]))")


def recognise(start: bytes, path: Path | None = None) -> Content | None:
    """The kind of file that begins with `start`; None where no mark is known.

    `start` is up to HEAD_BYTES bytes; `path`, where the file lies on disk as it is, lets archives
    be distinguished by what they hold.
    """
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive(start, path)
    if start.startswith(b"ustar", 257):
        return Content("a tar archive", _UNPACK)
    for mark, content in _MARKS:
        # A few letters may begin a header too: ORCHID,TITLE.
        if start.startswith(mark) and (len(mark) > 3 or not is_text(start)):
            return content
    plain = start.removeprefix(b"\xef\xbb\xbf")
    for pattern, content in ((_HTML_START, _HTML), (_XML_START, _XML), (_JSON_START, JSON)):
        if pattern.match(plain):
            return content
    return None


def content_of(path: Path) -> Content | None:
    """What the file at `path` is, see `recognise`."""
    with path.open("rb") as file:
        return recognise(file.read(HEAD_BYTES), path)


def is_text(start: bytes) -> bool:
    """Whether bytes look like UTF-8 text, cut off anywhere."""
    try:
        start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:
            return False
    return not _CONTROLS.search(start)


def share_of_controls(start: bytes) -> float:
    """The share of bytes that are control characters which text seldom has."""
    return len(_CONTROLS.findall(start)) / max(1, len(start))


def _archive(start: bytes, path: Path | None) -> Content:
    names: list[str] = []
    if path is not None:
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, NotImplementedError):
            pass
    if b"opendocument.spreadsheet" in start[:100]:
        return _ODS
    # The names within a packed archive are not known, but most stand at its start.
    if any(name.startswith("xl/") for name in names) or (not names and b"xl/" in start):
        return EXCEL
    if "[Content_Types].xml" in names or (not names and b"[Content_Types].xml" in start):
        return Content("an Office document")
    return ZIP

"""What a file is by its content, whatever its name says."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 4096
"""So much of a file's start is looked at."""


@dataclass(frozen=True)
class Content:
    """A kind of file, and what to do about one where a catalogue is expected."""

    name: str
    advice: str


_SAVE = "save the table as CSV or Parquet"
_UNPACK = "unpack it first, or pack it with gzip or zip"
_FETCH = "it is not the catalogue itself; fetch the file again"

TEXT = Content("plain text", "end its name with .csv if it is CSV")
GZIP = Content("gzip", "end its name with .csv.gz")
ZIP = Content("a zip archive", "end its name with .csv.zip")
PARQUET = Content("Parquet", "end its name with .parquet")
_EXCEL = Content("an Excel workbook (xlsx)", _SAVE)
_ODS = Content("an OpenDocument spreadsheet (ods)", _SAVE)
_UTF16 = Content("UTF-16 text", "save it as UTF-8")
_UTF32 = Content("UTF-32 text", "save it as UTF-8")
_JSON = Content("JSON", _SAVE)
_HTML = Content("a web page (HTML)", _FETCH)
_XML = Content("XML", _SAVE)

# How files begin; a longer mark comes before the one that it begins with.
_MARKS = (
    (b"\x1f\x8b", GZIP),
    (b"PAR1", PARQUET),
    (b"PARE", Content("encrypted Parquet", "write it without encryption")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Content("an old Excel workbook (xls)", _SAVE)),
    (b"SQLite format 3\0", Content("an SQLite database", _SAVE)),
    (b"%PDF-", Content("a PDF document", _SAVE)),
    (b"{\\rtf", Content("an RTF document", _SAVE)),
    (b"ARROW1", Content("an Arrow (Feather) file", _SAVE)),
    (b"FEA1", Content("a Feather file", _SAVE)),
    (b"ORC", Content("an ORC file", _SAVE)),
    (b"Obj\x01", Content("an Avro file", _SAVE)),
    (b"\x89HDF\r\n\x1a\n", Content("an HDF5 file", _SAVE)),
    (b"\x93NUMPY", Content("a NumPy array", _SAVE)),
    (b"\x80\x02", Content("a Python pickle", _SAVE)),
    (b"\x80\x03", Content("a Python pickle", _SAVE)),
    (b"\x80\x04", Content("a Python pickle", _SAVE)),
    (b"\x80\x05", Content("a Python pickle", _SAVE)),
    (b"BZh", Content("bzip2", _UNPACK)),
    (b"\xfd7zXZ\0", Content("xz", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", Content("zstd", _UNPACK)),
    (b"\x04\x22\x4d\x18", Content("lz4", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Content("a 7-Zip archive", _UNPACK)),
    (b"Rar!\x1a\x07", Content("a RAR archive", _UNPACK)),
    (b"\x89PNG\r\n\x1a\n", Content("a picture (PNG)", _FETCH)),
    (b"\xff\xd8\xff", Content("a picture (JPEG)", _FETCH)),
    (b"version https://git-lfs", Content("a pointer of Git LFS", "fetch it with git lfs pull")),
    (b"\xff\xfe\0\0", _UTF32),
    (b"\0\0\xfe\xff", _UTF32),
    (b"\xff\xfe", _UTF16),
    (b"\xfe\xff", _UTF16),
)
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
    if _is_utf16(start):
        return _UTF16
    plain = start.removeprefix(b"\xef\xbb\xbf")
    for pattern, content in ((_HTML_START, _HTML), (_XML_START, _XML), (_JSON_START, _JSON)):
        if pattern.match(plain):
            return content
    return None


def is_text(start: bytes) -> bool:
    """Whether bytes look like UTF-8 text, cut off anywhere."""
    try:
        start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:
            return False
    return not re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]", start)


def _archive(start: bytes, path: Path | None) -> Content:
    names: list[str] = []
    if path is not None:
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, NotImplementedError):
            pass
    if b"opendocument.spreadsheet" in start:
        return _ODS
    if any(name.startswith("xl/") for name in names) or b"xl/" in start:
        return _EXCEL
    if "[Content_Types].xml" in names or b"[Content_Types].xml" in start:
        return Content("an Office document", _SAVE)
    return ZIP


def _is_utf16(start: bytes) -> bool:
    """Whether every other byte is NUL, as in UTF-16 without a mark of Latin letters."""
    even, odd = start[::2], start[1::2]
    return len(odd) > 8 and any(
        zeros.count(0) > 0.9 * len(zeros) and others.count(0) < 0.1 * len(others)
        for zeros, others in ((even, odd), (odd, even))
    )

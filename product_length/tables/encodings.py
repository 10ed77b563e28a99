"""Which encoding a file's text has, by its first bytes."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from product_length.errors import UserError
from product_length.tables.alphabets import fit_of_letters, fit_of_region, letters_beyond_ascii
from product_length.tables.config import AUTO
from product_length.tables.content import share_of_controls
from product_length.tables.dialect import UTF8

# A longer mark comes before the one that it begins with.
_MARKS = (
    (codecs.BOM_UTF8, UTF8, "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
# What tables are written in, apart from Unicode: Windows' and the usual ones of East Asia.
_WESTERN = "cp1252"
_SINGLE_BYTE = [_WESTERN, "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"]
_SINGLE_BYTE += ["iso8859_2", "koi8_r"]
_OLDER = ["mac_roman", "cp850"]
_DOUBLE_BYTE = ["cp932", "euc_jp", "gb18030", "big5", "cp949"]
# The detector's scores of two readings that nearly agree say nothing: both are possible.
_CHAOS_MARGIN = 0.05
_COHERENCE_MARGIN = 0.1
_LARGEST_CHAOS = 0.1
_LEAST_FIT = 0.95
_FIT_MARGIN = 0.05
# Two bytes of East Asia are one letter of UTF-8 in one case of five, two letters of Windows seldom.
_MIXED = 0.4
_MIXED_SINGLE_BYTE = 0.05
_DETECTED_BYTES = 1 << 16
_SHOWN = 3
_BETWEEN_WORDS = re.compile(rb"[\s,;\"0-9]+")  # none of these is half of a letter of East Asia
_UTF8_LETTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)


@dataclass(frozen=True)
class Encoding:
    """A codec of Python, and in words where it was found out and is not UTF-8."""

    name: str
    note: str = ""


def find_encoding(path: Path, sample: bytes, asked: str) -> Encoding:
    """The encoding of a file that begins with `sample`; `asked` unless it is `auto`.

    By its byte order mark; UTF-8 if it is that so far; UTF-16 where every other byte is zero; else
    what a detector is sure of. Raises UserError when it is not, or when the bytes are no text.
    """
    if asked != AUTO:
        return Encoding(asked)
    for mark, name, words in _MARKS:
        if sample.startswith(mark):
            return Encoding(name, "" if name == UTF8 else f"read as {words}")
    if order := _utf16_order(sample):
        return Encoding(f"utf-16-{order}", "read as UTF-16 (detected)")
    is_utf8 = _is_utf8(sample)
    if share_of_controls(sample) > (0.3 if is_utf8 else 0.02):
        raise UserError(
            f"{path}: the file is neither text nor a kind of table that is known; save the table "
            "as CSV or Parquet, or set data.encoding= if it is text"
        )
    return Encoding(UTF8) if is_utf8 else _detected(path, sample)


def letters_like_utf8(block: bytes) -> list[int]:
    """Where letters that are not ASCII begin that are written as UTF-8 writes them."""
    return [match.start() for match in _UTF8_LETTER.finditer(block)]


def is_single_byte(encoding: str) -> bool:
    """Whether each letter has one byte, so that UTF-8 would be read as other letters."""
    return encoding in _SINGLE_BYTE


def _is_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder(UTF8)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _utf16_order(sample: bytes) -> str | None:
    """`le` or `be` where every other byte is NUL, as in UTF-16 of Latin letters without a mark."""
    even, odd = sample[::2], sample[1::2]
    for order, zeros, others in (("le", odd, even), ("be", even, odd)):
        if len(odd) > 8 and zeros.count(0) > 0.9 * len(zeros) and not others.count(0):
            return order
    return None


def _detected(path: Path, sample: bytes) -> Encoding:
    from charset_normalizer import from_bytes  # only where it is needed

    lines = [line for line in sample.splitlines(keepends=True) if not line.isascii()]
    odd = b"".join(lines)[:_DETECTED_BYTES]
    _refuse_mixture(path, sample, odd, _MIXED)
    if not letters_beyond_ascii(odd.decode(_WESTERN, errors="replace")):
        return _found(_WESTERN)  # symbols only: all of Windows' encodings have the usual ones there
    # Numbers and separators between words say nothing of a language, and confuse the detector.
    words = b"\n".join(word for word in _BETWEEN_WORDS.split(odd) if not word.isascii())
    matches = from_bytes(
        words, cp_isolation=[*_SINGLE_BYTE, *_DOUBLE_BYTE], preemptive_behaviour=False,
        enable_fallback=False,
    )  # fmt: skip
    # Encodings that read these bytes alike are one reading, called by the most usual of its names.
    readings: dict[str, tuple[float, float]] = {}
    for match in matches:
        name = _usual_name([match.encoding, *match.could_be_from_charset])
        if name is not None and name not in readings:
            readings[name] = (match.chaos, match.coherence)
    chaos, coherence = next(iter(readings.values()), (1.0, 0.0))
    if chaos > _LARGEST_CHAOS:
        raise _unsure(path, odd, list(readings) or [_WESTERN, "cp1250"])
    possible = [
        name
        for name, (other_chaos, other_coherence) in readings.items()
        if other_chaos <= chaos + _CHAOS_MARGIN and other_coherence >= coherence - _COHERENCE_MARGIN
    ]
    if len(possible) > 1:
        possible = _of_one_language(odd, [*dict.fromkeys([_WESTERN, *possible])]) or possible
    if len(possible) > 1:
        raise _unsure(path, odd, sorted(possible, key=[*_SINGLE_BYTE, *_DOUBLE_BYTE].index))
    if fit_of_region(odd.decode(possible[0], errors="replace"), possible[0]) < _LEAST_FIT:
        raise _unsure(path, odd, list(readings))
    if is_single_byte(possible[0]):
        if older := _possible_older(odd):
            raise _unsure(path, odd, [possible[0], *older])
        _refuse_mixture(path, sample, odd, _MIXED_SINGLE_BYTE)
    return _found(possible[0])


def _found(name: str) -> Encoding:
    return Encoding(name, f"read as {name} (detected)")


def _of_one_language(odd: bytes, encodings: Sequence[str]) -> list[str]:
    """The encoding by which the letters are those of one language, if it is the only one."""
    fits = {name: fit_of_letters(odd.decode(name, errors="replace")) for name in encodings}
    best = max(fits.values())
    near = [name for name, fit in fits.items() if fit > best - _FIT_MARGIN]
    return near if best >= _LEAST_FIT and len(near) == 1 else []


def _possible_older(odd: bytes) -> list[str]:
    """The encodings of old systems by which the letters are those of one language."""
    return [
        name for name in _OLDER if fit_of_letters(odd.decode(name, errors="replace")) >= _LEAST_FIT
    ]


def _usual_name(names: Sequence[str]) -> str | None:
    return next((name for name in [*_SINGLE_BYTE, *_DOUBLE_BYTE] if name in names), None)


def _refuse_mixture(path: Path, sample: bytes, odd: bytes, share: float) -> None:
    """Raise UserError where to each byte that is no UTF-8 there are `share` letters that are."""
    as_utf8 = len(letters_like_utf8(odd))
    rest = _UTF8_LETTER.sub(b"", odd)
    others = sum(byte > 127 for byte in rest)
    if as_utf8 > share * others:
        raise UserError(
            f"{path}: the file mixes encodings: {as_utf8:,} letters of its start are UTF-8, but "
            f"not {_first_odd(sample)}; write it anew as UTF-8, or set data.encoding="
        )


def _first_odd(sample: bytes) -> str:
    """In words the first byte of a sample that is not UTF-8."""
    try:
        sample.decode()
        return "all"
    except UnicodeDecodeError as error:
        line = sample.count(b"\n", 0, error.start) + 1
        before = sample[max(0, error.start - 20) : error.start].decode(errors="replace")
        return f"byte {sample[error.start]:#04x} in line {line} (after {before!r})"


def _unsure(path: Path, odd: bytes, candidates: Sequence[str]) -> UserError:
    shown = candidates[:_SHOWN]
    word = _telling_word(odd, shown)
    read = ", ".join(
        f"data.encoding={name} reads {word.decode(name, errors='replace')!r}" for name in shown
    )
    return UserError(
        f"{path}: the file is not UTF-8, and its encoding cannot be told: {read}; "
        "or give another that it is written in"
    )


def _telling_word(odd: bytes, encodings: Sequence[str]) -> bytes:
    """The first word that the encodings read differently."""
    words = [word for word in _BETWEEN_WORDS.split(odd) if not word.isascii()]
    for word in words:
        if len({word.decode(name, errors="replace") for name in encodings}) == len(encodings):
            return word[:40]
    return words[0][:40] if words else odd[:40]

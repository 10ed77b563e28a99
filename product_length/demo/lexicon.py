"""Texts built from pieces: a row is a list of piece numbers, a column is one Arrow take."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_WHOLE_NUMBERS = 100_000


class Lexicon:
    """Strings with a number each; piece 0 is the empty string."""

    def __init__(self) -> None:
        self._pieces = [""]
        self._numbers = {"": 0}
        self._array: pa.StringArray | None = None
        self._points = self.add_all(f".{n:02d}".rstrip("0").rstrip(".") for n in range(100))
        self._commas = self.add_all(f",{n:02d}".rstrip("0").rstrip(",") for n in range(100))
        self._first_whole = len(self._pieces)
        # Not through `add`: "12" may stand elsewhere, but these must be consecutive.
        self._pieces.extend(map(str, range(_WHOLE_NUMBERS)))

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, text: str) -> int:
        """Return the number of a piece, adding it where it is new."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self._pieces)
            self._pieces.append(text)
            self._array = None
        return number

    def add_all(self, texts: Iterable[str]) -> npt.NDArray[np.int32]:
        """Return the numbers of pieces, int32 (texts,)."""
        return np.array([self.add(text) for text in texts], dtype=np.int32)

    def append_all(self, texts: Iterable[str]) -> tuple[int, int]:
        """Append pieces one after another and return (number of the first, how many)."""
        first = len(self._pieces)
        self._pieces.extend(texts)
        self._array = None
        return first, len(self._pieces) - first

    def whole(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Pieces that write whole numbers from 0 to 99,999; same shape as `numbers`."""
        if numbers.size and (numbers.min() < 0 or numbers.max() >= _WHOLE_NUMBERS):
            raise ValueError(f"only 0 to {_WHOLE_NUMBERS - 1} can be written")
        return (self._first_whole + numbers).astype(np.int32)

    def decimals(
        self, hundredths: npt.NDArray[np.int64], comma: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int32]:
        """Pieces that write .01 to .99 after the whole part ("" for 0); same shapes."""
        return np.where(comma, self._commas[hundredths], self._points[hundredths])

    def join(
        self, pieces: npt.NDArray[np.int32], missing: npt.NDArray[np.bool_] | None = None
    ) -> pa.StringArray:
        """Concatenate each row of `pieces` (rows, places); rows that are `missing` become null."""
        if self._array is None:
            self._array = pa.array(self._pieces, pa.string())
        if missing is not None:
            pieces = np.where(missing[:, None], np.int32(0), pieces)
        written = pieces != 0
        taken = self._array.take(pa.array(pieces[written]))
        # The bytes of consecutive pieces are the bytes of the joined rows: only offsets change.
        starts = np.concatenate(([0], np.cumsum(written.sum(axis=1))))
        _, offsets, data = taken.buffers()
        ends = np.zeros(len(starts), np.int32)
        if offsets is not None and len(taken):
            ends = np.frombuffer(memoryview(offsets), np.int32)[starts]
        valid = None
        if missing is not None:
            valid = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
        return pa.StringArray.from_buffers(
            len(pieces), pa.py_buffer(ends.tobytes()), data or pa.py_buffer(b""), valid
        )

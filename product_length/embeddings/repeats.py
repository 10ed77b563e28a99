"""Encodes each distinct text of a catalogue once, chunk by chunk."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from product_length.embeddings.encoder import Encoder


class EncodeOnce:
    """Chunks of a catalogue's vectors, for `ArtefactStore.array`; rows in ascending chunks.

    The vector of a text that comes again in a later chunk is kept until its last row, so memory
    grows with the texts that repeat across chunks, not with the rows. After a kill those are
    encoded once more, as the vectors of finished chunks lie on disk only.
    """

    def __init__(
        self,
        encoder: Encoder,
        texts: Callable[[int, int], Sequence[str]],
        text_keys: NDArray[np.uint64],
    ) -> None:
        self.encoded = 0
        self._encoder = encoder
        self._texts = texts
        keys, self._text_of_row = np.unique(text_keys, return_inverse=True)
        self.unique_texts = len(keys)
        self._last_row = np.zeros(len(keys), dtype=np.int64)
        self._last_row[self._text_of_row] = np.arange(len(text_keys))  # the last write stays
        self._kept: dict[int, tuple[NDArray[np.float16], bool]] = {}

    def __call__(self, start: int, stop: int) -> tuple[NDArray[np.float16], dict[str, int]]:
        """Vectors of rows [start, stop): float16 (stop - start, dimension), and counts of rows."""
        distinct, first, position = np.unique(
            self._text_of_row[start:stop], return_index=True, return_inverse=True
        )
        kept = np.fromiter((text in self._kept for text in distinct.tolist()), dtype=np.bool_)
        vectors = np.empty((len(distinct), self._encoder.dimension), dtype=np.float16)
        cut = np.zeros(len(distinct), dtype=np.bool_)
        for i in np.flatnonzero(kept).tolist():
            vectors[i], cut[i] = self._kept[int(distinct[i])]
        marked = False
        new = np.flatnonzero(~kept)
        if len(new):
            chunk = self._texts(start, stop)
            if len(chunk) != stop - start:
                raise ValueError(f"{len(chunk)} texts for the rows {start}:{stop}")
            vectors[new], marks = self._encoder.encode_marked([chunk[row] for row in first[new]])
            self.encoded += len(new)
            if marks is not None:
                cut[new] = marks
                marked = True
        for i, text in enumerate(distinct.tolist()):
            if self._last_row[text] < stop:
                self._kept.pop(text, None)
            elif not kept[i]:
                self._kept[text] = vectors[i].copy(), bool(cut[i])
        counts = {"truncated": int(cut[position].sum())} if marked or cut.any() else {}
        return vectors[position], counts

"""Encodes each distinct text of a catalogue once, chunk by chunk."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.embeddings.encoder import Encoder, Engine, Marked, Vectors


@dataclass(frozen=True)
class _Plan:
    """Of the rows before `stop`: the texts, int64 (texts,), the row's, and which are encoded now.

    position: int64 (rows,), into `texts`; new: bool (texts,).
    """

    stop: int
    texts: NDArray[np.int64]
    position: NDArray[np.int64]
    new: NDArray[np.bool_]


class EncodeOnce:
    """Chunks of a catalogue's vectors, for `ArtefactStore.streamed_array`; ascending.

    The vector of a text that comes again in a later chunk is kept until its last row, so memory
    grows with the texts that repeat across chunks, not with the rows. After a kill those are
    encoded once more, as the vectors of finished chunks lie on disk only.
    """

    def __init__(
        self,
        encoder: Encoder,
        texts: Callable[[NDArray[np.int64]], Sequence[str]],
        text_keys: NDArray[np.uint64],
        engine: Engine,
    ) -> None:
        self.encoded = 0
        self._encoder = encoder
        self._engine = engine
        self._texts = texts
        keys, self._text_of_row = np.unique(text_keys, return_inverse=True)
        self.unique_texts = len(keys)
        self._last_row = np.zeros(len(keys), dtype=np.int64)
        self._last_row[self._text_of_row] = np.arange(len(text_keys))  # the last write stays
        self._asked = np.zeros(len(keys), dtype=np.bool_)
        self._kept: dict[int, tuple[NDArray[Any], bool]] = {}

    def __call__(
        self, spans: Sequence[tuple[int, int]]
    ) -> Generator[tuple[Vectors, dict[str, int]], None, None]:
        """For the rows [start, stop) of each span their vectors, and counts of rows.

        Vectors are (stop - start, dimension). Raises what the engine raises.
        """
        plans: deque[_Plan] = deque()  # of the chunks that the engine has taken and not given back

        def new_texts() -> Iterator[list[str]]:
            for start, stop in spans:
                plan, found = self._plan(start, stop)
                plans.append(plan)
                yield found

        with contextlib.closing(self._engine(self._encoder, new_texts())) as results:
            for result in results:
                yield self._assembled(plans.popleft(), result)

    def _plan(self, start: int, stop: int) -> tuple[_Plan, list[str]]:
        texts, first, position = np.unique(
            self._text_of_row[start:stop], return_index=True, return_inverse=True
        )
        new = ~self._asked[texts]
        self._asked[texts] = True
        plan = _Plan(stop, texts, position, new)
        if not new.any():
            return plan, []
        rows = start + first[new]
        order = np.argsort(rows)
        found = self._texts(rows[order])
        if len(found) != len(rows):
            raise ValueError(f"{len(found)} texts for {len(rows)} rows of {start}:{stop}")
        return plan, [found[place] for place in np.argsort(order).tolist()]

    def _assembled(self, plan: _Plan, result: Marked) -> tuple[Vectors, dict[str, int]]:
        found, marks = result
        vectors = np.empty((len(plan.texts), self._encoder.dimension), dtype=self._encoder.dtype)
        cut = np.zeros(len(plan.texts), dtype=np.bool_)
        vectors[plan.new] = found
        if marks is not None:
            cut[plan.new] = marks
        self.encoded += len(found)
        for i, text in enumerate(plan.texts.tolist()):
            if not plan.new[i]:
                vectors[i], cut[i] = self._kept[text]
            if self._last_row[text] < plan.stop:
                self._kept.pop(text, None)
            elif plan.new[i]:
                self._kept[text] = vectors[i].copy(), bool(cut[i])
        counts = {} if marks is None else {"truncated": int(cut[plan.position].sum())}
        return vectors[plan.position], counts

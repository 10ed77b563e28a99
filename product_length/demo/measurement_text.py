"""How a stated measurement is written: its lead, its numbers, its joins and its unit."""

import numpy as np
import numpy.typing as npt

from product_length.demo.facts import TITLE, Facts
from product_length.demo.languages import DECIMAL_COMMA, LANGUAGES
from product_length.demo.lexicon import Lexicon
from product_length.demo.measurements import (
    BARE,
    LABELLED,
    NONE,
    OF_LENGTH,
    OF_PACKAGE,
    OF_WIDTH,
    PAIR,
    TRIPLE,
)
from product_length.demo.wording import (
    LEADS,
    PLAIN_JOINS,
    STYLES,
    UNIT_LENGTHS,
    UNIT_WORDS,
    after_number,
)

Pieces = npt.NDArray[np.int32]

# The lead (column of LEADS) of each kind; a bare size in a text reads "Size: 30 cm".
_LEAD_OF_KIND = np.zeros(8, np.int64)
_LEAD_OF_KIND[[OF_LENGTH, LABELLED, TRIPLE, PAIR, OF_PACKAGE, OF_WIDTH, BARE]] = (
    0, 1, 2, 3, 4, 5, 3
)  # fmt: skip
_FREE_STYLES = len(PLAIN_JOINS) + 1  # plain joins, and the unit after every number


class MeasurementWriter:
    """Writes stated measurements as rows of pieces."""

    width = 10
    """Pieces of a measurement; the last one is written wherever anything is stated."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._leads = np.stack([lexicon.add_all(row) for row in LEADS])
        self._comma = np.array(DECIMAL_COMMA)
        variants = max(len(words) for row in UNIT_WORDS for words in row)
        shape = (len(LANGUAGES), len(UNIT_LENGTHS))
        self._variants = np.array([[len(words) for words in row] for row in UNIT_WORDS])
        # [language][unit][variant][style][position][last]: what follows a number.
        self._after = np.zeros((*shape, variants, len(STYLES), 3, 2), np.int32)
        for language, unit in np.ndindex(shape):
            for variant, word in enumerate(UNIT_WORDS[language][unit]):
                for index, style in enumerate(STYLES):
                    for position in range(3):
                        self._after[language, unit, variant, index, position] = lexicon.add_all(
                            after_number(style, position, last, word) for last in (False, True)
                        )

    def pieces(self, facts: Facts, draws: npt.NDArray[np.uint32]) -> Pieces:
        """Pieces int32 (rows, width), all 0 where nothing is stated; `draws` uint32 (4, rows)."""
        language, unit, kind = facts.languages, facts.units, facts.kinds
        free = (draws[0].astype(np.int64) * _FREE_STYLES) >> 32
        labelled_style = (draws[0].astype(np.int64) * len(STYLES)) >> 32
        style = np.where(kind == LABELLED, labelled_style, free)
        # Brackets and letters name the sides themselves, and then the lead need not.
        lead = np.where(
            (kind == LABELLED) & (style >= _FREE_STYLES), _LEAD_OF_KIND[TRIPLE], _LEAD_OF_KIND[kind]
        )
        bare = np.isin(kind, (BARE, PAIR)) & (facts.places == TITLE)
        variant = (draws[1].astype(np.int64) * self._variants[language, unit]) >> 32
        after = self._after[language, unit, variant, style]
        count = (facts.numbers >= 0).sum(axis=1)
        whole, cents = np.divmod(np.maximum(facts.numbers, 0), 100)
        comma = np.broadcast_to(
            (self._comma[language] & (draws[2] < np.uint32(0.8 * 2**32)))[:, None], cents.shape
        )
        written = np.zeros((len(kind), self.width), np.int32)
        written[:, 0] = np.where(bare, 0, self._leads[language, lead])
        whole_pieces = self._lexicon.whole(whole)
        cent_pieces = self._lexicon.decimals(cents, comma)
        for position in range(2, -1, -1):
            # Numbers are set flush right, so that the last piece is always the final unit.
            column = 1 + 3 * position
            number = position - (3 - count)
            there = (number >= 0) & (kind != NONE)
            take = np.maximum(number, 0)[:, None]
            last = int(position == 2)
            joins = np.take_along_axis(after[:, :, last], take, axis=1).squeeze(1)
            for offset, values in enumerate((
                np.take_along_axis(whole_pieces, take, axis=1).squeeze(1),
                np.take_along_axis(cent_pieces, take, axis=1).squeeze(1),
                joins,
            )):  # fmt: skip
                written[:, column + offset] = np.where(there, values, 0)
        written[kind == NONE] = 0
        return written

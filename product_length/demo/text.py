"""The texts of demo products: titles, bullet points and descriptions that show their facts."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from product_length.demo.departments import DEPARTMENTS
from product_length.demo.facts import BULLETS, DESCRIPTION, TITLE, Facts
from product_length.demo.languages import (
    COLOURS,
    LANGUAGES,
    MATERIALS,
    OBJECT_FIRST,
    SIZES,
    USES,
)
from product_length.demo.lexicon import Lexicon
from product_length.demo.measurement_text import MeasurementWriter
from product_length.demo.wording import (
    ABOUT,
    DECOYS,
    DESCRIPTION_ENDS,
    DESCRIPTION_STARTS,
    SENTENCE_ENDS,
    TAGLINES,
    sentences,
)
from product_length.demo.world import World

Pieces = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Draws = npt.NDArray[np.uint32]

_BULLETS, _SENTENCES = 10, 14
DRAWS = 16 + _BULLETS + _SENTENCES
"""Random numbers that the wording of one row takes."""
_HINDI = LANGUAGES.index("hi")


def pick(draws: Draws, counts: Ints | int) -> Ints:
    """Scale uint32 draws to whole numbers below `counts` (an int, or int64 of the same shape)."""
    return np.asarray(draws.astype(np.int64) * counts >> 32)


def _happens(draws: Draws, share: float) -> npt.NDArray[np.bool_]:
    return np.asarray(draws < np.uint32(share * 2**32))


class TextWriter:
    """Writes the three text columns of some rows; holds the words of one catalogue."""

    def __init__(self, world: World) -> None:
        self._world = world
        words = self._lexicon = Lexicon()
        self._measurements = MeasurementWriter(words)
        self._materials = np.stack([words.add_all(row) for row in MATERIALS])
        self._uses = np.stack([words.add_all(row) for row in USES])
        self._objects = np.stack(
            [np.stack([words.add_all(row) for row in each.names]) for each in DEPARTMENTS]
        )
        self._sizes = np.array([[words.add_all(size) for size in row] for row in SIZES])
        self._colours = np.stack([words.add_all(row) for row in COLOURS])
        self._about = np.array([[words.add_all(pair) for pair in row] for row in ABOUT])
        self._brands = words.add_all(world.brand_names)
        self._decoys = np.concatenate(([0], words.add_all(DECOYS))).astype(np.int32)
        self._letters = words.add_all(
            f"{a}{b}-" for a in "ABCDEFGHKLMNPRSTWXYZ" for b in "ABCDEGHKLMPQRSTVXZ"
        )
        longest = max(map(len, TAGLINES))
        self._taglines = np.stack(
            [np.resize(words.add_all(row), longest) for row in TAGLINES]  # shorter rows start again
        )
        self._ends = words.add_all(SENTENCE_ENDS)
        self._starts = words.add_all(DESCRIPTION_STARTS)
        self._last_ends = words.add_all(DESCRIPTION_ENDS)
        self._glue = {text: words.add(text) for text in (" ", ", ", ",", "[", "]", " (", ")", ": ")}
        pools = [
            [words.append_all(sentences(language, department)) for department in
             range(len(DEPARTMENTS))]
            for language in range(len(LANGUAGES))
        ]  # fmt: skip
        self._pools = np.array(pools, dtype=np.int64)

    def columns(
        self, facts: Facts, draws: Draws
    ) -> tuple[pa.StringArray, pa.StringArray, pa.StringArray]:
        """Title, bullet points and description of rows; `draws` uint32 (DRAWS, rows)."""
        noun = self._noun(facts)
        statement = self._measurements.pieces(facts, draws[:4])
        shown = [
            np.where((facts.places == place)[:, None], statement, np.int32(0))
            for place in (TITLE, BULLETS, DESCRIPTION)
        ]
        decoys = [
            np.where(facts.decoy_places == place, self._decoys[facts.decoys + 1], np.int32(0))
            for place in (TITLE, BULLETS, DESCRIPTION)
        ]
        return (
            self._titles(facts, noun, shown[TITLE], decoys[TITLE], draws[5:10]),
            self._bullets(facts, noun, shown[BULLETS], decoys[BULLETS], draws[10:]),
            self._descriptions(facts, noun, shown[DESCRIPTION], decoys[DESCRIPTION], draws[10:]),
        )

    def _noun(self, facts: Facts) -> Pieces:
        """Material, use and object in the order of the language; a generic word hides the noun."""
        world, language, types = self._world, facts.languages, facts.types
        objects = np.where(facts.noun_shown, world.objects[types, facts.nouns], 0)
        material = self._materials[world.materials[types], language]
        use = self._uses[world.uses[types], language]
        thing = self._objects[world.departments[types], objects, language]
        object_first = np.array(OBJECT_FIRST)[language]
        return np.stack(
            [np.where(object_first, thing, material), use, np.where(object_first, material, thing)],
            axis=1,
        )

    def _after(self, piece: Pieces, glue: str) -> Pieces:
        """The glue where there is a piece to follow it, else nothing."""
        return np.where(piece != 0, self._glue[glue], 0).astype(np.int32)

    def _titles(
        self, facts: Facts, noun: Pieces, statement: Pieces, decoys: Pieces, draws: Draws
    ) -> pa.StringArray:
        language = facts.languages
        brand = np.where(
            facts.brand_shown, self._brands[self._world.brands[facts.types, facts.brands]], 0
        )
        size = self._sizes[language, facts.sizes, pick(draws[0], 2)]
        bare = _happens(draws[1], 0.12)  # the titles that repeat
        colour = self._colours[language, pick(draws[2], self._colours.shape[1])]
        letters = self._letters[pick(draws[3], len(self._letters))]
        digits = self._lexicon.whole(100 + pick(draws[4], 9900))
        tagline = self._taglines[language, pick(draws[1] << np.uint32(8), self._taglines.shape[1])]
        tagged = ~bare & _happens(draws[2] << np.uint32(8), 0.65)
        coded = ~bare & _happens(draws[3] << np.uint32(8), 0.4)
        columns = [
            brand, self._after(brand, " "), *noun.T, np.where(facts.size_shown, size, 0),
            np.where(tagged, tagline, 0), np.where(bare, 0, colour),
            self._after(decoys, ", "), decoys,
            self._after(statement[:, -1], ", "), *statement.T,
            np.where(coded, self._glue[" ("], 0), np.where(coded, letters, 0),
            np.where(coded, digits, 0), np.where(coded, self._glue[")"], 0),
        ]  # fmt: skip
        pieces = np.stack(columns, axis=1).astype(np.int32)
        return self._lexicon.join(pieces, facts.missing[:, TITLE])

    def _plain(self, facts: Facts, draws: Draws, counts: Ints) -> Pieces:
        """Sentences (rows, draws), the first `counts` of each row; Hindi rows mix in English."""
        departments = self._world.departments[facts.types]
        mixed = (facts.languages[None] == _HINDI) & _happens(draws << np.uint32(16), 0.5)
        language = np.where(mixed, 0, facts.languages[None])
        pools = self._pools[language, departments[None]]
        numbers = pools[..., 0] + pick(draws, pools[..., 1])
        wanted = np.arange(len(draws))[:, None] < counts[None]
        return np.where(wanted, numbers, 0).T.astype(np.int32)

    def _bullets(
        self, facts: Facts, noun: Pieces, statement: Pieces, decoys: Pieces, draws: Draws
    ) -> pa.StringArray:
        counts = 1 + pick(draws[0], 8)
        plain = self._plain(facts, draws[6 : 6 + _BULLETS], counts)
        about = self._about[facts.languages, pick(draws[1], len(ABOUT[0]))]
        everywhere = np.ones(len(plain), np.int32)
        columns = [everywhere * self._glue["["], about[:, 0], *noun.T, about[:, 1]]
        for index, item in enumerate(plain.T):
            columns += [self._after(item, ","), item]
            if index == 1:
                columns += [self._after(statement[:, -1], ","), *statement.T]
        columns += [self._after(decoys, ","), decoys, everywhere * self._glue["]"]]
        pieces = np.stack(columns, axis=1).astype(np.int32)
        return self._lexicon.join(pieces, facts.missing[:, BULLETS])

    def _descriptions(
        self, facts: Facts, noun: Pieces, statement: Pieces, decoys: Pieces, draws: Draws
    ) -> pa.StringArray:
        counts = 1 + pick(draws[2], _SENTENCES)
        plain = self._plain(facts, draws[6 + _BULLETS : 6 + _BULLETS + _SENTENCES], counts)
        about = self._about[facts.languages, pick(draws[3], len(ABOUT[0]))]
        # A quarter of the descriptions keep remnants of a page.
        style = np.where(_happens(draws[4], 0.7), 0, pick(draws[5], len(SENTENCE_ENDS)))
        end = self._ends[style]
        columns = [self._starts[style], about[:, 0], *noun.T, about[:, 1]]
        for index, item in enumerate(plain.T):
            columns += [np.where(item != 0, end, 0), item]
            if index == 0:
                columns += [np.where(statement[:, -1] != 0, end, 0), *statement.T]
        columns += [np.where(decoys != 0, end, 0), decoys, self._last_ends[style]]
        pieces = np.stack(columns, axis=1).astype(np.int32)
        return self._lexicon.join(pieces, facts.missing[:, DESCRIPTION])

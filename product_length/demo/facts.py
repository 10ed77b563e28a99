"""What is sampled for each product: what it is, what its text shows of that, how it is labelled."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from product_length.demo.labels import (
    CHANNEL_SHARES,
    STEP_SHARES,
    channel_lengths,
    sample_from,
)
from product_length.demo.languages import LANGUAGE_SHARES
from product_length.demo.measurements import (
    NONE,
    READING_SHARES,
    STATEMENT_SHARES,
    shown_numbers,
    sides_of,
)
from product_length.demo.wording import DECOYS
from product_length.demo.world import (
    BRAND_SHARES,
    NOUN_SHARES,
    SIZE_SHARES,
    World,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TITLE, BULLETS, DESCRIPTION = range(3)

_SHOWN_NOUN, _SHOWN_BRAND, _SHOWN_SIZE, _STATED = 0.9, 0.75, 0.4, 0.36
_MISSING_TITLE, _MISSING_BULLETS = 0.0005, 0.37
_MISSING_DESCRIPTION = (0.27, 0.92)
"""Where the bullet points are there, and where they are missing too: sparse rows are sparse."""
_REPEATED = 0.012
_DECOY = 0.3


@dataclass(frozen=True)
class Facts:
    """Facts of some rows; every array is (rows,) but `numbers` and `missing`."""

    types: Ints
    nouns: Ints
    brands: Ints
    """int64, one of the type's BRANDS."""
    sizes: Ints
    steps: Ints
    channels: Ints
    noun_shown: Flags
    brand_shown: Flags
    size_shown: Flags
    kinds: Ints
    """int64, what is stated; 0 is nothing."""
    readings: Ints
    units: Ints
    numbers: Ints
    """int64 (rows, 3), hundredths of the unit, -1 where none is printed."""
    places: Ints
    """int64, the field that states it."""
    decoys: Ints
    """int64, index into DECOYS, -1 for none."""
    decoy_places: Ints
    """int64, the field that holds the decoy."""
    languages: Ints
    missing: Flags
    """bool (rows, 3): title, bullet points, description."""
    text_rows: Ints
    """int64, the row of the chunk whose wording this row has: its own unless it repeats one."""

    def take(self, rows: Ints) -> "Facts":
        """The facts of some rows, int64 (n,), in that order."""
        return Facts(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @staticmethod
    def concatenate(parts: Sequence["Facts"]) -> "Facts":
        """The facts of several parts (at least one) one after another."""
        names = [field.name for field in fields(Facts)]
        return Facts(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def brand_tiers(world: World, facts: Facts) -> Ints:
    """Tier of each row's brand, int64 (rows,), whether the text shows it or not."""
    return world.brand_tiers[world.brands[facts.types, facts.brands]]


def sample_facts(world: World, count: int, rng: np.random.Generator) -> Facts:
    """Sample the facts of one chunk of `count` rows."""

    def chosen(shares: Floats) -> Ints:
        return np.searchsorted(np.cumsum(shares)[:-1], rng.random(count), side="right")

    def flags(share: float) -> Flags:
        return rng.random(count) < share

    types = chosen(world.shares)
    nouns, brands, sizes = chosen(NOUN_SHARES), chosen(BRAND_SHARES), chosen(SIZE_SHARES)
    tiers = world.brand_tiers[world.brands[types, brands]]
    steps = sample_from(STEP_SHARES[world.profiles[types], sizes, tiers], rng.random(count))

    missing = np.stack([flags(_MISSING_TITLE), flags(_MISSING_BULLETS), flags(0.0)], axis=1)
    chance = np.where(missing[:, BULLETS], _MISSING_DESCRIPTION[1], _MISSING_DESCRIPTION[0])
    missing[:, DESCRIPTION] = rng.random(count) < chance
    missing[missing[:, TITLE], BULLETS] = False  # no row is without any text
    named = ~missing[:, TITLE]

    kinds = np.where(flags(_STATED), 1 + chosen(STATEMENT_SHARES), NONE)
    readings = sample_from(READING_SHARES[kinds], rng.random(count))
    units = sample_from(world.unit_shares[types], rng.random(count))
    sides = sides_of(world, types, nouns, world.ladders[types, nouns, steps])
    present = np.where(missing, 0.0, np.array([0.3, 0.4, 0.3]))
    own = Facts(
        types=types,
        nouns=nouns,
        brands=brands,
        sizes=sizes,
        steps=steps,
        channels=np.zeros(count, np.int64),
        noun_shown=flags(_SHOWN_NOUN) & named,
        brand_shown=flags(_SHOWN_BRAND) & named,
        size_shown=flags(_SHOWN_SIZE) & named,
        kinds=kinds,
        readings=readings,
        units=units,
        numbers=shown_numbers(sides, kinds, readings, units),
        places=sample_from(present, rng.random(count)),
        decoys=np.where(flags(_DECOY), rng.integers(0, len(DECOYS), count), -1),
        decoy_places=sample_from(present, rng.random(count)),
        languages=chosen(np.array(LANGUAGE_SHARES)),
        missing=missing,
        text_rows=np.arange(count),
    )
    # A repeated product is the same thing listed again: same text, same true length; only the
    # label is entered anew. Each row alone still has the distribution that its text gives.
    repeats = flags(_REPEATED)
    sources = (rng.random(count) * np.arange(count)).astype(np.int64)
    repeats &= ~repeats[sources]
    repeats[0] = False
    facts = own.take(np.where(repeats, sources, np.arange(count)))
    shares = CHANNEL_SHARES[world.departments[facts.types], brand_tiers(world, facts)]
    facts.channels[:] = sample_from(shares, rng.random(count))
    return facts


def labels_of(world: World, facts: Facts) -> Floats:
    """The label of each row, float64 (rows,), 1/100 inch."""
    lengths = world.ladders[facts.types, facts.nouns, facts.steps]
    sides = sides_of(world, facts.types, facts.nouns, lengths)
    labels = channel_lengths(sides, world.stubs[facts.types])
    return np.asarray(np.take_along_axis(labels, facts.channels[:, None], axis=1).squeeze(1))

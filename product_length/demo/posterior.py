"""The label's distribution given what a row shows: all hidden facts are summed out."""

import numpy as np
import numpy.typing as npt

from product_length.demo.facts import Facts, brand_tiers
from product_length.demo.labels import (
    CHANNEL_SHARES,
    STEP_SHARES,
    STEP_SHARES_ANY_SIZE,
    channel_lengths,
)
from product_length.demo.measurements import reading_match, sides_of
from product_length.demo.truth import ConditionalLengths, merge_atoms
from product_length.demo.world import (
    BRAND_SHARES,
    NOUN_SHARES,
    NOUNS,
    STEPS,
    TIERS,
    World,
)

Floats = npt.NDArray[np.float64]


def _noun_shares(facts: Facts) -> Floats:
    known = np.eye(NOUNS)[facts.nouns]
    return np.where(facts.noun_shown[:, None], known, NOUN_SHARES)


def _tier_shares(world: World, facts: Facts) -> Floats:
    known = np.eye(TIERS)[brand_tiers(world, facts)]
    tiers = np.eye(TIERS)[world.brand_tiers[world.brands[facts.types]]]
    hidden = np.einsum("b,nbt->nt", BRAND_SHARES, tiers)
    return np.where(facts.brand_shown[:, None], known, hidden)


def conditional_lengths(world: World, facts: Facts) -> ConditionalLengths:
    """Sum the label's probability over nouns, brand tiers, sizes, steps, readings and slips.

    Uses of a row only what its text and type show: nouns, brands and sizes where they are
    shown, and the printed numbers; never its step, its reading or its channel.
    """
    rows = len(facts.types)
    profiles = world.profiles[facts.types]
    steps_by_tier = np.where(
        facts.size_shown[:, None, None],
        STEP_SHARES[profiles, facts.sizes],
        STEP_SHARES_ANY_SIZE[profiles],
    )
    slips = CHANNEL_SHARES[world.departments[facts.types]]
    step_slips = np.einsum(
        "nt,ntj,ntc->njc", _tier_shares(world, facts), steps_by_tier, slips, optimize=False
    )

    # One entry for each noun that a row may have, then one for each step it may stand on.
    noun_shares = _noun_shares(facts)
    row, noun = np.nonzero(noun_shares)
    types = np.broadcast_to(facts.types[row, None], (len(row), STEPS))
    nouns = np.broadcast_to(noun[:, None], types.shape)
    sides = sides_of(world, types, nouns, world.ladders[facts.types[row], noun])
    match = reading_match(sides, facts.kinds[row], facts.units[row], facts.numbers[row])
    entry, step = np.nonzero(match)
    owner = row[entry]
    share = noun_shares[owner, noun[entry]] * match[entry, step]
    weights = share[:, None] * step_slips[owner, step]
    values = channel_lengths(sides[entry, step], world.stubs[facts.types[owner]])
    owners = np.broadcast_to(owner[:, None], values.shape)
    return merge_atoms(owners.ravel(), values.ravel(), weights.ravel(), rows)

"""What holds for a whole demo catalogue: its types, their nouns and lengths, its brands."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from product_length.demo.departments import DEPARTMENTS
from product_length.demo.languages import USES
from product_length.demo.wording import CM, FOOT, INCH, METRE, MM

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NOUNS = 3
"""Nouns of a type."""
STEPS = 6
"""Lengths in the ladder of a noun."""
BRANDS = 6
"""Brands of a type."""
TIERS = 3
"""Kinds of brand: 0 makes small products and states them well, 2 the opposite."""

NOUN_SHARES = np.array([0.5, 0.3, 0.2])
BRAND_SHARES = np.array([0.34, 0.22, 0.16, 0.12, 0.09, 0.07])
SIZE_SHARES = np.array([0.25, 0.4, 0.25, 0.1])

_ZIPF = 0.9
_GOLDEN = 0.6180339887498949
_CENTIMETRE = 39.37007874
_LONGEST = 100_000.0
_SYLLABLES = (
    ("Vel", "Kin", "Zar", "Mor", "Ta", "Bri", "Lu", "Ner", "Ori", "Pas", "Quo", "Ras", "Sol",
     "Tri", "Ura", "Wes", "Xan", "Yor", "Dal", "Fen"),
    ("mo", "ta", "li", "ra", "no", "ve", "ki", "du", "sa", "ber", "lan", "ni"),
    ("ra", "sa", "nix", "ton", "vita", "lux", "craft", "well", "ko", "dor", "ley", "mart", "za",
     "wood", "line", "ism"),
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """Facts of a catalogue, by type (T,) in order of popularity."""

    type_codes: Ints
    """int64 (T,), the PRODUCT_TYPE_ID."""
    shares: Floats
    """float64 (T,), share of rows."""
    departments: Ints
    uses: Ints
    materials: Ints
    objects: Ints
    """int64 (T, NOUNS), index into the department's names."""
    ladders: Floats
    """float64 (T, NOUNS, STEPS), 1/100 inch: the lengths that a noun comes in."""
    grids: Floats
    """float64 (T,), 1/100 inch: the step on which lengths and sides lie."""
    width_ratios: Floats
    """float64 (T, NOUNS): width over length; heights likewise."""
    height_ratios: Floats
    profiles: Ints
    """int64 (T,), how strongly size and brand decide the step of the ladder."""
    stubs: Floats
    """float64 (T,), 1/100 inch: what careless sellers of this type enter instead of a length."""
    brands: Ints
    """int64 (T, BRANDS), index into `brand_names`."""
    brand_names: tuple[str, ...]
    brand_tiers: Ints
    """int64 (brands,), 0 to TIERS - 1."""
    unit_shares: Floats
    """float64 (T, 5), how often each unit is written."""


def _spread(count: int, rng: np.random.Generator) -> Floats:
    """Evenly spread numbers in (0, 1) in a scattered order, so that small worlds look alike."""
    return np.asarray((rng.random() + _GOLDEN * np.arange(count)) % 1 * 0.98 + 0.01, np.float64)


def _deal_departments(shares: Floats) -> Ints:
    """Give each type the department that is furthest below its share of rows."""
    wanted = np.array([department.share for department in DEPARTMENTS])
    given = np.zeros(len(DEPARTMENTS))
    dealt = np.empty(len(shares), np.int64)
    total = 0.0
    for index, share in enumerate(shares):
        total += share
        dealt[index] = np.argmax(wanted * total - given)
        given[dealt[index]] += share
    return dealt


def snap(lengths: Floats, grids: Floats) -> Floats:
    """Round lengths to the grid of the same shape, at least one step, to 1/10,000 inch."""
    return np.round(np.maximum(np.rint(lengths / grids), 1.0) * grids, 2)


def _grids(base: Floats, metric: npt.NDArray[np.bool_], coin: Floats) -> Floats:
    """The steps in which a type's lengths come: coarser for longer products."""
    fine_metric = np.where(base < 150, _CENTIMETRE / 10, _CENTIMETRE)
    metric_step = np.where((base > 2500) & (coin < 0.6), 10 * _CENTIMETRE, fine_metric)
    inch_step = np.select(
        [base < 300, base < 1000, base < 3000],
        [np.full_like(base, 10.0), np.where(coin < 0.5, 10.0, 50.0), np.full_like(base, 100.0)],
        np.where(coin < 0.5, 600.0, 100.0),
    )
    return np.where(metric, metric_step, inch_step)


def _unit_shares(base: Floats, metric: npt.NDArray[np.bool_]) -> Floats:
    weights = np.zeros((len(base), 5))
    weights[:, CM] = np.where(metric, 0.8, 0.15)
    weights[:, INCH] = np.where(metric, 0.12, 0.85)
    weights[:, MM] = np.where(base < 1500, np.where(metric, 0.15, 0.03), 0.0)
    weights[:, METRE] = np.where(base > 5000, np.where(metric, 1.0, 0.1), 0.0)
    weights[:, FOOT] = np.where(base > 2500, np.where(metric, 0.05, 0.6), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _brand_names(count: int, rng: np.random.Generator) -> tuple[str, ...]:
    first, middle, last = _SYLLABLES
    names = np.array([a + b + c for a in first for b in middle for c in last])
    return tuple(str(name) for name in rng.permutation(names)[:count])


def _words(departments: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Floats]:
    """Use, material and scattered location in its department, of each type.

    The n-th type of a department takes the n-th of its scattered words and locations, so that no
    two share use, material and department while there are enough of them.
    """
    uses, materials = np.empty_like(departments), np.empty_like(departments)
    location = np.empty(len(departments))
    for index, department in enumerate(DEPARTMENTS):
        mine = np.nonzero(departments == index)[0]
        words = rng.permutation(len(USES) * len(department.materials))
        place = words[np.arange(len(mine)) % len(words)]
        uses[mine] = place % len(USES)
        materials[mine] = np.array(department.materials)[place // len(USES)]
        location[mine] = ndtri(_spread(len(mine), rng))
    return uses, materials, location


def _ladders(
    base: Floats, grids: Floats, steps: Floats, departments: Ints, rng: np.random.Generator
) -> Floats:
    """The lengths that each noun comes in; `base`: of its type, `steps`: of its department."""
    ratio = 1 + (steps - 1) * rng.uniform(0.6, 1.4, len(base))
    centre = base[:, None] * np.exp(np.log(ratio)[:, None] * rng.normal(0, 2.7, (len(base), NOUNS)))
    rungs = ratio[:, None] ** (np.arange(STEPS) - (STEPS - 1) / 2)
    ladders = np.minimum(centre[:, :, None] * rungs[:, None, :], _LONGEST)
    ladders = snap(ladders, np.broadcast_to(grids[:, None, None], ladders.shape))
    for index, department in enumerate(DEPARTMENTS):
        if department.popular:
            popular = np.array(department.popular)
            mine = departments == index
            gaps = np.abs(np.log(ladders[mine][..., None] / popular))
            ladders[mine] = popular[gaps.argmin(axis=-1)]
    return ladders


def _stubs(base: Floats, rng: np.random.Generator) -> Floats:
    """What careless sellers enter; nobody enters 1 cm for a carpet.

    A few such rows would decide the MAPE of a small split.
    """
    stubs = rng.choice([10.0, 39.37, 100.0, 196.85], len(base), p=[0.08, 0.27, 0.35, 0.3])
    for above, least in ((400.0, 39.37), (1500.0, 100.0), (4000.0, 393.7), (20_000.0, 1000.0)):
        stubs = np.where(base > above, np.maximum(stubs, least), stubs)
    return stubs


def build_world(types: int, seed: int) -> World:
    """Sample the facts of a catalogue of so many types."""
    rng = np.random.default_rng([seed, 0])
    popularity: Floats = np.arange(1, types + 1, dtype=np.float64) ** -_ZIPF
    shares = popularity / popularity.sum()
    departments = _deal_departments(shares)

    def of_department(attribute: str) -> Floats:
        values = np.array([getattr(department, attribute) for department in DEPARTMENTS])
        return np.asarray(values[departments], dtype=np.float64)

    # Random numbers are taken in this order: another one would be another catalogue.
    uses, materials, location = _words(departments, rng)
    names = len(DEPARTMENTS[0].names)
    objects = 1 + np.argsort(rng.random((types, names - 1)), axis=1)[:, :NOUNS]
    base = of_department("median") * np.exp(of_department("spread") * location)
    metric = rng.random(types) < of_department("metric")
    grids = _grids(base, metric, rng.random(types))
    ladders = _ladders(base, grids, of_department("step"), departments, rng)
    brand_names = _brand_names(min(40 + types // 2, 3800), rng)
    stubs = _stubs(base, rng)
    starts = rng.integers(0, len(brand_names), types)
    strides = rng.integers(1, len(brand_names) // BRANDS, types)
    return World(
        type_codes=rng.permutation(types * 5)[:types],
        shares=shares,
        departments=departments,
        uses=uses,
        materials=materials,
        objects=objects,
        ladders=ladders,
        grids=grids,
        width_ratios=rng.uniform(0.35, 0.98, (types, NOUNS)),
        height_ratios=rng.uniform(0.05, 0.5, (types, NOUNS)),
        profiles=rng.integers(0, 3, types),
        stubs=stubs,
        brands=(starts[:, None] + strides[:, None] * np.arange(BRANDS)) % len(brand_names),
        brand_names=brand_names,
        brand_tiers=np.arange(len(brand_names)) % TIERS,
        unit_shares=_unit_shares(base, metric),
    )

"""The truth of the demo catalogue: labels come from the distributions that it states."""

import itertools

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from scipy import stats

from product_length.demo import DemoGenerator, facts, posterior
from product_length.demo.departments import DEPARTMENTS
from product_length.demo.generator import CHUNK_ROWS, FIRST_PRODUCT_ID
from product_length.demo.labels import CHANNEL_SHARES, STEP_SHARES
from product_length.demo.languages import USES
from product_length.demo.measurements import OF_LENGTH
from product_length.demo.truth import ConditionalLengths
from product_length.demo.world import BRAND_SHARES, NOUN_SHARES, SIZE_SHARES

ROWS = 20_000
IDS = FIRST_PRODUCT_ID + np.arange(ROWS)
Floats = npt.NDArray[np.float64]


def probability_below(truth: ConditionalLengths, lengths: Floats) -> tuple[Floats, Floats]:
    """P(label < length) and P(label = length), float64 (rows,), by row."""
    wanted = np.repeat(lengths, np.diff(truth.offsets))
    below, equal = (
        np.add.reduceat(truth.probabilities * chosen, truth.offsets[:-1])
        for chosen in (truth.atoms < wanted, truth.atoms == wanted)
    )
    return below, equal


class Sampled:
    """A catalogue with its truth."""

    def __init__(self, types: int, seed: int) -> None:
        self.generator = DemoGenerator(ROWS, types, seed)
        self.table = pa.Table.from_batches(self.generator.batches())
        self.lengths = self.table["PRODUCT_LENGTH"].to_numpy()
        self.truth = self.generator.conditional_lengths(IDS)
        self.facts = self.generator._facts_of(IDS)

    def pit(self) -> Floats:
        """Randomised probability integral transform, uniform where the truth is true."""
        below, equal = probability_below(self.truth, self.lengths)
        return below + equal * np.random.default_rng(0).random(ROWS)


@pytest.fixture(scope="module")
def sampled() -> Sampled:
    return Sampled(types=600, seed=0)


def uniformity(pit: Floats) -> float:
    """p-value of a chi-square test on 20 bins."""
    return float(stats.chisquare(np.histogram(pit, 20, (0, 1))[0]).pvalue)


def test_distributions_are_distributions(sampled: Sampled) -> None:
    truth = sampled.truth
    assert len(truth) == ROWS
    assert (truth.probabilities > 0).all()
    assert (truth.atoms > 0).all()
    sums = np.add.reduceat(truth.probabilities, truth.offsets[:-1])
    assert sums == pytest.approx(np.ones(ROWS), abs=1e-12)
    steps = np.diff(truth.atoms)
    steps[truth.offsets[1:-1] - 1] = 1.0  # from one row to the next
    assert (steps > 0.005).all()
    assert np.diff(truth.offsets).max() <= 3 * 6 * 9


def test_every_label_is_an_atom_of_its_row(sampled: Sampled) -> None:
    _, equal = probability_below(sampled.truth, sampled.lengths)
    assert (equal > 0).all()
    assert 0.1 < equal.mean() < 0.9


@pytest.mark.parametrize(
    "stratum",
    ["all", "stated", "unstated", "noun hidden", "noun hidden but stated", "brand hidden",
     "size hidden", "size shown", "bare or pair", "repeats"],
)  # fmt: skip
def test_labels_follow_their_distributions(stratum: str, sampled: Sampled) -> None:
    of = sampled.facts
    rows = {
        "all": np.ones(ROWS, bool),
        "stated": of.kinds > 0,
        "unstated": of.kinds == 0,
        "noun hidden": ~of.noun_shown,
        "noun hidden but stated": ~of.noun_shown & (of.kinds > 0),
        "brand hidden": ~of.brand_shown,
        "size hidden": ~of.size_shown,
        "size shown": of.size_shown,
        "bare or pair": np.isin(of.kinds, (4, 7)),
        "repeats": of.text_rows != np.arange(ROWS) % CHUNK_ROWS,
    }[stratum]
    assert rows.sum() > 100
    assert uniformity(sampled.pit()[rows]) > 1e-3


def test_probabilities_are_the_frequencies_of_what_happens(sampled: Sampled) -> None:
    _, equal = probability_below(sampled.truth, sampled.lengths)
    truth = sampled.truth
    squares = np.add.reduceat(truth.probabilities**2, truth.offsets[:-1])
    cubes = np.add.reduceat(truth.probabilities**3, truth.offsets[:-1])
    error = np.sqrt((cubes - squares**2).sum())
    assert abs((equal - squares).sum()) < 4 * error


def belief_gap(sampled: Sampled) -> tuple[float, float]:
    """How often labels equal a stated length, and the same by the truth."""
    rows = np.nonzero(sampled.facts.kinds == OF_LENGTH)[0]
    happened, believed = [], []
    for row, stated in zip(rows, sampled.generator.stated_measurements(IDS[rows]), strict=True):
        atoms, probabilities = sampled.truth.row(row)
        length = stated[0].value
        believed.append(probabilities[np.abs(atoms - length) < 0.02 * length].sum())
        happened.append(abs(sampled.lengths[row] - length) < 0.02 * length)
    return float(np.mean(happened)), float(np.mean(believed))


def test_a_stated_length_is_believed_as_often_as_it_holds(sampled: Sampled) -> None:
    happened, believed = belief_gap(sampled)
    assert 0.7 < happened < 0.95
    assert abs(happened - believed) < 0.04


@pytest.mark.parametrize("planted", ["slips", "steps", "unread statements"])
def test_the_checks_notice_a_planted_change(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if planted == "slips":
        # Two in a hundred labels more are cm taken for inch than the truth says.
        changed = CHANNEL_SHARES.copy()
        changed[..., 0] -= 0.02
        changed[..., 6] += 0.02
        monkeypatch.setattr(facts, "CHANNEL_SHARES", changed)
    elif planted == "steps":
        monkeypatch.setattr(facts, "STEP_SHARES", np.roll(STEP_SHARES, 1, axis=2))
    else:
        monkeypatch.setattr(posterior, "reading_match", lambda sides, *_: np.ones(sides.shape[:2]))
        # What ignores a statement is still calibrated: only its belief in it gives it away.
        happened, believed = belief_gap(Sampled(types=600, seed=0))
        assert abs(happened - believed) > 0.2
        return
    assert uniformity(Sampled(types=600, seed=0).pit()) < 1e-6


def by_hand(sampled: Sampled, row: int) -> dict[float, float]:
    """The truth of one row in plain loops over everything hidden."""
    world, of = sampled.generator._world, sampled.facts.take(np.array([row]))
    kind, unit, t = int(of.kinds[0]), int(of.units[0]), int(of.types[0])
    unit_length = (39.37007874, 3.937007874, 3937.007874, 100.0, 1200.0)[unit]
    digit = (10, 100, 1, 10, 10)[unit]
    readings = {
        0: {(): 1.0}, 1: {"L": 1.0}, 2: {"LWH": 1.0}, 3: {"LWH": 0.7, "WLH": 0.3},
        4: {"LW": 0.6, "WL": 0.4}, 5: {"lwh": 1.0}, 6: {"W": 1.0}, 7: {"L": 0.8, "W": 0.2},
    }[kind]  # fmt: skip
    grid, stub = world.grids[t], world.stubs[t]
    mass: dict[float, float] = {}
    hidden = itertools.product(range(3), range(6), range(4), range(6), readings.items(), range(9))
    for noun, brand, size, step, (reading, reading_share), channel in hidden:
        if of.noun_shown[0] and noun != of.nouns[0]:
            continue
        if of.brand_shown[0] and brand != of.brands[0]:
            continue
        if of.size_shown[0] and size != of.sizes[0]:
            continue
        length = world.ladders[t, noun, step]
        width = round(max(round(length * world.width_ratios[t, noun] / grid), 1) * grid, 2)
        height = round(max(round(length * world.height_ratios[t, noun] / grid), 1) * grid, 2)
        sides = {"L": length, "W": width, "H": height}
        packed = {k.lower(): 10.0 * round((v * 1.12 + 20) / 10) for k, v in sides.items()}
        sides |= packed
        numbers = [max(round(sides[s] / unit_length * 100 / digit), 1) * digit for s in reading]
        if numbers != of.numbers[0].tolist()[: len(numbers)]:
            continue
        roll = 10.0 * max(round(length * 0.04 / 10), 1)
        labels = (length, sides["l"], width, length * 10, length / 10, length * 2.54,
                  length / 2.54, stub, roll)  # fmt: skip
        tier = world.brand_tiers[world.brands[t, brand]]
        share = (
            NOUN_SHARES[noun] * BRAND_SHARES[brand] * SIZE_SHARES[size] * reading_share
            * STEP_SHARES[world.profiles[t], size, tier, step]
            * CHANNEL_SHARES[world.departments[t], tier, channel]
        )  # fmt: skip
        label = round(max(labels[channel], 1.0), 2)
        mass[label] = mass.get(label, 0.0) + share
    total = sum(mass.values())
    return {label: share / total for label, share in sorted(mass.items()) if share > 0}


def test_the_truth_is_that_of_plain_loops(sampled: Sampled) -> None:
    checked = 0
    for kind in range(8):
        for shown in (True, False):
            of = sampled.facts
            rows = np.nonzero((of.kinds == kind) & (of.noun_shown == shown))[0]
            for row in rows[:3]:
                atoms, probabilities = sampled.truth.row(row)
                expected = by_hand(sampled, row)
                assert atoms == pytest.approx(list(expected), rel=1e-9)
                assert probabilities == pytest.approx(list(expected.values()), rel=1e-9)
                checked += 1
    assert checked == 48


def test_the_truth_depends_on_the_row_s_text_and_type_alone() -> None:
    # Few types make texts coincide that hide different facts; sparse titles do so most.
    sampled = Sampled(types=6, seed=1)
    first: dict[tuple[str | None, ...], int] = {}
    hidden_differs = compared = 0
    columns = ("TITLE", "BULLET_POINTS", "DESCRIPTION", "PRODUCT_TYPE_ID")
    for row, key in enumerate(zip(*(sampled.table[name].to_pylist() for name in columns),
                                  strict=True)):  # fmt: skip
        twin = first.setdefault(key, row)
        if twin == row:
            continue
        compared += 1
        hidden_differs += bool(sampled.facts.steps[twin] != sampled.facts.steps[row])
        for mine, its in zip(sampled.truth.row(row), sampled.truth.row(twin), strict=True):
            assert np.array_equal(mine, its), key
    assert compared > 300
    assert hidden_differs > 100


def test_repeats_have_the_text_of_a_row_before_them(sampled: Sampled) -> None:
    first = sampled.table.slice(0, CHUNK_ROWS).drop_columns(["PRODUCT_ID", "PRODUCT_LENGTH"])
    sources = sampled.facts.text_rows[:CHUNK_ROWS]
    repeats = np.nonzero(sources != np.arange(CHUNK_ROWS))[0]
    assert 100 < len(repeats) < 300
    assert (sources[repeats] < repeats).all()
    assert first.take(repeats).equals(first.take(sources[repeats]))


def test_texts_show_the_nouns_and_brands_that_the_truth_takes_as_shown(sampled: Sampled) -> None:
    world, of = sampled.generator._world, sampled.facts
    columns = [
        sampled.table[name].to_pylist() for name in ("TITLE", "BULLET_POINTS", "DESCRIPTION")
    ]
    brands = {True: 0, False: 0}
    nouns = {True: 0, False: 0}
    for row in range(4_000):
        text = "\n".join(filter(None, (column[row] for column in columns)))
        t = of.types[row]
        brand = world.brand_names[world.brands[t, of.brands[row]]]
        assert (brand in text) == of.brand_shown[row], text
        brands[bool(of.brand_shown[row])] += 1
        if of.languages[row] == 0:
            use = USES[world.uses[t]][0]
            name = DEPARTMENTS[world.departments[t]].names[world.objects[t, of.nouns[row]]][0]
            assert (use + name in text) == of.noun_shown[row], text
            nouns[bool(of.noun_shown[row])] += 1
    assert min(brands.values()) > 500
    assert min(nouns.values()) > 200


def test_ids_in_any_order_and_repeated(sampled: Sampled) -> None:
    rows = np.array([19_999, 3, 16_384, 3, 0, 16_383])
    some = sampled.generator.conditional_lengths(IDS[rows])
    assert len(some) == len(rows)
    for index, row in enumerate(rows):
        for got, expected in zip(some.row(index), sampled.truth.row(row), strict=True):
            assert np.array_equal(got, expected)
    assert len(sampled.generator.conditional_lengths(IDS[:0])) == 0
    assert sampled.generator.conditional_lengths(IDS[:0]).best_for_mape().shape == (0,)


def test_the_truth_does_not_depend_on_the_number_of_rows(sampled: Sampled) -> None:
    fewer = DemoGenerator(200, 600, 0).conditional_lengths(IDS[:200])
    end = sampled.truth.offsets[200]
    assert np.array_equal(fewer.atoms, sampled.truth.atoms[:end])
    assert np.array_equal(fewer.probabilities, sampled.truth.probabilities[:end])


@pytest.mark.parametrize("unknown", [FIRST_PRODUCT_ID - 1, FIRST_PRODUCT_ID + ROWS, 0, -5])
def test_unknown_ids_are_refused(unknown: int, sampled: Sampled) -> None:
    with pytest.raises(ValueError, match=f"1 ids are not in this catalogue.* {unknown}$"):
        sampled.generator.conditional_lengths(np.array([FIRST_PRODUCT_ID, unknown]))
    with pytest.raises(ValueError, match="one axis"):
        sampled.generator.stated_measurements(IDS[:4].reshape(2, 2))


def test_the_best_estimate_is_the_best_atom(sampled: Sampled) -> None:
    best = sampled.truth.best_for_mape()
    expected = sampled.truth.expected_mape(best)
    for row in range(0, ROWS, 50):
        atoms, probabilities = sampled.truth.row(row)
        costs = (np.abs(atoms[:, None] - atoms) / atoms * probabilities).sum(axis=1)
        assert expected[row] == pytest.approx(costs.min(), rel=1e-12)
        assert best[row] in atoms

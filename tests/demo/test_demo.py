"""The demo catalogue: its columns, its determinism, its texts and its labels."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from product_length.demo import DemoGenerator
from product_length.demo.generator import CHUNK_ROWS, FIRST_PRODUCT_ID
from product_length.demo.languages import words
from product_length.demo.lexicon import Lexicon
from product_length.demo.wording import after_number

ROWS = 20_000
TEXTS = ("TITLE", "BULLET_POINTS", "DESCRIPTION")


def table(rows: int, types: int, seed: int) -> pa.Table:
    return pa.Table.from_batches(DemoGenerator(rows, types, seed).batches())


@pytest.fixture(scope="module")
def catalogue() -> pa.Table:
    return table(ROWS, 600, 0)


@pytest.fixture(scope="module")
def joined(catalogue: pa.Table) -> list[str]:
    filled = [pc.fill_null(catalogue[name].combine_chunks(), "") for name in TEXTS]
    return pc.binary_join_element_wise(*filled, "\n").to_pylist()


def test_columns_are_those_of_the_real_catalogue(catalogue: pa.Table) -> None:
    assert catalogue.schema.names == ["PRODUCT_ID", *TEXTS, "PRODUCT_TYPE_ID", "PRODUCT_LENGTH"]
    assert [str(t) for t in catalogue.schema.types] == ["string"] * 5 + ["double"]
    assert len(catalogue) == ROWS
    for name in ("PRODUCT_ID", "PRODUCT_TYPE_ID", "PRODUCT_LENGTH"):
        assert catalogue[name].null_count == 0
    assert catalogue["PRODUCT_ID"][0].as_py() == str(FIRST_PRODUCT_ID)
    assert pc.count_distinct(catalogue["PRODUCT_ID"]).as_py() == ROWS
    for batch in DemoGenerator(300, 5, 1).batches():
        batch.validate(full=True)  # joined texts are made from raw buffers


def test_the_same_seed_gives_the_same_catalogue() -> None:
    assert table(500, 20, 3).equals(table(500, 20, 3))
    assert not table(500, 20, 3).equals(table(500, 20, 4))


def test_a_longer_catalogue_begins_with_the_shorter_one() -> None:
    longer = table(CHUNK_ROWS + 700, 30, 5)
    for rows in (100, CHUNK_ROWS, CHUNK_ROWS + 1):
        assert table(rows, 30, 5).equals(longer.slice(0, rows))


def test_blocks_do_not_repeat_each_other() -> None:
    both = table(2 * CHUNK_ROWS, 30, 5)
    first, second = both.slice(0, CHUNK_ROWS), both.slice(CHUNK_ROWS)
    same = pc.equal(first["TITLE"].combine_chunks(), second["TITLE"].combine_chunks())
    assert pc.mean(same).as_py() < 0.02


def test_batches_may_be_smaller() -> None:
    generator = DemoGenerator(CHUNK_ROWS + 50, 10, 0)
    sizes = [len(batch) for batch in generator.batches(10_000)]
    assert sizes == [10_000, CHUNK_ROWS - 10_000, 50]
    assert pa.Table.from_batches(generator.batches(777)).equals(
        pa.Table.from_batches(generator.batches())
    )


@pytest.mark.parametrize(("rows", "types"), [(100, 2), (101, 50_000), (1, 1)])
def test_the_smallest_and_the_widest_catalogue(rows: int, types: int) -> None:
    drawn = table(rows, types, 0)
    assert len(drawn) == rows
    assert 1 <= pc.count_distinct(drawn["PRODUCT_TYPE_ID"]).as_py() <= types


@pytest.mark.parametrize("bad", [(0, 5, 0), (5, 0, 0), (5, 5, -1)])
def test_impossible_catalogues_are_refused(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        DemoGenerator(*bad)


def test_fields_are_missing_as_often_as_in_the_real_catalogue(catalogue: pa.Table) -> None:
    title, bullets, description = (catalogue[name].null_count / ROWS for name in TEXTS)
    assert 0 < title < 0.002
    assert bullets == pytest.approx(0.37, abs=0.015)
    assert description == pytest.approx(0.51, abs=0.015)
    both = pc.and_(catalogue["BULLET_POINTS"].is_null(), catalogue["DESCRIPTION"].is_null())
    assert pc.mean(both).as_py() == pytest.approx(0.345, abs=0.02)


def test_no_row_is_without_text(joined: list[str]) -> None:
    assert min(len(text.strip()) for text in joined) > 8
    title_less = [text for text in joined if text.startswith("\n")]
    assert title_less
    assert all(text.startswith("\n[") for text in title_less)


def test_texts_are_as_long_as_real_ones(catalogue: pa.Table) -> None:
    means = [pc.mean(pc.utf8_length(catalogue[name])).as_py() for name in TEXTS]
    assert 50 < means[0] < 100
    assert 300 < means[1] < 600
    assert 500 < means[2] < 800
    bullets = catalogue["BULLET_POINTS"].drop_null()
    assert pc.all(pc.match_substring_regex(bullets, r"(?s)^\[.+,.+\]$")).as_py()


def test_types_follow_zipf(catalogue: pa.Table) -> None:
    counts = np.sort(pc.value_counts(catalogue["PRODUCT_TYPE_ID"]).field("counts").to_numpy())
    counts = counts[::-1]
    expected = np.arange(1, 601) ** -0.9
    expected *= ROWS / expected.sum()
    assert counts[:20] == pytest.approx(expected[:20], rel=0.2)
    slope = np.polyfit(np.log(np.arange(1, 101)), np.log(counts[:100]), 1)[0]
    assert slope == pytest.approx(-0.9, abs=0.05)


def test_lengths_lie_on_the_grids_of_real_labels(catalogue: pa.Table) -> None:
    lengths = catalogue["PRODUCT_LENGTH"].to_numpy()
    assert lengths.min() >= 1
    assert np.array_equal(lengths, np.round(lengths, 2))
    on_inch_grid = np.abs(lengths / 10 - np.rint(lengths / 10)) < 1e-6
    centimetres = lengths / 39.37007874
    on_metric_grid = np.abs(centimetres - np.rint(centimetres)) < 2e-3
    assert on_inch_grid.mean() > 0.4
    assert on_metric_grid.mean() > 0.3
    assert (on_inch_grid | on_metric_grid).mean() > 0.85
    assert len(np.unique(lengths)) < 3_000
    popular = np.sort(np.unique(lengths, return_counts=True)[1])[::-1]
    assert popular[:20].sum() > 0.25 * ROWS


@pytest.mark.parametrize("seed", range(3))
def test_lengths_spread_like_real_ones(seed: int) -> None:
    lengths = table(ROWS, 600, seed)["PRODUCT_LENGTH"].to_numpy()
    real = {0.01: 39, 0.05: 150, 0.25: 512, 0.5: 663, 0.75: 1063, 0.95: 3425, 0.99: 9600}
    for level, length in real.items():
        assert length / 2 < np.quantile(lengths, level) < length * 2, level
    assert np.quantile(lengths, 0.999) > 30_000


def test_titles_and_whole_texts_repeat(catalogue: pa.Table, joined: list[str]) -> None:
    lengths = catalogue["PRODUCT_LENGTH"].to_pylist()
    seen: dict[str, list[float]] = {}
    for text, length in zip(joined, lengths, strict=True):
        seen.setdefault(text, []).append(length)
    repeated = [group for group in seen.values() if len(group) > 1]
    assert len(repeated) > 0.005 * ROWS
    assert sum(len(set(group)) > 1 for group in repeated) > 20  # the labels may differ
    long_repeats = sum(len(text) > 300 for text, group in seen.items() if len(group) > 1)
    assert long_repeats > 20
    assert ROWS - pc.count_distinct(catalogue["TITLE"]).as_py() > 0.02 * ROWS


SPELLINGS = {
    "centimetres": (r"\d ?(cm|Cms|centimeters|CM)\b", 0.08),
    "millimetres": (r"\d ?mm\b", 0.005),
    "inches": (r"\d ?(-inch|inch|inches|in)\b", 0.03),
    "quotes": (r'\d(["″]|&quot;)', 0.01),
    "metres or feet": (r"\d ?(meters|m|mtr|feet|ft)\b|\d'", 0.004),
    "three sides": (r"[\d.,]+\D{0,14} ?[xX×*] ?[\d.,]+\D{0,14} ?[xX×*] ?[\d.,]+", 0.08),
    "times sign": (r"\d × \d", 0.01),
    "letters": (r"\d+L x [\d.]+W x", 0.002),
    "decimal comma": (r"\d,\d+ ?(cm|x|×|Zoll)", 0.002),
    "package": (r"Package dimensions: \d", 0.01),
    "pack decoy": (r"(Pack|Set) of \d", 0.04),
    "capacity decoy": (r"\d (ml|litre)\b", 0.02),
    "power decoy": (r"\d(V| Watt)\b", 0.02),
    "screen decoy": (r'\d( inch (phone|tablet|laptop|TV)|" (phone|tablet|laptop|TV)s)', 0.03),
    "memory decoy": (r"\dGB\b", 0.005),
    "entity": (r"&amp;", 0.05),
    "line break": (r"<br ?/?>", 0.02),
    "paragraph": (r"</?p>", 0.01),
    "German": (r"[a-zß]-[A-ZÄÖÜ][a-zäöü]", 0.03),
    "Spanish": (r"\bde (Viaje|Jardín|Taller|Fiesta|Acero|Algodón|Cuero|Madera|Bambú)\b", 0.003),
    "French": (r"\ben (Bambou|Acier|Bois|Cuir|Coton|Soie|Verre|Papier)\b", 0.005),
    "Hindi": (r"[\u0900-\u097f]{2}", 0.025),
}


@pytest.mark.parametrize("what", SPELLINGS)
def test_texts_show_what_real_ones_show(what: str, joined: list[str]) -> None:
    pattern, share = SPELLINGS[what]
    found = sum(re.search(pattern, text) is not None for text in joined)
    assert share * ROWS < found < 12 * share * ROWS + 0.1 * ROWS


def test_a_third_of_the_rows_states_a_measurement() -> None:
    generator = DemoGenerator(5_000, 200, 1)
    stated = generator.stated_measurements(FIRST_PRODUCT_ID + np.arange(5_000))
    own = [[m for m in row if not m.is_decoy] for row in stated]
    assert np.mean([bool(row) for row in own]) == pytest.approx(0.36, abs=0.03)
    lengths = pa.Table.from_batches(generator.batches())["PRODUCT_LENGTH"].to_pylist()
    told = [
        any(m.role == "length" and abs(m.value - length) < 0.02 * length for m in row)
        for row, length in zip(own, lengths, strict=True)
        if any(m.role == "length" for m in row)
    ]
    assert len(told) > 1_000
    assert 0.7 < np.mean(told) < 0.9  # many, but not all
    decoys = [m for row in stated for m in row if m.is_decoy]
    assert len(decoys) > 100
    assert {m.role for m in decoys} == {"other thing"}


def test_stated_numbers_stand_in_the_text() -> None:
    generator = DemoGenerator(3_000, 100, 2)
    ids = FIRST_PRODUCT_ID + np.arange(3_000)
    rows = pa.Table.from_batches(generator.batches()).to_pylist()
    units = (39.37007874, 3.937007874, 3937.007874, 100.0, 1200.0)
    checked = 0
    for row, stated in zip(rows, generator.stated_measurements(ids), strict=True):
        text = " ".join(row[name] or "" for name in TEXTS)
        numbers = [float(n.replace(",", ".")) for n in re.findall(r"\d+(?:[.,]\d+)?", text)]
        for measurement in stated:
            checked += 1
            assert any(
                abs(number * unit - measurement.value) < 1e-6 * measurement.value
                for number in numbers
                for unit in units
            ), (measurement, text)
    assert checked > 1_500


def test_lexicon_joins_rows_of_pieces() -> None:
    lexicon = Lexicon()
    a, b = lexicon.add("für "), lexicon.add("naïve")
    assert lexicon.add("naïve") == b
    whole = lexicon.whole(np.array([0, 99_999]))
    part = lexicon.decimals(np.array([5, 50]), np.array([False, True]))
    pieces = np.array([[a, b, 0], [0, 0, 0], [whole[0], part[0], a], [whole[1], part[1], 0]])
    column = lexicon.join(pieces.astype(np.int32), np.array([False, False, True, False]))
    column.validate(full=True)
    assert column.to_pylist() == ["für naïve", "", None, "99999,5"]
    assert lexicon.join(pieces.astype(np.int32)).to_pylist()[2] == "0.05für "
    assert lexicon.join(np.zeros((2, 1), np.int32)).to_pylist() == ["", ""]
    with pytest.raises(ValueError, match="0 to 99999"):
        lexicon.whole(np.array([100_000]))


@pytest.mark.parametrize(
    ("style", "expected"),
    [(0, "3 x 2 x 1 cm"), (1, "3x2x1 cm"), ("unit", "3 cm x 2 cm x 1 cm"),
     ("letters", "3L x 2W x 1H cm"), ("brackets", "3 cm (L) x 2 cm (W) x 1 cm (H)")],
)  # fmt: skip
def test_measurement_styles(style: int | str, expected: str) -> None:
    numbers = ("3", "2", "1")
    text = "".join(n + after_number(style, i, i == 2, " cm") for i, n in enumerate(numbers))
    assert text == expected


def test_word_tables_need_every_language() -> None:
    assert words("a |b|c|d|e |") == (("a ", "b", "c", "d", "e "),)
    with pytest.raises(ValueError, match="one word per language"):
        words("a|b|c|d")

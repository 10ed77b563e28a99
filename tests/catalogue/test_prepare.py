"""From a source to the stored, reopened Catalogue."""

import csv
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from builders import CHALLENGE_HEADER

from product_length.artefacts import ArtefactStore
from product_length.catalogue import source as source_module
from product_length.catalogue.catalogue import fingerprint_of
from product_length.catalogue.config import (
    AMAZON2023_COLUMNS,
    DemoData,
    FileData,
    SplitOptions,
    TextRecipe,
)
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.product_file import ProductFile
from product_length.catalogue.split import TEST, TRAIN, VAL, assign_splits
from product_length.catalogue.text import FIELDS
from product_length.catalogue.units import HUNDREDTH_INCH, CatalogueUnit
from product_length.errors import UserError

RECIPE = TextRecipe(fields=list(FIELDS))


def dropped(reading):
    return sum(each.count for each in reading.dropped.values())


NAMES = CHALLENGE_HEADER
SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "amazon2023_sample.csv"


def sound_rows(count, start=1):
    return [
        [f"{i:05}", f"title &amp; {i}", f"<b>{i}</b>", "", str(i % 7), str(10.5 * i)]
        for i in range(start, start + count)
    ]


FAULTY = [
    ["", "no id", "", "", "1", "5"],
    ["00001", "the id of row 1", "", "", "1", "5"],
    ["f3", "no length", "", "", "1", ""],
    ["f4", "a comma", "", "", "1", "12,5"],
    ["f5", "nan", "", "", "1", "nan"],
    ["f6", "zero", "", "", "1", "0"],
    ["f7", "<br>", " ", "&nbsp;", "1", "5"],
    ["f6", "usable, though f6 came before", "", "", "", "5"],
    ["f6", "not again", "", "", "1", "5"],
]


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([NAMES, *rows])
    return path


def options(path, **changes):
    return FileData(**{"source": "file", "path": path, "columns": AMAZON2023_COLUMNS,
                       "unit": "hundredth_inch", "text": RECIPE, "split": SplitOptions(),
                       **changes})  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return ArtefactStore(tmp_path / "cache")


@pytest.fixture
def source(tmp_path):
    return write_csv(tmp_path / "a.csv", [*sound_rows(200), *FAULTY, *sound_rows(100, 201)])


def kept_artefacts(store):
    return sorted(path.parent.name for path in (store.root / "catalogue").glob("*/manifest.json"))


def test_rows_and_their_texts(source, store):
    catalogue = open_catalogue(options(source), store)
    assert len(catalogue) == 301
    expected = [f"{i:05}" for i in range(1, 201)] + ["f6"] + [f"{i:05}" for i in range(201, 301)]
    assert catalogue.product_ids.to_pylist() == expected
    numbers = [*range(1, 201), 208, *range(210, 310)]
    assert catalogue.row_numbers.dtype == np.int64
    assert catalogue.row_numbers.tolist() == numbers
    assert catalogue.lengths.dtype == np.float32
    assert catalogue.lengths[[0, 199, 200, 300]].tolist() == [10.5, 2100.0, 5.0, 3150.0]
    assert catalogue.types[:3].to_pylist() == ["1", "2", "3"]
    assert catalogue.types[200].as_py() == ""
    texts = catalogue.texts()
    assert len(texts) == 301
    assert texts[:2] == ["title & 1 1", "title & 2 2"]
    assert texts[200] == "usable, though f6 came before"
    assert catalogue.texts(199, 202) == texts[199:202]
    assert catalogue.texts(-2) == texts[-2:]
    assert catalogue.texts(5, 5) == []
    fields = catalogue.fields(200, 202)
    assert fields.schema.names == list(FIELDS)
    assert fields.to_pylist()[1] == {
        "title": "title & 201",
        "bullet_points": "201",
        "description": "",
    }
    assert catalogue.fields(3, 3).num_rows == 0
    keys = [xxhash.xxh3_64_intdigest(text.encode()) for text in texts]
    assert catalogue.text_keys.dtype == np.uint64
    assert catalogue.text_keys.tolist() == keys
    np.testing.assert_array_equal(
        catalogue.split, assign_splits(catalogue.text_keys, SplitOptions())
    )
    rows = [catalogue.rows(code) for code in (TRAIN, VAL, TEST)]
    assert sorted(np.concatenate(rows).tolist()) == list(range(301))
    assert min(len(part) for part in rows) > 0


def test_what_was_dropped_is_reported(source, store):
    reading = open_catalogue(options(source), store).reading
    assert {reason: (d.count, d.first_rows) for reason, d in reading.dropped.items()} == {
        "missing product id": (1, (201,)),
        "missing length": (1, (203,)),
        "length is not a number": (1, (204,)),
        "length is not finite": (1, (205,)),
        "length is not positive": (1, (206,)),
        "no text": (1, (207,)),
        "repeated product id": (2, (202, 209)),
    }
    assert (reading.rows_read, reading.rows_kept, dropped(reading)) == (309, 301, 8)
    assert reading.outside_range.count == 0
    assert reading.counted == {
        "without product type": 1,
        "without title": 0,
        "without bullet points": 1,
        "without description": 301,
        "repeated texts": 0,
    }


def test_second_opening_reads_the_store_and_is_the_same(source, store, monkeypatch):
    first = open_catalogue(options(source), store)
    monkeypatch.setattr(source_module, "read_products", None)
    second = open_catalogue(options(source), store)
    assert second.fingerprint == first.fingerprint
    assert second.reading == first.reading
    assert second.texts() == first.texts()
    assert second.product_ids.equals(first.product_ids)
    assert len(kept_artefacts(store)) == 1


def test_length_ranges_and_splits_share_the_stored_rows(source, store):
    shares = SplitOptions(min_val_rows=0)
    whole = open_catalogue(options(source, split=shares), store)
    part = open_catalogue(options(source, min_length=21, max_length=1050, split=shares), store)
    other = open_catalogue(options(source, split=SplitOptions(seed=1)), store)
    assert len(kept_artefacts(store)) == 1
    inside = np.flatnonzero((whole.lengths >= 21) & (whole.lengths <= 1050))
    assert (len(part), len(inside)) == (99, 99)
    np.testing.assert_array_equal(part.lengths, whole.lengths[inside])
    assert part.texts() == [whole.texts()[row] for row in inside]
    assert part.texts(90, 97) == part.texts()[90:97]
    assert part.product_ids.to_pylist() == [whole.product_ids[row].as_py() for row in inside]
    assert part.types.to_pylist() == [whole.types[row].as_py() for row in inside]
    np.testing.assert_array_equal(part.row_numbers, whole.row_numbers[inside])
    np.testing.assert_array_equal(part.split, whole.split[inside])
    reading = part.reading
    assert (reading.outside_range.count, reading.outside_range.first_rows[:2]) == (202, (1, 101))
    assert reading.rows_read == reading.rows_kept + dropped(reading) + 202
    assert "outside the length range" in "\n".join(reading.lines())
    assert part.fingerprint != whole.fingerprint == other.fingerprint
    assert (other.split != whole.split).any()


def test_the_store_follows_content_not_place(source, store, tmp_path):
    first = open_catalogue(options(source), store)
    moved = shutil.copy(source, tmp_path / "b.csv")
    os.utime(moved, (0, 0))
    assert open_catalogue(options(Path(moved)), store).fingerprint == first.fingerprint
    assert len(kept_artefacts(store)) == 1
    content = source.read_bytes().replace(b"title &amp; 7,", b"title &amp; 8,")
    assert len(content) == source.stat().st_size
    stat = source.stat()
    source.write_bytes(content)
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert open_catalogue(options(source), store).fingerprint != first.fingerprint
    assert len(kept_artefacts(store)) == 2
    titles = TextRecipe(fields=["title"])
    by_title = open_catalogue(options(source, text=titles), store)
    assert by_title.texts(0, 1) == ["title & 1"]
    assert by_title.fields(0, 1).to_pylist()[0]["bullet_points"] == "1"
    assert by_title.reading.counted["repeated texts"] == 1
    assert len(kept_artefacts(store)) == 3


def test_formats_hold_the_same_catalogue(source, store, tmp_path):
    with source.open(newline="") as file:
        rows = [*csv.reader(file)][1:]
    table = pa.table(dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True)))
    pq.write_table(table, tmp_path / "a.parquet")
    from_csv = open_catalogue(options(source), store)
    from_parquet = open_catalogue(options(tmp_path / "a.parquet"), store)
    assert from_parquet.fingerprint == from_csv.fingerprint
    assert from_parquet.reading.dropped == from_csv.reading.dropped


@pytest.mark.parametrize("column", range(4))
def test_fingerprint_sees_each_column(column):
    columns = [np.arange(9, dtype=np.uint64) for _ in range(3)] + [np.ones(9, dtype=np.float32)]
    before = fingerprint_of(*columns, HUNDREDTH_INCH)
    columns[column] = columns[column].copy()
    columns[column][4] = 77
    assert fingerprint_of(*columns, HUNDREDTH_INCH) != before
    assert len(before) == hashlib.sha256().digest_size * 2
    with pytest.raises(ValueError, match="one length"):
        fingerprint_of(*columns[:3], columns[3][1:], HUNDREDTH_INCH)


def test_fingerprint_sees_the_unit():
    columns = [np.arange(9, dtype=np.uint64)] * 3 + [np.ones(9, dtype=np.float32)]
    units = [CatalogueUnit.named(name) for name in ("hundredth_inch", "cm", "kg")]
    assert len({fingerprint_of(*columns, unit) for unit in units}) == 3


def test_rows_are_picked_across_stored_batches(tmp_path):
    schema = pa.schema([("a", pa.string()), ("b", pa.int64())])
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), schema) as writer:
        for start, stop in ((0, 3), (3, 4), (4, 10)):
            values = list(range(start, stop))
            writer.write_batch(pa.record_batch([list(map(str, values)), values], schema=schema))
    products = ProductFile.open(tmp_path / "a.arrow")
    rng = np.random.default_rng(0)
    for _ in range(50):
        rows = np.flatnonzero(rng.random(10) < rng.random())
        assert products.pick_column(rows, "a").to_pylist() == [str(row) for row in rows]
        picked = [value for part in products.pick(rows, ["b"]) for value in part[0].to_pylist()]
        assert picked == rows.tolist()


def test_too_few_rows(tmp_path, store):
    path = write_csv(tmp_path / "a.csv", [*sound_rows(19), *FAULTY[2:4]])
    with pytest.raises(UserError) as error:
        open_catalogue(options(path, decimal="."), store)
    assert "only 19 rows can be used, 20 are needed" in str(error.value)
    assert "a.csv: 21 rows read" in str(error.value)
    assert "length is not a number: 1 (row 21)" in str(error.value)
    assert "\n" not in str(error.value)
    path = write_csv(tmp_path / "a.csv", sound_rows(20))
    assert len(open_catalogue(options(path), store)) == 20
    with pytest.raises(UserError, match=r"only 10 rows .*outside the length range.*: 10 \(rows 11"):
        open_catalogue(options(path, max_length=105), store)


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("{} wide", "such as '1 wide', '2 wide', '3 wide'"),
        ("1e-4{}", "such as '1e-41', '1e-42', '1e-43'; give 1/100 inch, from 1e-05 to"),
        ("-{}", "length is not positive: 50 (rows 1, 2, 3, 4, 5, …), such as '-1', '-2', '-3'"),
    ],
)
def test_lengths_that_cannot_be_read_are_shown_and_the_range_is_not_blamed(
    tmp_path, store, written, advice
):
    rows = [[str(n), f"t{n}", "", "", "1", written.format(n)] for n in range(1, 51)]
    with pytest.raises(UserError) as error:
        open_catalogue(options(write_csv(tmp_path / "a.csv", rows)), store)
    assert advice in str(error.value)
    assert "widen" not in str(error.value)
    assert "\n" not in str(error.value)
    rows += sound_rows(100, 100)
    for _ in ("made", "found again"):
        reading = open_catalogue(options(write_csv(tmp_path / "a.csv", rows)), store).reading
        assert advice in "\n".join(reading.lines())


def test_no_row_usable_at_all(tmp_path, store):
    path = write_csv(tmp_path / "a.csv", FAULTY[2:3] * 30)
    with pytest.raises(UserError, match=r"only 0 rows can be used.*missing length: 30"):
        open_catalogue(options(path), store)


def test_an_empty_split(tmp_path, store):
    rows = [[str(i), "the same", "", "", "1", "5"] for i in range(50)]
    path = write_csv(tmp_path / "a.csv", rows)
    with pytest.raises(UserError, match=r"no row falls into the (train|val) split.*50 rows read"):
        open_catalogue(options(path), store)


def test_a_faulty_file_leaves_nothing_in_the_store(tmp_path, store):
    path = write_csv(tmp_path / "a.csv", [*sound_rows(100), ["x"]])
    with pytest.raises(UserError, match=r"row 101 \(line 102\): 1 fields"):
        open_catalogue(options(path), store)
    assert kept_artefacts(store) == []


def test_a_file_that_changes_while_it_is_read(source, store, monkeypatch):
    read = source_module.read_products

    def read_and_touch(*arguments, **named):
        yield from read(*arguments, **named)
        with source.open("a") as file:
            file.write("more")

    monkeypatch.setattr(source_module, "read_products", read_and_touch)
    with pytest.raises(UserError, match="changed while it was read"):
        open_catalogue(options(source), store)
    assert kept_artefacts(store) == []


def test_demo(store):
    demo = DemoData(source="demo", rows=3000, types=20, text=RECIPE, split=SplitOptions())
    catalogue = open_catalogue(demo, store)
    reading = catalogue.reading
    assert reading.rows_read == 3000 == len(catalogue) + dropped(reading)
    assert len(catalogue) > 2900
    assert (catalogue.lengths > 0).all()
    assert all(catalogue.texts())
    assert len(set(catalogue.types.to_pylist())) > 10
    again = open_catalogue(demo, store)
    assert again.fingerprint == catalogue.fingerprint
    other = open_catalogue(demo.model_copy(update={"seed": 1}), store)
    assert other.fingerprint != catalogue.fingerprint
    assert len(kept_artefacts(store)) == 2


@pytest.mark.skipif(not SAMPLE.exists(), reason=f"{SAMPLE} is not here")
def test_the_real_sample(store):
    catalogue = open_catalogue(options(SAMPLE, max_length=5000), store)
    reading = catalogue.reading
    print("\n".join(reading.lines()))
    assert reading.rows_read == 7392
    assert len(catalogue) == 7392 - reading.outside_range.count == 7150
    assert reading.dropped == {}
    assert catalogue.lengths.max() <= 5000
    texts = catalogue.texts()
    assert not any("&amp;" in text or "<br>" in text or "  " in text for text in texts)
    assert len(set(texts)) == len(np.unique(catalogue.text_keys))
    shares = [len(catalogue.rows(code)) / len(catalogue) for code in (TRAIN, VAL, TEST)]
    np.testing.assert_allclose(shares, [0.85, 0.10, 0.05], atol=0.015)

"""Numbers about stated measurements: by hand, kept, the same for new products."""

import numpy as np
import pyarrow as pa
import pytest
from builders import products_of

from product_length.artefacts import ArtefactStore
from product_length.catalogue.text import FIELDS
from product_length.errors import UserError
from product_length.features.feature import Training
from product_length.features.measurements import feature as reading
from product_length.features.measurements.columns import (
    column_names,
    measurement_columns,
    pointer_columns,
)
from product_length.features.measurements.config import MeasurementsOptions
from product_length.measurements.candidates import parse_fields
from product_length.measurements.measurement import Role

CM, INCH = 1000 / 25.4, 100.0
HUNDREDTH = 0.254
"""Of an inch, in millimetres."""
SHELF = (
    "Shelf 80 x 20 x 4 cm",
    "Height: 5 cm; Size 30 x 40",
    "Width 20 inch, height 7 cm, for a 14 inch laptop. Package size: 90 cm",
)
MUG = ("Mug", "", "")


def features_of(*rows, most=16):
    columns = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
    fields = pa.record_batch(columns, names=list(FIELDS))
    column = measurement_columns(parse_fields(fields, FIELDS, most), HUNDREDTH)
    assert column.dtype == np.float32
    assert column.shape == (len(rows), len(column_names()))
    return [dict(zip(column_names(), row.tolist(), strict=True)) for row in column]


def test_by_hand():
    row, other = features_of(SHELF, MUG)
    logs = np.log(np.array([80 * CM, 20 * CM, 4 * CM, 5 * CM, 2000, 7 * CM]))
    assert row["with_unit_count"] == pytest.approx(np.log1p(6))
    assert row["with_unit_first"] == pytest.approx(logs[0])
    assert row["with_unit_last"] == pytest.approx(logs[5])
    assert row["with_unit_least"] == pytest.approx(logs.min())
    assert row["with_unit_median"] == pytest.approx(np.median(logs))
    assert row["with_unit_greatest"] == pytest.approx(logs.max())
    assert row["title_count"] == pytest.approx(np.log1p(3))
    assert row["title_last"] == pytest.approx(logs[2])
    assert row["bullet_points_greatest"] == pytest.approx(logs[3])
    assert row["description_median"] == pytest.approx(logs[4:].mean())
    assert row["without_unit_first"] == pytest.approx(np.log(30 * INCH))
    assert row["without_unit_greatest"] == pytest.approx(np.log(40 * INCH))
    assert row["package_first"] == pytest.approx(np.log(90 * CM))
    assert row["other_thing_first"] == pytest.approx(np.log(14 * INCH))
    assert row["height_stated"] == row["width_stated"] == row["size_stated"] == 1
    assert row["length_stated"] == row["diameter_stated"] == 0
    assert np.isnan(row["length_first"])
    assert row["height_first"] == pytest.approx(logs[3])
    assert row["height_greatest"] == pytest.approx(logs[5])
    assert [row[f"chain_{i}"] for i in range(3)] == pytest.approx(logs[:3])
    assert row["first_in_centimetre"] == 1
    assert row["first_in_inch"] == 0
    # What states nothing has counts and flags of 0, and no lengths.
    for name, value in other.items():
        flag = name.endswith(("count", "stated")) or name.startswith("first_in")
        assert value == 0 if flag else np.isnan(value)


def test_what_can_be_pointed_at_are_lengths_that_texts_state():
    row, other = features_of(SHELF, MUG)
    names = column_names()
    columns = pointer_columns()
    assert len(set(columns)) == len(columns) == len(Role) - 1 + 3 + 3
    stated = [80 * CM, 20 * CM, 4 * CM, 5 * CM, 3000, 2000, 90 * CM]
    found = {round(np.exp(row[names[at]])) for at in columns if not np.isnan(row[names[at]])}
    assert found == set(map(round, stated))  # neither the second height nor the laptop's size
    assert all(np.isnan(other[names[at]]) for at in columns)


def test_a_chain_that_was_cut_off():
    (row,) = features_of(("1 cm and 10 x 20 x 5 cm", "", ""), most=3)
    assert [row["chain_0"], row["chain_1"]] == pytest.approx(np.log([10 * CM, 20 * CM]))
    assert np.isnan(row["chain_2"])


ROWS = [SHELF, MUG, ("Rug 60 x 90 cm", "", ""), ("Pen", "14 cm long", "")]
TITLES, POINTS, DESCRIPTIONS = (list(column) for column in zip(*ROWS, strict=True))


def fitted(folder, titles=TITLES, types="abcd", **options):
    products = products_of(titles, list(types), bullet_points=POINTS, description=DESCRIPTIONS)
    lengths = np.ones(3, np.float32)
    training = Training(products, np.arange(3), lengths, {}, {}, ArtefactStore(folder))
    return *MeasurementsOptions(**options).fit(training), products


def test_fields_of_products_are_read(tmp_path):
    feature, column, products = fitted(tmp_path)
    wanted = np.array([list(row.values()) for row in features_of(*ROWS)], np.float32)
    np.testing.assert_array_equal(column, wanted)
    np.testing.assert_array_equal(feature.transform(products, {}), column)


def test_what_was_read_is_reused_and_depends_on_texts_only(tmp_path, caplog, monkeypatch):
    _, first, _ = fitted(tmp_path)
    caplog.set_level("INFO")
    monkeypatch.setattr(reading, "parse_fields", None)  # another parse would fail
    np.testing.assert_array_equal(fitted(tmp_path, types="zzzz")[1], first)
    assert "reused" in caplog.text
    for changed in ({"max_measurements": 4}, {"titles": ["A"] * 4}):
        with pytest.raises(TypeError):
            fitted(tmp_path, **changed)
    monkeypatch.setattr(reading, "PARSER_VERSION", -1)
    with pytest.raises(TypeError):
        fitted(tmp_path)


def test_a_checkpoint_of_another_parser_is_refused(tmp_path):
    feature, _, _ = fitted(tmp_path)
    state = feature.state()
    with pytest.raises(UserError, match="version that trained it"):
        feature.options.restore({**state, "parser": state["parser"] + 1})

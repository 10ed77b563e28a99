"""The block of stated measurements: by hand, scaled on training rows, the same for new products."""

import io
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import DemoData, SplitOptions, TextRecipe
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.split import TRAIN
from product_length.catalogue.text import FIELDS
from product_length.errors import UserError
from product_length.features import dimension_stage as stage
from product_length.features.config import DimensionOptions
from product_length.features.dimension_features import (
    DimensionScaler,
    dimension_feature_names,
    dimension_features,
    pointer_columns,
)
from product_length.features.dimension_stage import DimensionReader, dimension_stage
from product_length.measurements.candidates import parse_fields
from product_length.measurements.measurement import Role

CM = 1000 / 25.4
SHELF = (
    "Shelf 80 x 20 x 4 cm",
    "Height: 5 cm; Size 30 x 40",
    "Width 20 inch, height 7 cm, for a 14 inch laptop. Package size: 90 cm",
)
MUG = ("Mug", "", "")


def features_of(*rows, most=16):
    columns = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
    fields = pa.record_batch(columns, names=list(FIELDS))
    block = dimension_features(parse_fields(fields, FIELDS, most))
    assert block.dtype == np.float32
    assert block.shape == (len(rows), len(dimension_feature_names()))
    return [dict(zip(dimension_feature_names(), row.tolist(), strict=True)) for row in block]


def test_by_hand():
    row, other = features_of(SHELF, MUG)
    logs = np.log1p(np.array([80 * CM, 20 * CM, 4 * CM, 5 * CM, 2000, 7 * CM]))
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
    assert row["without_unit_first"] == pytest.approx(np.log1p(3000))
    assert row["without_unit_greatest"] == pytest.approx(np.log1p(4000))
    assert row["package_first"] == pytest.approx(np.log1p(90 * CM))
    assert row["other_thing_first"] == pytest.approx(np.log1p(1400))
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
    names = dimension_feature_names()
    columns = pointer_columns()
    assert len(set(columns)) == len(columns) == len(Role) - 1 + 3 + 3
    stated = [80 * CM, 20 * CM, 4 * CM, 5 * CM, 3000, 2000, 90 * CM]
    found = {round(np.expm1(row[names[at]])) for at in columns if not np.isnan(row[names[at]])}
    assert found == set(map(round, stated))  # neither the second height nor the laptop's size
    assert all(np.isnan(other[names[at]]) for at in columns)


def test_a_chain_that_was_cut_off():
    (row,) = features_of(("1 cm and 10 x 20 x 5 cm", "", ""), most=3)
    assert [row["chain_0"], row["chain_1"]] == pytest.approx(np.log1p([10 * CM, 20 * CM]))
    assert np.isnan(row["chain_2"])


def test_the_scaler_is_that_of_the_training_rows_that_have_a_value():
    random = np.random.default_rng(0)
    features = random.normal(3, 2, (500, 4)).astype(np.float32)
    features[random.random((500, 4)) < 0.6] = np.nan
    features[:, 2] = np.nan  # nobody has it
    features[:, 3] = 5  # everybody has it
    train = np.arange(0, 500, 2)
    features[1::2, 0] += 100  # other rows do not matter
    scaler = DimensionScaler.fit(features, train)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            scaler.mean[:2], np.nanmean(features[train, :2].astype(float), axis=0)
        )
        np.testing.assert_allclose(
            scaler.deviation[:2], np.nanstd(features[train, :2], axis=0), rtol=1e-5
        )
    scaled = scaler.standardise(features)
    assert scaled.dtype == np.float32
    assert np.isfinite(scaled).all()
    assert (scaled[np.isnan(features)] == 0).all()
    assert (scaled[:, 2:] == 0).all()
    assert scaled[train].max() < 8
    assert (scaled[1::2, 0][~np.isnan(features[1::2, 0])] == 8).all()
    with pytest.raises(ValueError, match="no training rows"):
        DimensionScaler.fit(features, train[:0])


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    data = DemoData(
        source="demo", rows=400, types=10, text=TextRecipe(fields=list(FIELDS)),
        split=SplitOptions(),
    )  # fmt: skip
    return open_catalogue(data, ArtefactStore(tmp_path_factory.mktemp("cache")))


def read(catalogue, tmp_path, options=None):
    train_rows = catalogue.rows(TRAIN)
    return dimension_stage(
        catalogue, train_rows, options or DimensionOptions(), ArtefactStore(tmp_path)
    )


def test_a_new_product_is_read_as_a_known_one(catalogue, tmp_path):
    found = read(catalogue, tmp_path)
    assert found.block.shape == (400, len(dimension_feature_names()))
    train = found.block[catalogue.rows(TRAIN)]
    assert np.abs(train).max() <= 8
    assert 0.2 < (~np.isnan(found.candidates.values)).any(axis=1).mean() < 0.7
    kept = io.BytesIO()
    torch.save(found.reader.state(), kept)
    kept.seek(0)
    reader = DimensionReader.from_state(torch.load(kept, weights_only=True))
    fields = catalogue.fields().combine_chunks().to_batches()[0]
    np.testing.assert_allclose(reader.features(fields), found.block, atol=1e-6)


def test_what_was_read_is_reused_and_depends_on_texts_only(
    catalogue, tmp_path, caplog, monkeypatch
):
    first = read(catalogue, tmp_path)
    caplog.set_level("INFO")
    monkeypatch.setattr(stage, "parse_fields", None)  # another parse would fail
    again = read(catalogue, tmp_path)
    np.testing.assert_array_equal(again.block, first.block)
    assert "dimensions: reused" in caplog.text
    with pytest.raises(TypeError):
        read(catalogue, tmp_path, DimensionOptions(candidates=4))
    monkeypatch.setattr(stage, "PARSER_VERSION", -1)
    with pytest.raises(TypeError):
        read(catalogue, tmp_path)
    monkeypatch.undo()
    columns = {"fields": catalogue.fields, "recipe": catalogue.recipe, "rows": catalogue.rows}

    class TextsOnly(SimpleNamespace):
        def __len__(self):
            return len(catalogue)

    blind = TextsOnly(**columns)  # no lengths, types or ids to be seen
    np.testing.assert_array_equal(read(blind, tmp_path / "blind").block, first.block)


def test_other_texts_are_read_anew(catalogue, tmp_path):
    first = read(catalogue, tmp_path)
    titles = TextRecipe(fields=["title"])
    data = DemoData(source="demo", rows=400, types=10, text=titles, split=SplitOptions())
    short = open_catalogue(data, ArtefactStore(tmp_path))
    block = read(short, tmp_path).block
    assert block.shape == first.block.shape
    assert (block != first.block).any()


def test_a_checkpoint_of_another_parser_is_refused(catalogue, tmp_path):
    state = read(catalogue, tmp_path).reader.state()
    with pytest.raises(UserError, match="version that trained it"):
        DimensionReader.from_state({**state, "parser": state["parser"] + 1})

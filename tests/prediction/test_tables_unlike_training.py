"""Prediction for tables unlike the one that was trained on."""

import csv
import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import job, predict_by, read_rows, table_in_cm
from python_calamine import CalamineWorkbook

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import Columns, TextRecipe
from product_length.catalogue.units import CatalogueUnit
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.composition import check_overrides, read_texts
from product_length.errors import ConfigError, UserError
from product_length.experiment import Experiment
from product_length.pipeline import run
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.config import PredictedColumns, PredictedData, PredictionJob
from product_length.prediction.read_columns import columns_to_read
from product_length.training.checkpoint_file import read_checkpoint, write_checkpoint

RUN = [
    "data=file",
    "data.columns.product_id=sku",
    "data.columns.title=name",
    "data.columns.description=[blurb,notes]",
    "data.columns.product_type=kind",
    "data.columns.length=width_cm",
    "data.columns.numbers=[year,pieces]",
    "data.columns.categories=[brand]",
    "embeddings=words",
    "features=text",
    "features.measurements=null",
    "loss=histogram",
    "loss.bins=16",
    "model=mlp",
    "model.hidden=[16]",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.progress=false",
    "tracking=none",
    "evaluation.resamples=100",
    "evaluation.baselines=false",
]


@pytest.fixture(scope="module")
def table():
    """300 products in cm; ids are texts with leading zeros."""
    return table_in_cm(
        year=pa.array(np.arange(300) % 40 + 1980),
        pieces=pa.array([None if row % 3 else row / 2 for row in range(300)]),
        brand=[f"brand {row % 7}" for row in range(300)],
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory, table):
    root = tmp_path_factory.mktemp("trained")
    write_csv(root / "train.csv", table)
    chosen = [f"data.path={root / 'train.csv'}", f"cache_dir={root / 'cache'}"]
    run(job("train", Experiment, *RUN, *chosen), root / "run", [])
    return root / "run"


def write_csv(path, table):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table.column_names)
        writer.writerows(zip(*table.to_pydict().values(), strict=True))
    return path


def lengths_of(trained, path, *overrides, name="width_cm"):
    """By an id or another column, in the order of the rows."""
    output = predict_by(trained, path, path.with_name("out.csv"), *overrides)
    return [row[name] for row in read_rows(output)]


def the_line(caplog, words):
    (line,) = [each.getMessage() for each in caplog.records if words in each.getMessage()]
    assert "\n" not in line
    return line


def test_the_output_speaks_of_the_table_that_was_trained_on(trained, table, tmp_path, caplog):
    caplog.set_level("INFO")
    path = write_csv(tmp_path / "a.csv", table.drop_columns(["width_cm"]))
    kept = "keep=[pieces,brand]"
    output = predict_by(trained, path, tmp_path / "s.csv", "interval=0.5", kept)
    rows = read_rows(output)
    assert list(rows[0]) == ["sku", "width_cm", "LOWER", "UPPER", "pieces", "brand"]
    expected = read_rows(path)
    for name in ("sku", "pieces", "brand"):
        assert [row[name] for row in rows] == [row[name] for row in expected]
    assert rows[1]["sku"] == "00001"
    last = caplog.records[-1].getMessage()
    assert last.startswith(f"{output}: 300 rows of width_cm in cm, decided for the median, ")
    assert "LOWER and UPPER in cm to hold 50%, " in last
    widths = np.float32([row["width_cm"] for row in rows])
    lower, upper = (np.float32([row[name] for row in rows]) for name in ("LOWER", "UPPER"))
    assert ((lower <= widths) & (widths <= upper)).mean() > 0.9
    # In the unit of training, not in another one.
    known = table["width_cm"].to_numpy()
    assert 0.2 < np.median(widths) / np.median(known) < 5


def test_every_format_says_the_same(trained, table, tmp_path):
    types = {"sku": pa.int32(), "year": pa.int16(), "bought": pa.date32()}
    bought = pa.array(range(300), pa.int32()).cast(pa.date32())
    numbered = table.set_column(0, "sku", table["sku"].cast(pa.int32()))
    numbered = numbered.append_column("bought", bought)
    numbered = numbered.set_column(5, "year", numbered["year"].cast(pa.int16()))
    pq.write_table(numbered, tmp_path / "a.parquet")
    kept = ["keep=[year,pieces,bought]", "interval=0.5", "batch_rows=77"]
    made = {
        ending: predict_by(trained, tmp_path / "a.parquet", tmp_path / f"s{ending}", *kept)
        for ending in (".csv", ".jsonl", ".parquet", ".xlsx")
    }
    found = pq.read_table(made[".parquet"])
    for name, kind in types.items():
        assert found.schema.field(name).type == kind
        assert found[name].equals(numbered[name])
    assert found["pieces"].equals(numbered["pieces"])
    assert found.schema.metadata == {
        b"unit": b"cm",
        b"decision": b"median",
        b"interval": b"0.5",
        b"checkpoint": b"run/checkpoints/best.ckpt",
    }
    lengths = found["width_cm"].to_numpy()
    np.testing.assert_array_equal(
        np.float32([row["width_cm"] for row in read_rows(made[".csv"])]), lengths
    )
    objects = [json.loads(line) for line in made[".jsonl"].read_text().splitlines()]
    assert [each["sku"] for each in objects] == list(range(300))
    assert [each["pieces"] for each in objects] == table["pieces"].to_pylist()
    np.testing.assert_array_equal(np.float32([each["width_cm"] for each in objects]), lengths)
    header, *cells = CalamineWorkbook.from_path(made[".xlsx"]).get_sheet_by_index(0).to_python()
    assert header == found.column_names == list(objects[0])
    assert [row[0] for row in cells] == list(range(300))
    np.testing.assert_array_equal(np.float32([row[1] for row in cells]), lengths)


def test_columns_of_other_names_in_another_order(trained, table, tmp_path):
    plain = lengths_of(trained, write_csv(tmp_path / "a.csv", table))
    others = [f"my {name}" for name in table.column_names]
    renamed = table.rename_columns(others).select(others[::-1])
    options = [
        "data.columns.product_id='my sku'",
        "data.columns.title='my name'",
        "data.columns.description=['my blurb','my notes']",
        "data.columns.product_type='my kind'",
        "data.columns.numbers=['my year','my pieces']",
        "data.columns.categories='my brand'",
    ]
    assert lengths_of(trained, write_csv(tmp_path / "b.csv", renamed), *options) == plain


def test_numbers_and_categories_are_named_in_the_order_of_training(table, tmp_path):
    trained = Columns(
        title="name", length="width_cm", numbers=["year", "pieces"], categories=["brand", "maker"]
    )
    names = {"year": "Jahr", "pieces": "Teile", "brand": "Marke"}
    renamed = table.rename_columns([names.get(name, name) for name in table.column_names])
    data = PredictedData(
        path=write_csv(tmp_path / "a.csv", renamed),
        columns=PredictedColumns(numbers=["Jahr", "Teile"], categories=["Marke", None]),
        escape=None,
    )
    (found,) = columns_to_read([trained], data, ["Teile"])
    assert found.numbers == {"year": "Jahr", "pieces": "Teile"}
    assert found.categories == {"brand": "Marke", "maker": None}
    assert found.keep == ("Teile",)
    store = ArtefactStore(tmp_path / "cache")
    recipe = TextRecipe(fields=["title"])
    products = open_unlabelled(
        data.path, found, recipe, CatalogueUnit.named("cm"), store, data.as_written()
    )
    np.testing.assert_array_equal(products.number("year"), table["year"].to_numpy())
    np.testing.assert_array_equal(products.number("pieces"), table["pieces"].to_numpy())
    assert products.category("brand").to_pylist() == table["brand"].to_pylist()
    assert set(products.category("maker").to_pylist()) == {""}


def test_absent_columns_are_said_in_one_line_and_are_as_empty(trained, table, tmp_path, caplog):
    absent = ["notes", "kind", "year", "pieces"]
    empty = table
    for name in absent:
        place = empty.column_names.index(name)
        empty = empty.set_column(place, name, pa.array([""] * 300))
    lacking = table.drop_columns(absent).append_column("kinds", table["kind"])
    with_all = lengths_of(trained, write_csv(tmp_path / "a.csv", empty))
    assert "read as empty" not in caplog.text
    assert lengths_of(trained, write_csv(tmp_path / "b.csv", lacking)) == with_all
    line = the_line(caplog, "read as empty")
    for key, name in [
        ("description", "notes"),
        ("numbers", "year"),
        ("numbers", "pieces"),
    ]:
        assert f"no column '{name}' (data.columns.{key})" in line
    assert "no column 'kind', did you mean 'kinds'? (data.columns.product_type)" in line
    assert "the table has: 'sku', 'name', 'blurb', 'brand'" in line


def test_null_means_that_there_is_none(trained, table, tmp_path, caplog):
    """As if the column were not there, but nothing is said; the column itself is not read."""
    lacking = table.drop_columns(["blurb", "notes", "kind", "pieces", "brand"])
    expected = lengths_of(trained, write_csv(tmp_path / "a.csv", lacking))
    the_line(caplog, "read as empty")
    caplog.clear()
    options = [
        "data.columns.description=null",
        "data.columns.product_type=null",
        "data.columns.numbers=[year,null]",
        "data.columns.categories=null",
    ]
    assert lengths_of(trained, write_csv(tmp_path / "b.csv", table), *options) == expected
    assert "read as empty" not in caplog.text


def test_without_ids_rows_are_numbered(trained, table, tmp_path, caplog):
    path = write_csv(tmp_path / "a.csv", table)
    expected = lengths_of(trained, path)
    numbers = [str(row) for row in range(1, 301)]
    asked = "data.columns.product_id=null"
    assert lengths_of(trained, path, asked, name="row") == numbers
    assert lengths_of(trained, path, asked) == expected
    assert caplog.text == ""
    path = write_csv(tmp_path / "b.csv", table.drop_columns(["sku"]))
    assert lengths_of(trained, path, name="row") == numbers
    line = the_line(caplog, "no column 'sku'")
    assert "(data.columns.product_id): products are called by the number of their row" in line
    output = predict_by(trained, path, tmp_path / "s.parquet")
    assert pq.read_table(output)["row"].equals(pa.chunked_array([range(1, 301)], pa.int64()))


def test_products_of_types_alone_are_predicted_and_counted(trained, table, tmp_path, caplog):
    caplog.set_level("INFO")
    path = write_csv(tmp_path / "a.csv", table.select(["sku", "kind"]))
    lengths = lengths_of(trained, path)
    assert len(set(lengths)) > 3
    line = the_line(caplog, "of 300 rows")
    assert "300 (100.0%) have no text and are predicted from the other columns" in line


def test_snapped_lengths_are_those_of_training_in_its_unit(trained, table, tmp_path):
    lengths = lengths_of(trained, write_csv(tmp_path / "a.csv", table), "snap=true")
    known = set(np.float32(table["width_cm"].to_numpy()))
    assert set(np.float32(lengths)) <= known


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "data.columns.title=nam",
            "a.csv: no column 'nam', did you mean 'name'? (data.columns.title)",
        ),
        ("data.columns.title=[name,text]", "no column 'text' (data.columns.title)"),
        ("data.columns.numbers=[jahr,null]", "no column 'jahr' (data.columns.numbers)"),
        (
            "data.columns.numbers=[year]",
            "data.columns.numbers: 1 given, training had 2 (year, pieces): give a name or null",
        ),
        (
            "data.columns.categories=[a,b]",
            "data.columns.categories: 2 given, training had 1 (brand)",
        ),
        ("data.columns.categories=[width_cm]", "width_cm: is the column that is predicted"),
        ("data.columns.product_id=width_cm", "width_cm: is the column that is predicted"),
        ("keep=[price]", "no column 'price' (keep)"),
        ("keep=[bran]", "no column 'bran' (keep)"),
        ("keep=[width_cm]", "keep=width_cm: the output has the predicted length under that name"),
        ("keep=[sku]", "keep=sku: the output has the id of each product under that name"),
        ("keep=[LOWER]", "keep=LOWER: the output has an end of the interval under that name"),
        ("keep=[year,year]", "keep: year: named twice"),
    ],
)
def test_faults_are_said_in_one_line_before_any_work(trained, table, tmp_path, change, said):
    path = write_csv(tmp_path / "a.csv", table.append_column("LOWER", table["year"]))
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        predict_by(trained, path, tmp_path / "s.csv", change, "interval=0.5")
    assert len(str(caught.value).splitlines()) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_a_name_clashes_only_with_what_is_written(trained, table, tmp_path):
    path = write_csv(tmp_path / "a.csv", table.append_column("LOWER", table["year"]))
    kept = lengths_of(trained, path, "keep=[LOWER]", name="LOWER")
    assert kept == [str(year) for year in table["year"].to_pylist()]
    both = table.append_column("row", table["year"])
    path = write_csv(tmp_path / "b.csv", both.drop_columns(["sku"]))
    with pytest.raises(ConfigError, match=r"keep=row: the output has the number of each row"):
        predict_by(trained, path, tmp_path / "s.csv", "keep=[row]")


def test_a_table_without_any_column_of_training(trained, table, tmp_path):
    path = write_csv(tmp_path / "a.csv", table.select(["sku", "width_cm"]))
    with pytest.raises(
        UserError, match=r"no column 'name'.*no column 'brand'.*the table has: 'sku"
    ):
        predict_by(trained, path, tmp_path / "s.csv")
    nothing = ["title", "description", "product_type", "numbers", "categories"]
    options = [f"data.columns.{key}=null" for key in nothing]
    with pytest.raises(ConfigError, match=r"data\.columns: names no column to predict from"):
        predict_by(trained, path, tmp_path / "s.csv", *options)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("unit", "mm", "units differ: .* cm, .* mm;"),
        ("length", "depth", "columns differ: .*depth;"),
    ],
)
def test_checkpoints_of_other_units_or_targets_are_no_ensemble(
    trained, table, tmp_path, key, value, said
):
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    content = read_checkpoint(other / "checkpoints" / "best.ckpt")
    recipe = content["recipe"]
    (recipe if key in recipe else recipe["columns"])[key] = value
    write_checkpoint(content, other / "checkpoints" / "best.ckpt")
    path = write_csv(tmp_path / "a.csv", table)
    with pytest.raises(ConfigError, match=said) as caught:
        predict_by(trained, path, tmp_path / "s.csv", f"checkpoint=[{trained},{other}]")
    assert len(str(caught.value).splitlines()) == 1


def test_a_checkpoint_keeps_the_columns_and_the_unit(trained):
    (predictor,) = load_predictors([trained / "checkpoints" / "best.ckpt"], {}, "cpu").values()
    assert predictor.columns.numbers == ["year", "pieces"]
    assert (predictor.columns.length, str(predictor.unit)) == ("width_cm", "cm")


def test_columns_as_they_are_typed():
    """Names with spaces, brackets and commas, and null, through the command line."""

    def typed(*overrides):
        words = ["checkpoint=a", "data.path=b", "output=c", *overrides]
        read = read_texts(PredictionJob, words)
        return check_overrides("predict", PredictionJob, read)

    assert typed().data.columns.given() == {}
    assert typed().keep == []
    found = typed(
        "data.columns.title=Product name (en)",
        "data.columns.description=[blurb,Long text]",
        "data.columns.numbers=[null,Price (USD)]",
        "data.columns.product_type=null",
        "keep=[Price (USD),brand]",
    )
    assert found.data.columns.given() == {
        "title": ["Product name (en)"],
        "description": ["blurb", "Long text"],
        "numbers": [None, "Price (USD)"],
        "product_type": None,
    }
    assert found.keep == ["Price (USD)", "brand"]
    with pytest.raises(ConfigError, match=r"data\.columns\.titel"):
        typed("data.columns.titel=name")

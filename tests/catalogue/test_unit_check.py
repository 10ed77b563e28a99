"""Lengths that are not in the unit that is said, on made-up catalogues and on real ones."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from builders import products_of

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import (
    AMAZON2023_COLUMNS,
    DemoData,
    FileData,
    SplitOptions,
    TextRecipe,
)
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.products import Products
from product_length.catalogue.text import FIELDS
from product_length.catalogue.unit_check import unit_warning
from product_length.catalogue.units import MILLIMETRES, CatalogueUnit

ALL = {"text": TextRecipe(fields=list(FIELDS)), "split": SplitOptions()}
REAL = Path(__file__).parents[3] / "shared" / "data"
CENTIMETRES = np.round(np.random.default_rng(1).uniform(5, 200, 300), 1)


@dataclass(frozen=True)
class Labelled:
    """What is asked of a catalogue."""

    products: Products
    lengths: np.ndarray
    unit: CatalogueUnit

    def __len__(self):
        return len(self.lengths)

    def take(self, rows):
        return self.products.take(rows)


def labelled(centimetres, lengths, unit, titles="Shelf, oak, {:g} cm"):
    texts = [titles.format(length) for length in centimetres]
    products = products_of(texts, ["shelf"] * len(texts))
    return Labelled(products, np.array(lengths, np.float32), CatalogueUnit.named(unit))


@pytest.mark.parametrize("said", [*MILLIMETRES, "kg"])
@pytest.mark.parametrize("true", MILLIMETRES)
def test_the_unit_that_agrees_with_texts_is_named(said, true):
    lengths = CENTIMETRES * 10 / MILLIMETRES[true]
    warning = unit_warning(labelled(CENTIMETRES, lengths, said))
    if said == true:
        assert warning is None
    else:
        assert warning.startswith(f"data.unit={said} looks wrong: 300 texts state a length, ")
        assert warning.endswith(f" in 300; set data.unit={true}")
        assert "\n" not in warning


def test_a_part_of_the_rows_is_told_by_its_share_and_its_ids():
    lengths = CENTIMETRES.copy()
    lengths[:90] /= 2.54
    warning = unit_warning(labelled(CENTIMETRES, lengths, "cm"))
    assert warning.startswith("data.unit=cm looks wrong for about 30% of the rows: 300 texts")
    assert " in cm in 210 cases, in inch in 90; bring all lengths to one unit; " in warning
    assert warning.endswith("see products 0, 1, 2")


def test_a_factor_that_is_no_unit():
    warning = unit_warning(labelled(CENTIMETRES, CENTIMETRES * 10 / 0.254 / 2.54, "1/100 inch"))
    assert warning.endswith("multiplied by 2.54 in 300; multiply all lengths by 2.54")


def test_nothing_is_said_of_too_few_rows_nor_without_lengths_in_texts():
    inches = CENTIMETRES / 2.54
    assert unit_warning(labelled(CENTIMETRES[:19], inches[:19], "cm")) is None
    assert unit_warning(labelled(CENTIMETRES[:20], inches[:20], "cm")) is not None
    for titles in ("Shelf {:g}", "Shelf for a {:g} inch laptop", "Size {:g} x 4"):
        assert unit_warning(labelled(CENTIMETRES, inches, "cm", titles)) is None


def test_chance_is_not_taken_for_a_unit():
    """Of two lengths only, as many agree after shuffling."""
    few = np.random.default_rng(2).choice([10.0, 25.4], 400)
    other = np.random.default_rng(3).choice([10.0, 25.4], 400)
    assert unit_warning(labelled(few, other / 2.54, "m")) is None


@pytest.mark.slow
def test_the_demo_is_right_and_a_large_catalogue_is_sampled(tmp_path):
    data = DemoData(source="demo", rows=30_000, types=300, **ALL)
    catalogue = open_catalogue(data, ArtefactStore(tmp_path))
    assert unit_warning(catalogue) is None
    wrong = unit_warning(replace(catalogue, unit=CatalogueUnit.named("cm")))
    assert wrong.endswith("set data.unit=hundredth_inch")


@pytest.mark.parametrize("name", ["amazon2023_sample", "promptcloud", "toys_uk", "lego"])
def test_real_catalogues(name, tmp_path):
    path = REAL / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    data = FileData(
        source="file", path=path, columns=AMAZON2023_COLUMNS, unit="hundredth_inch", **ALL
    )
    catalogue = open_catalogue(data, ArtefactStore(tmp_path))
    assert unit_warning(catalogue) is None
    for true in ("cm", "hundredth_inch"):
        exact = catalogue.exact_lengths * 0.254 / MILLIMETRES[true]
        for said in ("cm", "hundredth_inch", "inch"):
            unit = CatalogueUnit.named(said)
            warning = unit_warning(replace(catalogue, exact_lengths=exact, unit=unit))
            if said == true or name == "lego":  # whose texts state no length
                assert warning is None
            else:
                assert warning.endswith(f"; set data.unit={true}")

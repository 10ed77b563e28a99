"""What each feature says of a product, before and after a checkpoint."""

from dataclasses import replace

import numpy as np
import pytest
from builders import products_of, through_a_file

from product_length.artefacts import ArtefactStore
from product_length.catalogue.units import CatalogueUnit, three_digits
from product_length.features.categories.config import CategoriesOptions
from product_length.features.feature import Training
from product_length.features.group_lengths import GroupLengths
from product_length.features.measurements.config import MeasurementsOptions
from product_length.features.neighbours.config import NeighboursOptions
from product_length.features.numbers.config import NumbersOptions
from product_length.features.terms.config import TermsOptions
from product_length.features.types.config import TypesOptions
from product_length.measurements.places import measurements_with_places

CM = CatalogueUnit.named("cm")
TITLES = ["small red rug", "red rug 90 cm", "red rug", "blue mug", "tiny blue mug", "mug"]
TYPES = ["Home > Rugs"] * 3 + ["Home > Mugs"] * 2 + [""]
LENGTHS = [60.0, 90.0, 180.0, 9.0, 7.0, 8.0]
VECTORS = np.eye(6, dtype=np.float32) + 0.1


@pytest.fixture
def training(tmp_path):
    products = replace(
        products_of(
            TITLES,
            TYPES,
            numbers={"year": [2001.0, 2002.0, 2003.0, 2004.0, np.nan, 2006.0]},
            categories={"brand": ["Ikea", "Ikea", "Ikea", "Duni", "Duni", ""]},
        ),
        unit=CM,
    )
    lengths = (np.array(LENGTHS) * CM.in_model_units).astype(np.float32)
    columns = {"text": VECTORS}
    store = ArtefactStore(tmp_path)
    return Training(products, np.arange(6), lengths, columns, {"text": "six"}, store)


def both(options, training):
    """The feature and its column, as fitted and as a checkpoint gives it back."""
    feature, column = options.fit(training)
    again = options.restore(through_a_file(feature.state()))
    return [(each, {**training.columns, each.name: column}) for each in (feature, again)]


def test_medians_of_groups_are_those_of_numpy():
    rng = np.random.default_rng(0)
    lengths = rng.lognormal(3, 1, 500).astype(np.float32)
    rows = rng.integers(0, 500, 2000)
    codes = rng.integers(0, 40, 2000)
    codes[codes == 7] = 8
    found = GroupLengths.fit(codes, rows, lengths, 41)
    assert found.rows.tolist() == np.bincount(codes, minlength=41).tolist()
    for code in range(41):
        own = lengths[rows[codes == code]]
        if len(own):
            assert found.medians[code] == pytest.approx(np.median(own), rel=1e-6)
        else:
            assert np.isnan(found.medians[code])


def test_a_type_has_its_training_rows_and_those_of_the_level_above(training):
    new = replace(products_of(["x"] * 4, ["Home > Rugs", "Home > Beds", "Garden", ""]), unit=CM)
    for feature, _ in both(TypesOptions(min_rows=2), training):
        rugs, beds, garden, none = feature.reasons(new, {"types": feature.transform(new, {})})
        assert rugs.words == "product type “Home>Rugs”: 3 training rows, median 90 cm"
        assert (rugs.groups[0].rows, rugs.groups[0].median) == (3, pytest.approx(90))
        assert beds.words.startswith("product type “Home”, which “Home>Beds” is a part of: 5 ")
        assert beds.groups[0].median == pytest.approx(60)
        assert garden.words == "product type “Garden” is not among the training rows"
        assert none.words == "no product type is given"
        assert garden.groups == none.groups == ()


def test_neighbours_have_their_texts_and_lengths(training):
    new = replace(products_of(["a mug"], ["Home > Mugs"]), unit=CM)
    columns = {"text": VECTORS[3:4] + 0.3 * VECTORS[4:5]}
    for feature, _ in both(NeighboursOptions(k=6, shown_characters=9), training):
        (reason,) = feature.reasons(new, columns)
        first, second = reason.neighbours[:2]
        assert len(reason.neighbours) == 5
        assert (first.product_id, first.text, first.product_type) == ("3", "blue mug", TYPES[3])
        assert (second.text, second.length) == ("tiny blue", pytest.approx(7))
        assert reason.words == (
            "nearest training product “blue mug” is 9 cm; the 5 nearest are 7 to 180 cm"
        )
        cosine = columns["text"][0] @ VECTORS[3]
        cosine /= np.linalg.norm(columns["text"]) * np.linalg.norm(VECTORS[3])
        assert first.similarity == pytest.approx(cosine, abs=1e-3)


def test_without_kept_texts_neighbours_have_lengths_only(training):
    options = NeighboursOptions(k=2, shown_characters=0)
    for feature, columns in both(options, training):
        reason = feature.reasons(training.products, columns)[0]
        assert {(each.product_id, each.text) for each in reason.neighbours} == {("", "")}
        assert reason.words.startswith("nearest training product is 60 cm; the 2 nearest")


def test_kept_texts_are_bounded_and_small(training):
    kept = both(NeighboursOptions(k=2, shown_characters=1), training)[1][0].shown
    assert kept[np.array([3, 0])] == [("3", "b"), ("0", "s")]


def test_words_have_their_training_rows(training):
    types = {"types": TypesOptions(min_rows=2).fit(training)[1]}
    with_types = replace(training, columns={**training.columns, **types})
    for feature, columns in both(TermsOptions(min_rows=2), with_types):
        mug = feature.reasons(training.products, columns)[5]
        assert ("word", "mug", 3, pytest.approx(8)) in [
            (each.of, each.value, each.rows, each.median) for each in mug.groups
        ]
        assert "word “mug”: 3 training rows, median 8 cm" in mug.words


def test_values_of_categories_have_their_training_rows(training):
    for feature, columns in both(CategoriesOptions(min_rows=2), training):
        ikea, *_, none = feature.reasons(training.products, columns)
        assert ikea.words == "brand “Ikea”: 3 training rows, median 90 cm"
        assert none is None
        new = products_of(["x"], [""], categories={"brand": ["Acme"]})
        (rare,) = feature.reasons(new, {"categories": feature.transform(new, {})})
        assert rare.words == "brand “Acme”: too few training rows to count"


def test_numbers_have_the_rows_of_their_bin(training):
    for feature, columns in both(NumbersOptions(bins=2), training):
        first, *_, nothing, last = feature.reasons(training.products, columns)
        assert nothing is None
        assert first.words == "year 2001 (up to 2001: 1 training row, median 60 cm)"
        assert last.groups[0].rows == 2  # 2004 and 2006
        assert last.groups[0].median == pytest.approx(8.5)


def test_measurements_are_found_where_they_stand(training):
    new = replace(
        products_of(
            ["Rug 120 x 80 cm, pile height 2 cm", "Mug", "Tray １２ ｃｍ"],
            ["", "", ""],
            description=["Packed in a box of 30 cm", "", ""],
        ),
        unit=CM,
    )
    for feature, _ in both(MeasurementsOptions(), training):
        rug, mug, tray = feature.reasons(new, {})
        assert mug is None
        first = rug.statements[0]
        title = new.fields().column("title")[0].as_py()
        assert title[first.start : first.stop] == first.written == "120 x 80 cm"
        assert [round(each.length, 3) for each in rug.statements[:2]] == [120, 80]
        assert {each.field for each in rug.statements} == {"title", "description"}
        assert "“120 x 80 cm” (120, 80 cm)" in rug.words
        assert [round(each.length) for each in tray.statements] == [12]


@pytest.mark.parametrize(
    "text", ["10 x 20 x 5 cm box, 3-5 inch", "Ｗ １２ ｃｍ", "M8 x 40 mm", "W: 12 in, D: 18 in", ""]
)
def test_every_measurement_has_a_place(text):
    for most in (1, 2, 16):
        for _, (start, stop) in measurements_with_places(text, most):
            assert 0 <= start <= stop <= len(text)
            assert start == stop or any(letter.isdigit() for letter in text[start:stop])


def test_weights_are_no_lengths_and_are_said_in_millimetres(training):
    kg = CatalogueUnit.named("kg")
    new = replace(products_of(["Rug 120 cm"], [""]), unit=kg)
    weights = Training(new, np.arange(1), np.ones(1, np.float32), {}, {}, training.store)
    feature, _ = MeasurementsOptions().fit(weights)
    (reason,) = feature.reasons(new, {})
    assert reason.words == "the text states “120 cm” (1,200 mm)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1063.0, "1,060"), (27.5, "27.5"), (30.0, "30"), (0.001234, "0.00123"), (0, "0"),
     (9.999, "10"), (2_250_000.0, "2,250,000")],
)  # fmt: skip
def test_three_digits(value, shown):
    assert three_digits(value) == shown


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (TypesOptions(min_rows=2), "product type “Home>Rugs”"),
        (NeighboursOptions(k=2), "nearest training product is 60 cm"),
        (TermsOptions(min_rows=2), "known words: “"),
        (CategoriesOptions(min_rows=2), "brand “Ikea”"),
        (NumbersOptions(bins=2), "year 2001"),
    ],
)
def test_a_checkpoint_from_before_there_were_reasons_says_less(training, options, says):
    feature, column = options.fit(training)
    state = feature.state()
    state.pop("lengths", None)
    state.pop("shown", None)
    for each in state.get("columns", []) if isinstance(state.get("columns"), list) else []:
        each.pop("lengths")
    old = options.restore(through_a_file(state))
    columns = {**training.columns, old.name: column}
    assert old.reasons(training.products, columns)[0].words.startswith(says)

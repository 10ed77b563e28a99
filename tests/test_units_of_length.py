"""One catalogue in several units: the same columns, the same training, the same lengths."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import job, through_a_file

from product_length import pipeline
from product_length.artefacts import ArtefactStore
from product_length.catalogue.split import TRAIN, VAL
from product_length.catalogue.units import MILLIMETRES, CatalogueUnit
from product_length.experiment import Experiment
from product_length.features.features import fit_features
from product_length.prediction.predictor import Predictor
from product_length.training.batches import OrderedBatches
from product_length.training.fit import fit
from product_length.training.objective import objective_from_state
from product_length.training.predict import decided, predict_raw, ranks

SMALL = [
    "data.rows=600", "data.types=12", "tracking=none", "trainer=cpu", "trainer.progress=false",
    "trainer.max_epochs=3", "trainer.learning_rate=0.01", "trainer.batch_size=64",
    "model.hidden=[16]", "data.bands=[100,1000]",
]  # fmt: skip
RECIPES = {
    "best": ["experiment=best", "features.terms.min_train_rows=50"],
    "log target": ["features=full", "loss=rmsle", "features.use_log_target=true"],
    "linear target": ["features=full", "loss=mape"],
}


def in_unit(catalogue, name):
    """The same products, whose lengths, 1/100 inch, are given in another unit."""
    unit = CatalogueUnit.named(name)
    lengths = catalogue.exact_lengths * 0.254 / (unit.millimetres or 0.254)
    return replace(catalogue, exact_lengths=lengths, unit=unit)


def fitted_in(name, recipe, folder):
    """The catalogue in a unit, its features, and the model that they make."""
    experiment = job("train", Experiment, *RECIPES[recipe], *SMALL, f"cache_dir={folder / 'cache'}")
    catalogue, embeddings = pipeline.read_and_embed(experiment)
    catalogue = in_unit(catalogue, name)
    store = ArtefactStore(experiment.cache_dir)
    fitted = fit_features(catalogue, embeddings, experiment.features, store)
    bands = pipeline._bands(experiment, catalogue)
    return experiment, catalogue, fitted, pipeline.build_model(experiment, catalogue, fitted, bands)


def trained_in(name, recipe, folder):
    """The catalogue, the trained model, and its raw outputs for every row."""
    experiment, catalogue, _, model = fitted_in(name, recipe, folder)
    rows = catalogue.rows(TRAIN)
    fit(
        model.network,
        model.objective,
        model.inputs,
        rows,
        catalogue.rows(VAL),
        options=experiment.trainer.for_rows(len(rows)),
        seed=experiment.seed,
        folder=folder / f"{recipe} in {name}",
    )
    every = np.arange(len(catalogue))
    raw = predict_raw(model.network, OrderedBatches(model.inputs, every, 4096))
    return catalogue, model, raw


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("units")


@pytest.mark.parametrize("name", [name for name in MILLIMETRES if name != "hundredth_inch"])
def test_columns_are_the_same_in_any_unit_of_length(name, folder):
    *_, wanted, _ = fitted_in("hundredth_inch", "best", folder)
    _, catalogue, found, _ = fitted_in(name, "best", folder)
    assert not np.allclose(catalogue.lengths, wanted.training.products.lengths)
    assert found.columns.keys() == wanted.columns.keys() >= {"neighbours", "measurements"}
    for each, column in found.columns.items():
        np.testing.assert_array_equal(column, wanted.columns[each])
    (measurements,) = (each for each in found.features if each.name == "measurements")
    restored = measurements.options.restore(through_a_file(measurements.state()))
    assert restored.unit == catalogue.unit
    again = restored.transform(catalogue, found.columns)
    np.testing.assert_array_equal(again, wanted.columns["measurements"])


@pytest.mark.parametrize("recipe", RECIPES)
def test_trained_models_predict_the_same_lengths(recipe, folder):
    before, inches, outputs = trained_in("hundredth_inch", recipe, folder)
    now, metres, raw = trained_in("m", recipe, folder)
    wanted, found = decided(inches.objective, outputs), decided(metres.objective, raw)
    assert np.ptp(np.log(wanted)) > 0.5
    np.testing.assert_allclose(found / 0.0254 * 100, wanted, rtol=1e-6)
    restored = objective_from_state(through_a_file(metres.objective.state()))
    np.testing.assert_array_equal(decided(restored, raw), found)
    if recipe != "best":
        return
    np.testing.assert_allclose(
        ranks(metres.objective, raw, now.lengths), ranks(inches.objective, outputs, before.lengths),
        atol=1e-4,
    )  # fmt: skip
    median = decided(metres.objective, raw, "median")
    low, high = np.exp(np.log(median) - 1e-3), np.exp(np.log(median) + 1e-3)
    assert (ranks(metres.objective, raw, low) < 0.5).all()
    assert (ranks(metres.objective, raw, high) > 0.5).all()


def test_a_predictor_reaches_as_far_in_any_unit(folder):
    *_, inches = fitted_in("hundredth_inch", "best", folder)
    *_, feet = fitted_in("ft", "best", folder)
    nothing: Any = None
    reach = [
        Predictor(
            nothing, nothing, nothing, (), nothing, nothing, each.objective, nothing, ()
        ).reach
        for each in (inches, feet)
    ]
    np.testing.assert_allclose(np.array(reach[1]) * 1200, reach[0], rtol=1e-6)


def test_stated_lengths_are_only_seen_where_the_unit_is_no_length(folder, caplog):
    caplog.set_level("INFO")
    *_, wanted, _ = fitted_in("mm", "best", folder)
    assert "inputs only" not in caplog.text
    *_, found, model = fitted_in("kg", "best", folder)
    assert "measurements: lengths in texts are inputs only: they cannot be given in kg" in (
        caplog.messages
    )
    assert "measurements" in model.network.widths
    assert "measurements" not in model.network.mixture.names
    assert "neighbours" in model.network.mixture.names
    column, other = (each.columns["measurements"] for each in (found, wanted))
    differences = (column - other)[:, 1]  # of the first length with a unit
    np.testing.assert_allclose(differences[~np.isnan(differences)], np.log(0.254), rtol=1e-5)

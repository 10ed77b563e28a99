"""The regressor keeps scikit-learn's rules."""

import pickle
import traceback
from unittest import SkipTest

import numpy as np
import pytest
from api_recipe import QUICK
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

import product_length
from product_length import ProductLengthRegressor

RECIPE = ["data.unit=cm", *QUICK]
# Of scikit-learn's own checks: those that hand over no array of numbers as products.
WITHOUT_ARRAYS = (
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_estimators_unfitted",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_mixin_order",
    "check_estimators_partial_fit_n_features",
    "check_non_transformer_estimators_n_iter",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
)


class TakesArrays(ProductLengthRegressor):
    """Says what is not so, since scikit-learn checks nothing else of an estimator of frames."""

    def __init__(self, overrides=(), *, folder=None):
        super().__init__(overrides, folder=folder)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def checks():
    for regressor, check in estimator_checks_generator(TakesArrays(RECIPE)):
        name = getattr(check, "func", check).__name__
        yield name, lambda regressor=regressor, check=check: check(regressor)


@pytest.mark.parametrize("name", WITHOUT_ARRAYS)
def test_scikit_learns_own_checks(name):
    found = [check for each, check in checks() if each.startswith(name)]
    assert found
    for check in found:
        check()


@pytest.mark.filterwarnings("ignore")
def test_its_other_checks_fail_for_want_of_a_frame_alone():
    others = [check for each, check in checks() if not each.startswith(WITHOUT_ARRAYS)]
    assert len(others) > 30
    for check in others:
        with pytest.raises(Exception) as caught:  # noqa: PT011 -- each has its own
            check()
        if caught.type is not SkipTest:
            said = "".join(traceback.format_exception(caught.value))
            assert "expected a pandas, polars or pyarrow table" in said


@pytest.fixture(scope="module")
def products(table):
    return table.to_pandas().drop(columns="width_cm")


@pytest.fixture(scope="module")
def lengths(table):
    return table["width_cm"].to_numpy()


@pytest.fixture(scope="module")
def fitted(products, lengths):
    return ProductLengthRegressor(RECIPE).fit(products, lengths)


def test_it_predicts_what_its_run_learned(fitted, products, lengths, tmp_path):
    found = fitted.predict(products)
    assert found.shape == (300,)
    assert found.dtype == np.float32
    labelled = products.assign(length=lengths)
    split = ["data.split.train=0.9", "data.split.val=0.1", "data.split.test=0"]
    run = product_length.train(
        labelled, *split, *RECIPE, f"cache_dir={tmp_path / 'c'}", folder=tmp_path / "run"
    )
    np.testing.assert_array_equal(found, run.model.predict(labelled)["length"])
    assert fitted.report_.val.metrics == run.report.val.metrics
    assert "test" not in run.report.splits
    assert list(fitted.feature_names_in_) == list(products.columns)
    interval = fitted.model_.predict(products, interval=0.9)
    assert list(interval.columns) == ["sku", "length", "LOWER", "UPPER"]


def test_it_is_cloned_set_and_kept(fitted, products):
    regressor = ProductLengthRegressor("experiment=best")
    assert regressor.get_params() == {"overrides": "experiment=best", "folder": None}
    other = clone(regressor).set_params(overrides=["loss=mape"])
    assert other.overrides == ["loss=mape"]
    assert regressor.overrides == "experiment=best"
    with pytest.raises(NotFittedError):
        other.predict(products)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(products), fitted.predict(products))
    assert not hasattr(clone(fitted), "checkpoint_")


@pytest.mark.slow
def test_cross_validation_works(products, lengths, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    scoring = "neg_mean_absolute_percentage_error"
    found = cross_val_score(
        ProductLengthRegressor(RECIPE),
        products,
        lengths,
        cv=2,
        scoring=scoring,
        error_score="raise",
    )
    half = ProductLengthRegressor(RECIPE).fit(products[:150], lengths[:150])
    expected = get_scorer(scoring)(half, products[150:], lengths[150:])
    assert found[1] == pytest.approx(expected, rel=1e-6)
    assert list(tmp_path.iterdir()) == []  # runs and caches go with the fit


def test_lengths_that_do_not_suit_are_said(products, lengths):
    regressor = ProductLengthRegressor(QUICK)
    with pytest.raises(ValueError, match="X has 300 rows, y has 299"):
        regressor.fit(products, lengths[:-1])
    with pytest.raises(product_length.UserError, match=r"say what length is in: data\.unit=cm"):
        regressor.fit(products, lengths)
    with pytest.raises(product_length.UserError, match="have a column 'year' already"):
        ProductLengthRegressor([*RECIPE, "data.columns.length=year"]).fit(products, lengths)

"""Which features there are, in which order, and features of one's own."""

import numpy as np
import pytest
import torch
from builders import MLP, fit_demo, network_of, through_a_file

from product_length.errors import UserError
from product_length.features.config import KINDS, CustomFeature, FeatureGroup
from product_length.features.features import load_features, transformed
from product_length.features.types.config import TypesOptions
from product_length.loss.histogram import Histogram
from product_length.training.objective import HistogramObjective

# What the demo catalogue has columns for.
NAMES = [name for name in KINDS if name not in ("numbers", "categories")]
CHOICE = {
    "types": {"width": 5, "expert": True},
    "neighbours": {"k": 4, "width": 5, "type_weight": 1, "expert": True},
    "terms": {"min_rows": 3},
    "measurements": {"width": 5, "expert": True},
}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return fit_demo(tmp_path_factory.mktemp("cache"), CHOICE)


class OwnTypes(TypesOptions):
    """The product types once more, as a feature of one's own."""


OWN = f"{__name__}.OwnTypes"


def network_over(fitted):
    lengths = fitted.training.lengths
    objective = HistogramObjective.build(Histogram(name="histogram", bins=12), lengths)
    bins = objective.bin_grid(lengths)
    network = network_of(*fitted.features, outputs=objective.outputs, bins=bins)
    network.fit_experts(fitted.training)
    return network


def test_the_order_of_a_list_does_not_matter(fitted, tmp_path):
    other = fit_demo(tmp_path, dict(reversed(CHOICE.items())))
    assert list(CHOICE) == NAMES
    assert list(other.columns) == list(fitted.columns) == ["text", *NAMES]
    one, two = network_over(fitted), network_over(other)
    assert str(one) == str(two)
    for name, weight in one.state_dict().items():
        torch.testing.assert_close(
            weight, two.state_dict()[name], rtol=0, atol=0, equal_nan=True, msg=name
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_from_a_checkpoint_says_the_same_of_new_products(fitted, name):
    kept = next(each for each in fitted.kept if each.feature.name == name)
    (again,) = load_features([through_a_file(kept.state())], {}, "cpu")
    assert again.options == kept.options
    new = np.setdiff1d(np.arange(len(fitted.training.products)), fitted.training.rows)
    products = fitted.training.products.take(new)
    column = transformed([again.feature], products, {"text": fitted.columns["text"][new]})[name]
    assert column.dtype == fitted.columns[name].dtype
    np.testing.assert_array_equal(column, fitted.columns[name][new])


def test_options_of_the_network_change_and_what_is_fitted_stays(fitted):
    group = FeatureGroup.model_validate({**CHOICE, "types": {"width": 9}})
    other = fitted.with_options(group)
    assert other.training is fitted.training
    kept = {each.feature.name: each for each in other.kept}
    assert kept["types"].feature.encoder().width == kept["types"].options["width"] == 9
    assert kept["types"].feature.vocabulary is fitted.features[1].vocabulary
    assert kept["types"].feature.expert(None, 3) is None
    assert [kept[name] for name in kept if name != "types"] == [
        each for each in fitted.kept if each.feature.name != "types"
    ]


@pytest.mark.parametrize(
    ("name", "options"), [("types", {"min_rows": 9}), ("neighbours", {"k": 5})]
)
def test_what_decides_the_fit_is_told_from_what_shapes_the_network(name, options):
    def fitted_by(**changed):
        return FeatureGroup.model_validate({name: changed}).fitted_by()

    assert fitted_by() == fitted_by(width=99, expert=True) != fitted_by(**options)


def test_a_feature_of_one_s_own_is_fitted_last_and_has_to_have_its_name(tmp_path):
    group = FeatureGroup.model_validate({"custom": {"brand": {"kind": OWN}}, "terms": {}})
    assert list(group.chosen()) == ["terms", "brand"]
    assert group.kind_of("brand") == OWN
    with pytest.raises(UserError, match=r"OwnTypes calls its feature types|calls itself types"):
        fit_demo(tmp_path, {"custom": {"brand": {"kind": OWN}}})


@pytest.mark.parametrize(
    ("kind", "options", "fault"),
    [
        ("types_of_my_own", {}, "an import path"),
        ("no_such_module.Options", {}, "cannot be imported.*PYTHONPATH"),
        (f"{__name__}.NoSuch", {}, "cannot be imported"),
        (f"{__name__}.MLP", {}, "is not a FeatureOptions"),
        (OWN, {"width": 0}, "width: Input should be greater"),
        (OWN, {"colour": 1}, "colour: Extra inputs"),
    ],
)
def test_what_is_wrong_with_a_feature_of_one_s_own_is_said_at_once(kind, options, fault):
    assert MLP  # which is in this module, and no class of options
    with pytest.raises(ValueError, match=fault):
        CustomFeature(kind=kind, options=options)


def test_a_checkpoint_with_a_feature_that_is_not_there():
    state = {"kind": "gone.Options", "options": {}, "state": {}}
    with pytest.raises(UserError, match=r"gone.Options cannot be imported"):
        list(load_features([state], {}, "cpu"))

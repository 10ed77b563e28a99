"""`features=`: any list of features, in any order, composed as a command line is."""

from itertools import permutations
from pathlib import Path

import pytest

from product_length.composition import check_overrides
from product_length.errors import ConfigError
from product_length.experiment import Experiment
from product_length.features.config import KINDS

BEST = "experiment=best"


def features_of(*overrides):
    return check_overrides("train", Experiment, overrides).features


def fault(*overrides):
    with pytest.raises(ConfigError) as caught:
        check_overrides("train", Experiment, overrides)
    said = str(caught.value)
    assert "\n" not in said  # one fault has one sentence
    return said


def test_the_order_of_a_list_says_nothing():
    (features,) = {
        features_of(f"features=[{','.join(names)}]").model_dump_json()
        for names in permutations(["measurements", "types", "neighbours"])
    }
    chosen = features_of("features=[measurements,types,neighbours]")
    assert chosen.model_dump_json() == features
    assert list(chosen.chosen()) == ["types", "neighbours", "measurements"]
    assert chosen.terms is None


@pytest.mark.parametrize("name", KINDS)
def test_every_feature_can_be_had_alone(name):
    features = features_of(f"features=[{name}]", "loss=histogram")
    assert list(features.chosen()) == [name]
    assert features == features_of(f"features={name}", "loss=histogram")


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("text", ["types"]),
        ("knn", ["types", "neighbours"]),
        ("dimensions", ["types", "measurements"]),
        ("full", ["types", "neighbours", "measurements"]),
        ("[full,terms]", ["types", "neighbours", "terms", "measurements"]),
        ("[terms,full]", ["types", "neighbours", "terms", "measurements"]),
        ("[]", []),  # the text alone
    ],
)
def test_ready_made_lists(option, names):
    features = features_of(f"features={option}", "loss=histogram")
    assert list(features.chosen()) == names
    if features.neighbours:
        assert features.neighbours.type_weight == (1 if "full" in option else 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[types,types]", "an option is named twice; name it once"),
        ("[full,types]", "full has types already; name it once"),
        ("[neighbours,full]", "full has neighbours already; name it once"),
        ("[full,knn]", "full and knn both have types and neighbours; name each once"),
        ("[knn,dimensions]", "knn and dimensions both have types; name each once"),
    ],
)
def test_a_feature_is_named_once(given, said):
    assert fault(f"features={given}") == f"features={given}: {said}"
    assert said in fault(f"features=text,{given}")  # in a sweep too


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("features=[types,tpyes]", "features=tpyes: no such option (did you mean types?)"),
        ("features=[types,neighbors]", "features=neighbors: no such option (did you mean neighb"),
        (
            "features=brands",
            "features=brands: no such option; choose categories, dimensions, full, ",
        ),
        ("features.types.widht=3", "no such key (did you mean features.types.width?)"),
        ("features.neighbors.k=3", "no such key (did you mean features.neighbours?)"),
        (
            "features.neighbours.indx=3",
            "(did you mean features.neighbours.index, with features=neighbours?)",
        ),
        (
            "features.neighbours.k=3",
            "no such key here, but with features=neighbours, features=knn or features=full;",
        ),
        (
            "features.colours=true",
            "features.colours: no such key; features has use_log_target, exp",
        ),
    ],
)
def test_unknown_names_are_answered_with_those_there_are(given, said):
    assert said in fault(given)


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("text", ["types"]),
        ("knn", ["types", "neighbours"]),
        ("dimensions", ["types", "measurements"]),
        ("full", ["types", "neighbours", "measurements"]),
        ("[terms,measurements]", ["terms", "measurements"]),
        ("[]", []),
    ],
)
def test_the_best_recipe_takes_other_features(option, names):
    """An experiment must not bring back what the list that is asked for has not."""
    chosen = features_of(BEST, f"features={option}").chosen()
    assert list(chosen) == names
    assert all(each.has_expert for each in chosen.values())


def test_the_best_recipe_has_every_feature_and_its_expert():
    chosen = features_of(BEST).chosen()
    assert list(chosen) == list(KINDS)
    assert all(each.has_expert for each in chosen.values())
    one_less = features_of(BEST, "features.types.expert=false").chosen()
    assert [name for name, each in one_less.items() if not each.has_expert] == ["types"]


def test_experts_need_a_predicted_distribution():
    said = fault(BEST, "loss=mape")
    assert said == (
        "features: types, neighbours, terms, measurements, numbers, categories predict by "
        "themselves, mixed with a predicted distribution; loss=mape emits one length: give "
        "features.experts=false "
        "features.terms=null, or loss=histogram"
    )
    without = features_of(BEST, "loss=mape", "features.experts=false", "features.terms=null")
    assert list(without.chosen()) == [
        "types",
        "neighbours",
        "measurements",
        "numbers",
        "categories",
    ]
    assert not any(each.has_expert for each in without.chosen().values())


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (["features=text", "features.types.expert=true"], "features.types.expert=false"),
        (["features=terms"], "features.terms=null"),
        (["features=[terms,types]", "features.experts=true"], "features.experts=false features"),
    ],
)
def test_what_is_advised_against_experts_is_enough(given, advice):
    said = fault(*given, "loss=mape")
    assert f"give {advice}" in said
    words = said.partition("give ")[2].partition(", or")[0].split()
    keys = [word.partition("=")[0] for word in words]
    kept = [word for word in given if word.partition("=")[0] not in keys]
    assert not any(
        each.has_expert for each in features_of(*kept, *words, "loss=mape").chosen().values()
    )


@pytest.mark.parametrize("name", KINDS)
def test_an_encoder_has_another_name_than_a_feature(name):
    said = fault(f"+embeddings.encoders.{name}={{kind: lsa}}")
    assert said == (
        f"embeddings.encoders.{name}: is the name of a feature too; give the encoder another name"
    )


@pytest.mark.parametrize("given", ["features.terms.min_rows=1", "features.terms.top_k=0"])
def test_limits_hold_below_a_feature(given):
    assert fault("features=terms", "loss=histogram", given).startswith(f"{given}: must be greater")


def test_a_list_takes_options_from_a_folder_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    (tmp_path / "features").mkdir()
    (tmp_path / "features/title_words.yaml").write_text(
        "custom: {title_words: {kind: title_words.TitleWordsOptions, options: {width: 4}}}"
    )
    given = ["features=[title_words,types]", "loss=histogram"]
    place = f"hydra.searchpath=[file://{tmp_path}]"
    key = "features.custom.title_words.options.width"
    for width, words in {4: [], 6: [f"{key}=6"]}.items():
        chosen = features_of(place, *given, *words).chosen()
        assert list(chosen) == ["types", "title_words"]
        assert chosen["title_words"].width == width
    assert "did you mean title_words?" in fault(place, "features=[title_word,types]")
    assert "features=title_words: no such option" in fault(*given)
    said = fault(place, *given, "loss=mape")
    words = said.partition("give ")[2].partition(", or")[0].split()
    assert words == ["++features.custom.title_words.options.expert=false"]
    assert features_of(place, given[0], *words).custom["title_words"].options["expert"] is False

"""Every kind of fault that the schemas can find is a plain sentence: key, given, allowed."""

import pytest

from product_length.composition import check_overrides, read_texts
from product_length.errors import ConfigError
from product_length.experiment import Experiment
from product_length.faults import MUST_BE
from product_length.prediction.config import PredictionJob

LONG = "a" * 129
# By pydantic's type of error: what provokes it, and all that is said.
SAID = {
    "int_type": ("seed=null", "seed=null: must be an integer"),
    "int_parsing": ("seed=abc", "seed=abc: must be an integer"),
    "int_parsing_size": ('seed="' + "9" * 5000 + '"', "must be an integer of fewer digits"),
    "int_from_float": ("seed=1.5", "seed=1.5: must be an integer"),
    "float_type": ("model.dropout=null", "model.dropout=null: must be a number"),
    "float_parsing": ("model.dropout=lots", "model.dropout=lots: must be a number"),
    "finite_number": ("trainer.weight_decay=inf", "trainer.weight_decay=inf: must be a finite"),
    "bool_type": ("trainer.progress=[1]", "trainer.progress=[1]: must be true or false"),
    "bool_parsing": ("trainer.progress=maybe", "trainer.progress=maybe: must be true or false"),
    "string_type": ("data.text.separator=null", "data.text.separator=null: must be a text"),
    "string_too_short": (
        "+embeddings.encoders.e={kind: sentence_transformer, model: m, device: ''}",
        "embeddings.encoders.e.device=: must be a text of at least 1 character(s)",
    ),
    "empty name": ("study=", "study=: must be a name of letters"),
    "string_too_long": (f"tracking.group={LONG}", "must be a text of at most 128 characters"),
    "path_type": ("cache_dir=null", "cache_dir=null: must be a path"),
    "literal_error": ("decision=best", "decision=best: must be 'auto', 'mape', 'rmsle',"),
    "greater_than": ("trainer.learning_rate=0", "must be greater than 0"),
    "greater_than_equal": ("data.rows=5", "data.rows=5: must be greater than or equal to 100"),
    "less_than": ("model.dropout=1", "model.dropout=1: must be less than 1"),
    "less_than_equal": ("data.types=99999", "must be less than or equal to 50000"),
    "list_type": ("model.hidden=3", "model.hidden=3: must be a list, as in [a,b]"),
    "tuple_type": ("tracking.tags=a", "tracking.tags=a: must be a list, as in [a,b]"),
    "too_short": ("model.hidden=[]", "model.hidden=[]: must be a list of at least 1 value(s)"),
    "too_long": (
        "embeddings.encoders.lsa.char_ngrams=[1,2,3]",
        "embeddings.encoders.lsa.char_ngrams=[1,2,3]: must be a list of at most 2 values",
    ),
    "dict_type": ("embeddings.encoders=3", "embeddings.encoders=3: must be keys with values of"),
    "model_type": (
        "features.neighbours=3",
        "features.neighbours=3: must be keys with values of their own",
    ),
    "model_attributes_type": ("data.split=3", "data.split=3: must be keys with values of"),
    "missing": ("~evaluation", "evaluation is required: give evaluation=…"),
    "missing value of a list": (
        "embeddings.encoders.lsa.char_ngrams=[1]",
        "embeddings.encoders.lsa.char_ngrams: must be a list of more values",
    ),
    "extra_forbidden": ("+trainer.momentum=1", "trainer.momentum: no such key"),
    "value_error": ("data.text.fields=[title,title]", "data.text: "),
    "value_error of one of several kinds": (
        "data.unit=kg",
        "data: unit=kg: must be one of hundredth_inch, mm",
    ),
    "pattern": (
        "study=a/b",
        "study=a/b: must be a name of letters (a to z), digits, '.', '_' and '-'",
    ),
    "pattern of a project": ("tracking.project=a%b", "tracking.project=a%b: must be without any"),
    "pattern of a key": (
        "+embeddings.encoders.my-lsa={kind: lsa}",
        "embeddings.encoders.my-lsa: must be made of letters, digits and _,",
    ),
    "union_tag_invalid": ("loss.name=mse", "loss.name=mse: must be one of 'mape', 'weighted_mape'"),
    "union_tag_not_found": (
        "+embeddings.encoders.x={dimensions: 3}",
        "embeddings.encoders.x.kind is required: give embeddings.encoders.x.kind=…",
    ),
    "either of two types": (
        "trainer.devices=x",
        "trainer.devices=x: must be an integer, or 'auto'",
    ),
    "bound of one of two types": (
        "trainer.devices=0",
        "trainer.devices=0: must be greater than or equal to 1, or 'auto'",
    ),
    "in a list": ("model.hidden=[8,a]", "model.hidden.1=a: must be an integer"),
    "true for a number": ("seed=true", "seed=true: must be a number"),
    "true in a list": ("model.hidden=[true]", "model.hidden.0=true: must be a number"),
}


@pytest.mark.parametrize(("override", "said"), SAID.values(), ids=SAID.keys())
def test_each_kind_of_fault_is_a_plain_sentence(override, said):
    with pytest.raises(ConfigError) as caught:
        check_overrides("train", Experiment, [override])
    message = str(caught.value)
    assert said in message
    assert "\n" not in message  # one fault has one sentence
    for words in ("Input", "should", "class", "None", "constrained", "validat", "instance"):
        assert words not in message


def test_every_kind_that_has_words_is_provoked():
    unreached = {"string_pattern_mismatch"}  # the schemas say patterns in words
    assert set(MUST_BE) - unreached <= set(SAID)


def test_faults_of_predictions_are_sentences_too():
    given = ["checkpoint=null", "data.path=null", "output=o", "interval=x", "workers=0", "snap=5"]
    with pytest.raises(ConfigError) as caught:
        check_overrides("predict", PredictionJob, read_texts(PredictionJob, given))
    assert str(caught.value).splitlines()[1:] == [
        "  - checkpoint=null: must be a path",
        "  - data.path=null: must be a path",
        "  - interval=x: must be a number",
        "  - snap=5: must be true or false",
        "  - workers=0: must be greater than or equal to 1, or 'auto'",
    ]

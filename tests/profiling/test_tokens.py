"""Tokens by the real tokenizer, and how near the estimate comes to it."""

import numpy as np

from product_length.demo.generator import DemoGenerator
from product_length.embeddings.config import EmbeddingOptions
from product_length.profiling.tokens import Limit, count_tokens, estimated_tokens, limits_of


def options(**encoder):
    return EmbeddingOptions.model_validate(
        {"encoders": {"one": {"kind": "sentence_transformer", **encoder}}}
    )


def texts_of_the_demo():
    (batch,) = DemoGenerator(rows=1000, types=20, seed=0).batches()
    texts = [
        " ".join(filter(None, (row["TITLE"], row["BULLET_POINTS"], row["DESCRIPTION"])))
        for row in batch.to_pylist()
    ]
    return [text for text in texts if text.isascii()][:300]


def test_the_tokenizer_of_a_folder_counts_what_the_model_sees(minilm):
    from transformers import AutoTokenizer

    (limit,), unknown = limits_of(options(model=str(minilm), max_seq_length=256, prompt="query: "))
    assert not unknown
    assert limit.tokenizer == minilm / "tokenizer.json"
    texts = ["A lamp, 30 cm", "", "Ein ungewöhnlich langes Wort " * 100]
    reference = AutoTokenizer.from_pretrained(minilm)
    wanted = [len(reference("query: " + text, truncation=False)["input_ids"]) for text in texts]
    assert count_tokens(texts, limit).tolist() == wanted


def test_the_estimate_is_near(minilm):
    texts = texts_of_the_demo()
    known = count_tokens(texts, Limit("minilm", 256, "", minilm / "tokenizer.json"))
    estimated = estimated_tokens(texts)
    assert abs(estimated.sum() / known.sum() - 1) < 0.1
    assert np.median(np.abs(estimated / known - 1)) < 0.1


def test_every_ideograph_is_a_token():
    assert estimated_tokens(["精油扩散器"]).tolist() == [7]


def test_a_models_own_limit_is_read_from_its_folder(minilm):
    (limit,), _ = limits_of(options(model=str(minilm)))
    assert limit.tokens == 256


def test_an_unknown_limit_is_said():
    limits, unknown = limits_of(options(model="nobody/no-such-model"))
    assert not limits
    assert unknown[0].startswith("one: embeddings.encoders.one.max_seq_length is null")


def test_a_model_that_is_not_here_is_estimated():
    for model in ("sentence-transformers/no-such-model", "/no/such/folder"):
        (limit,), _ = limits_of(options(model=model, max_seq_length=128))
        assert limit.tokenizer is None
        assert count_tokens(["one two"], limit).tolist() == [4]


def test_encoders_that_cut_nothing_are_not_looked_at():
    limits, unknown = limits_of(
        EmbeddingOptions.model_validate({"encoders": {"lsa": {"kind": "lsa"}}})
    )
    assert (limits, unknown) == ([], [])

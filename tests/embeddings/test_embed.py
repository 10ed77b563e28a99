"""A catalogue's arrays: each text once, addressed by content, fitted on training rows only."""

import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embedding_runs import LSA, RECIPE, embed, keys_of
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.embeddings.config import EmbeddingOptions
from product_length.embeddings.embed import embed_catalogue
from product_length.embeddings.lsa import LsaEncoder
from product_length.embeddings.sentence_transformer import SentenceTransformerEncoder
from product_length.errors import UserError


def test_rows_are_their_texts_vectors(
    product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    texts = product_texts(50)
    (made,) = embed(texts, tmp_path, lsa=LSA)
    assert made.name == "lsa"
    assert made.dimension == 8
    assert made.vectors.dtype == np.float16
    assert isinstance(made.vectors, np.memmap)
    assert not made.vectors.flags.writeable
    assert made.truncated_share is None
    np.testing.assert_array_equal(made.vectors, made.encoder.encode(texts))
    assert len(np.unique(made.vectors, axis=0)) == 50


def test_a_text_is_encoded_once_in_the_whole_catalogue(
    product_texts: Callable[..., list[str]], tmp_path: Path, encoded: list[list[str]]
) -> None:
    distinct = product_texts(30)
    rng = np.random.default_rng(0)
    texts = [distinct[i] for i in rng.integers(0, 30, 200)]
    (made,) = embed(texts, tmp_path, lsa=LSA)
    assert sorted(itertools.chain(*encoded)) == sorted(set(texts))
    np.testing.assert_array_equal(made.vectors, made.encoder.encode(texts))


def test_texts_are_asked_for_by_chunks_and_in_order(
    product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    texts = product_texts(100)
    asked = []

    def give(rows: NDArray[np.int64]) -> list[str]:
        asked.append(rows.tolist())
        return [texts[row] for row in rows]

    options = EmbeddingOptions(encoders={"lsa": LSA}, chunk_rows=32)
    store = ArtefactStore(tmp_path)
    embed_catalogue(give, keys_of(texts), np.arange(100), options, store, RECIPE)
    chunks = [range(32), range(32, 64), range(64, 96), range(96, 100)]
    assert asked == [list(range(100)), *map(list, chunks)]  # fitting, then encoding


def test_encoders_come_in_the_order_given(
    product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    made = embed(product_texts(20), tmp_path, b=LSA, a={**LSA, "dimensions": 4})
    assert [(e.name, e.dimension) for e in made] == [("b", 8), ("a", 4)]


def test_arrays_are_addressed_by_what_they_were_made_from(
    product_texts: Callable[..., list[str]], tmp_path: Path, encoded: list[list[str]]
) -> None:
    texts = product_texts(40)
    first = embed(texts, tmp_path, lsa=LSA)[0]
    assert not first.reused
    calls = len(encoded)
    again = embed(texts, tmp_path, other_name=LSA)[0]
    assert again.reused
    assert again.name == again.encoder.name == "other_name"
    assert len(encoded) == calls
    np.testing.assert_array_equal(again.vectors, first.vectors)
    assert again.encoder.address == first.encoder.address
    assert not embed(texts[::-1], tmp_path, lsa=LSA)[0].reused
    assert not embed(texts, tmp_path, lsa={**LSA, "char_length": 9})[0].reused
    assert not embed(texts, tmp_path, lsa=LSA, train=range(30))[0].reused
    assert not embed(texts, tmp_path, lsa=LSA, recipe={"fields": ["title", "x"]})[0].reused


def test_lsa_never_sees_a_row_outside_training(
    product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    shared = product_texts(60)
    train = range(40)
    vectors, states = [], []
    for secret in ("xylophone", "quasar"):
        texts = [*shared[:40], *(f"{text} {secret} {secret}" for text in shared[40:])]
        (made,) = embed(texts, tmp_path, train=train, lsa=LSA)
        vectors.append(np.array(made.vectors[:40]))
        state = made.encoder.state()
        states.append(state)
        words = set(state["vocabularies"]["word"])
        assert "steel" in words
        assert secret not in words
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert states[0]["vocabularies"] == states[1]["vocabularies"]
    assert (states[0]["components"] == states[1]["components"]).all()


def test_lsa_is_fitted_on_a_seeded_sample_of_distinct_texts(
    product_texts: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    fit = LsaEncoder.fit.__func__  # type: ignore[attr-defined]

    def noting(cls: Any, name: str, options: Any, texts: list[str], **given: Any) -> LsaEncoder:
        seen.append(texts)
        made: LsaEncoder = fit(cls, name, options, texts, **given)
        return made

    monkeypatch.setattr(LsaEncoder, "fit", classmethod(noting))
    distinct = product_texts(300)
    texts = distinct * 2
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        embed(texts, tmp_path / run, lsa={**LSA, "max_fit_rows": 100, "seed": seed})
    assert [len(sample) for sample in seen] == [100, 100, 100]
    assert all(len(set(sample)) == 100 for sample in seen)
    assert seen[0] == seen[1] != seen[2]
    embed(texts, tmp_path / "d", lsa={**LSA, "max_fit_rows": 400})
    assert sorted(seen[3]) == sorted(distinct)


def test_no_training_row(product_texts: Callable[..., list[str]], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        embed(product_texts(5), tmp_path, train=[], lsa=LSA)
    assert str(caught.value) == (
        "embeddings.encoders.lsa: there is no training row to fit on; raise data.split.train, or "
        "choose an encoder that needs no fitting"
    )


def test_keys_of_another_kind_are_a_programming_error(tmp_path: Path) -> None:
    options = EmbeddingOptions(encoders={"lsa": LSA})
    with pytest.raises(ValueError, match="text_keys must be uint64"):
        embed_catalogue(
            lambda rows: [""] * len(rows),
            np.zeros(3),  # type: ignore[arg-type]
            np.arange(3),
            options,
            ArtefactStore(tmp_path),
            {},
        )


def test_log_says_what_was_done(
    product_texts: Callable[..., list[str]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    texts = product_texts(20) * 2
    with caplog.at_level(logging.INFO, logger="product_length.embeddings"):
        embed(texts, tmp_path, lsa=LSA)
        embed(texts, tmp_path, lsa=LSA)
    start = "lsa: 40 rows, 20 unique texts, 8 dimensions, "
    lines = [line for line in caplog.messages if line.startswith(start)]
    assert len(lines) == 2
    assert lines[0].startswith(start + "computed (20 texts encoded), ")
    assert lines[1].startswith(start + "reused, ")


def test_sentence_encoder_end_to_end(
    tiny_models: Callable[[str], Path],
    product_texts: Callable[..., list[str]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short, long = product_texts(18, longest=4), ["steel " * 40, "brass " * 40]
    texts = [*short, *long, long[0], short[0]] * 2  # 44 rows, 20 texts, 6 rows too long
    tiny = {"kind": "sentence_transformer", "model": str(tiny_models("bert")), "device": "cpu"}
    with caplog.at_level(logging.INFO, logger="product_length.embeddings"):
        (made,) = embed(texts, tmp_path, tiny=tiny)
    assert made.truncated_share == pytest.approx(6 / 44)
    assert caplog.messages[-1].startswith(
        "tiny: 44 rows, 20 unique texts, 32 dimensions, computed (20 texts encoded), 13.6% of the "
        "rows cut to the model's length, "
    )
    np.testing.assert_allclose(made.vectors, made.encoder.encode(texts), atol=1e-3)

    def load(_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(SentenceTransformerEncoder, "_embed", load)
    (again,) = embed(texts, tmp_path, tiny={**tiny, "batch_tokens": 64})
    assert again.reused
    assert again.truncated_share == made.truncated_share
    assert again.encoder.state()["dimension"] == 32


def test_a_wrong_model_is_reported_before_any_work(
    product_texts: Callable[..., list[str]], tmp_path: Path, encoded: list[list[str]]
) -> None:
    wrong = {"kind": "sentence_transformer", "model": "/no/such/model"}
    with pytest.raises(UserError, match=r"^embeddings\.encoders\.wrong\.model=/no/such/model: "):
        embed(product_texts(9), tmp_path, lsa=LSA, wrong=wrong)
    assert not encoded

"""Token budgets of batches, tokenised while the model works."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_sentence_transformer import encoder

from product_length.embeddings.batches import token_batches, tokenised_batches
from product_length.errors import UserError


@pytest.mark.parametrize("budget", [1, 64, 100, 10_000])
def test_batches_keep_to_the_budget(budget: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 257, 300)
    batches = token_batches(lengths, budget)
    assert sorted(np.concatenate(batches).tolist()) == list(range(300))
    longest = [int(lengths[batch].max()) for batch in batches]
    assert longest == sorted(longest, reverse=True)
    padded = [size * len(batch) for size, batch in zip(longest, batches, strict=True)]
    assert all(p <= budget or len(b) == 1 for p, b in zip(padded, batches, strict=True))
    # No batch could have taken the next text too.
    assert all(size * (len(batch) + 1) > budget for size, batch in zip(longest, batches[:-1]))  # noqa: B905
    assert token_batches(np.zeros(0, dtype=np.int64), budget) == []


@pytest.mark.parametrize("left", [False, True])
def test_padding_is_cut_off(left: bool) -> None:
    def tokenise(texts: list[str]) -> dict[str, Any]:
        width = max(len(text) for text in texts)
        rows = [text.rjust(width) if left else text.ljust(width) for text in texts]
        ids = torch.tensor([[ord(sign) for sign in row] for row in rows])
        return {"input_ids": ids, "attention_mask": (ids != 32).long(), "modality": "text"}

    texts = ["x" * size for size in np.random.default_rng(0).integers(1, 30, 1200)]
    seen, padded = [], 0
    for rows, features in tokenised_batches(texts, tokenise, 90, left=left):
        ids, mask = features["input_ids"], features["attention_mask"]
        assert ids.shape == mask.shape
        assert ids.numel() <= 90
        assert features["modality"] == "text"
        for at, row in zip(rows.tolist(), ids.tolist(), strict=True):
            assert "".join(map(chr, row)).strip() == texts[at]
        seen += rows.tolist()
        padded += ids.numel()
    assert sorted(seen) == list(range(1200))
    assert padded < 1.02 * sum(map(len, texts))


def test_a_failing_tokenizer_is_not_waited_for(
    tiny_models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = encoder(tiny_models("bert"))
    assert mine.dimension == 32

    def broken(*_: object, **__: object) -> None:
        raise ValueError("bad text")

    monkeypatch.setattr(mine._model, "preprocess", broken)
    with pytest.raises(ValueError, match="bad text"):
        mine.encode(["steel"])


@pytest.mark.parametrize("architecture", ["bert", "mpnet", "distilbert"])
def test_order_and_company_do_not_matter(
    architecture: str,
    tiny_models: Callable[[str], Path],
    product_texts: Callable[..., list[str]],
) -> None:
    texts = ["", *product_texts(60, longest=40), "steel", "steel"]
    for precision in ("float32", "int8"):
        mine = encoder(tiny_models(architecture), precision=precision, batch_tokens=100)
        vectors = mine.encode(texts).astype(np.float32)
        np.testing.assert_array_equal(vectors[-1], vectors[-2])
        order = np.random.default_rng(0).permutation(len(texts))
        shuffled = mine.encode([texts[at] for at in order])
        np.testing.assert_allclose(shuffled, vectors[order], atol=5e-3 * np.abs(vectors).max())
        alone = np.concatenate([mine.encode([text]) for text in texts])
        np.testing.assert_allclose(alone, vectors, atol=5e-3 * np.abs(vectors).max())


def test_batches_of_a_model_keep_to_the_budget(
    tiny_models: Callable[[str], Path],
    product_texts: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = encoder(tiny_models("bert"), batch_tokens=96, max_seq_length=32)
    assert mine.dimension == 32
    shapes = []
    forward = mine._model[0].model.forward

    def noting(*args: Any, **kwargs: Any) -> Any:
        shapes.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(mine._model[0].model, "forward", noting)
    mine.encode(product_texts(50, longest=40))
    assert sum(rows for rows, _ in shapes) == 50
    assert all(rows * tokens <= 96 for rows, tokens in shapes)


def test_out_of_memory(tiny_models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    mine = encoder(tiny_models("bert"), batch_tokens=96)

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("no")

    monkeypatch.setattr(mine._model[0].model, "forward", full)
    with pytest.raises(UserError) as caught:
        mine.encode(["steel"])
    assert str(caught.value) == (
        "embeddings.encoders.e: cpu ran out of memory at batch_tokens=96; set a smaller "
        "embeddings.encoders.e.batch_tokens"
    )

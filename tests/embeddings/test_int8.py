"""int8 on CPU: close to float32 with real weights, never chosen where it is not, in the address."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from embedding_runs import embed
from numpy.typing import NDArray
from test_sentence_transformer import encoder

from product_length.embeddings.encoder import load_encoder
from product_length.embeddings.int8 import Int8Linear, int8_is_supported
from product_length.embeddings.precision import choose_batch_tokens, is_faithful
from product_length.errors import UserError

pytestmark = pytest.mark.skipif(not int8_is_supported(), reason="no int8 kernels on this CPU")


def cosines(one: NDArray[np.float16], other: NDArray[np.float16]) -> NDArray[np.float64]:
    a, b = one.astype(np.float64), other.astype(np.float64)
    found: NDArray[np.float64] = (a * b).sum(1)
    return found / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def test_real_minilm_is_close_to_float32(
    minilm: Path, product_texts: Callable[..., list[str]]
) -> None:
    texts = ["", *product_texts(20, longest=60), "long " * 300, "a"]
    mine = encoder(minilm, precision="auto")
    assert mine.address["precision"] == "int8"
    assert mine.is_faithful()
    vectors, cut = mine.encode_marked(texts)
    exact, cut_exact = encoder(minilm).encode_marked(texts)
    np.testing.assert_array_equal(cut, cut_exact)
    found = cosines(vectors, exact)
    assert found[1:21].mean() >= 0.999  # the empty text alone is at 0.996
    assert found.min() >= 0.99
    assert (vectors != exact).any()


def test_a_token_does_not_depend_on_its_neighbours() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 80)
    inputs = torch.randn(40, 64) * torch.logspace(-3, 3, 40)[:, None]
    mine = Int8Linear(layer, torch.rand(64) + 0.5)
    together = mine(inputs)
    alone = torch.cat([mine(row[None]) for row in inputs])
    torch.testing.assert_close(together, alone, rtol=0, atol=0)
    exact = layer(inputs)
    errors = (together - exact).norm(dim=1) / (exact - layer.bias).norm(dim=1)
    assert errors.max() < 0.03  # however small or large the row
    assert mine(inputs.reshape(5, 8, 64)).shape == (5, 8, 80)
    torch.testing.assert_close(mine(torch.zeros(1, 64))[0], layer.bias)


def test_layers_that_narrow_stay_float32(tiny_models: Callable[[str], Path]) -> None:
    model = encoder(tiny_models("bert"), precision="int8")._model
    kinds = {name: type(module) for name, module in model.named_modules()}
    block = "0.model.encoder.layer.1."
    assert kinds[block + "attention.self.query"] is Int8Linear
    assert kinds[block + "intermediate.dense"] is Int8Linear
    assert kinds[block + "output.dense"] is torch.nn.Linear


def test_faithfulness() -> None:
    exact = np.eye(4, 8, dtype=np.float32)
    assert is_faithful(2 * exact, exact)
    off = exact.copy()
    off[0, 7] = 0.2  # cosine 0.98
    assert not is_faithful(off, exact)
    assert not is_faithful(exact + 0.02 * np.ones((4, 8), dtype=np.float32), exact)


def test_a_model_that_int8_changes_too_much_stays_float32(
    tiny_models: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = ["steel ruler 30 cm", "cotton curtain"]
    told = {"kind": "sentence_transformer", "model": str(tiny_models("bert")), "device": "cpu"}
    monkeypatch.setattr(
        "product_length.embeddings.sentence_transformer.is_faithful", lambda *_: False
    )
    with caplog.at_level(logging.INFO):
        (made,) = embed(texts, tmp_path, e=told)
    assert made.identity["precision"] == "float32"
    assert "e: float32, as less would change this model's vectors too much" in caplog.text
    np.testing.assert_array_equal(made.vectors, encoder(tiny_models("bert")).encode(texts))
    (asked,) = embed(texts, tmp_path, e={**told, "precision": "int8"})
    assert asked.identity["precision"] == "int8"
    assert not asked.reused


def test_checkpoints_keep_their_precision(tiny_models: Callable[[str], Path]) -> None:
    state = encoder(tiny_models("bert"), precision="auto").state()
    assert state["precision"] == "int8"
    assert load_encoder(state).address["precision"] == "int8"
    for other in ("float16", "float32"):
        known = load_encoder({**state, "precision": other})
        assert known.address["precision"] == "float32"
    del state["precision"], state["options"]["batch_tokens"]  # as older versions wrote it
    state["options"]["batch_size"] = 64
    old = load_encoder(state)
    assert old.address["precision"] == "float32"
    np.testing.assert_array_equal(
        old.encode(["steel"]), encoder(tiny_models("bert")).encode(["steel"])
    )


def test_int8_where_there_is_none(
    tiny_models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "product_length.embeddings.sentence_transformer.int8_is_supported", lambda: False
    )
    with pytest.raises(UserError, match=r"e\.precision=int8: only CPUs of x86 compute in it"):
        encoder(tiny_models("bert"), precision="int8")


def test_batch_tokens() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert choose_batch_tokens(77, cuda) == 77
    assert choose_batch_tokens("auto", cpu) == 512 * torch.get_num_threads()
    assert choose_batch_tokens("auto", cuda) > 10_000

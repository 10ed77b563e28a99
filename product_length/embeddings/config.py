"""Options of `embeddings=`: which encoders, and how each one runs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from product_length.options import HomeText, Options, matching


def _check_range(char_ngrams: tuple[int, int] | None, *, least: int) -> None:
    if char_ngrams and not least <= char_ngrams[0] <= char_ngrams[1] <= 8:
        raise ValueError(
            f"char_ngrams must be [shortest, longest] with {least} <= shortest <= longest <= 8"
        )


class LsaOptions(Options):
    """TF-IDF of word and character n-grams, then a truncated SVD; fitted on training texts.

    `word_ngrams` words in a row at most, `char_ngrams` the shortest and the longest; null leaves a
    kind out. Words are counted in the first `word_length` characters (null: in the whole text),
    character n-grams in the first `char_length`, where the recipe puts the title: over whole
    descriptions they would cost ten times as much as the words. `max_features` bounds either kind
    of n-gram, `max_fit_rows` the distinct training texts that are fitted on, so memory does not
    grow with the catalogue.
    """

    kind: Literal["lsa"]
    dimensions: Annotated[int, Field(ge=2, le=4096)] = 256
    word_ngrams: Annotated[int, Field(ge=1, le=4)] | None = 2
    word_length: Annotated[int, Field(ge=1)] | None = None
    char_ngrams: tuple[int, int] | None = (3, 4)
    char_length: Annotated[int, Field(ge=1)] = 100
    max_features: Annotated[int, Field(ge=100)] = 20_000
    min_rows: Annotated[int, Field(ge=1)] = 2
    max_fit_rows: Annotated[int, Field(ge=100)] = 50_000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @model_validator(mode="after")
    def _some_kind(self) -> Self:
        if self.word_ngrams is None and self.char_ngrams is None:
            raise ValueError("word_ngrams and char_ngrams are both null: nothing would be counted")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.char_ngrams, least=1)
        return self


class SentenceTransformerOptions(Options):
    """A frozen sentence-transformers model, from the hub or from a local folder.

    `max_seq_length: null` keeps the model's own, in tokens; `revision` is a commit, tag or branch
    of the hub and says nothing about a local folder. `precision: auto` is float16 on GPUs that
    compute in it natively (CUDA from capability 7.0, Apple silicon); on CPUs bfloat16 where the CPU
    multiplies tiles of it (AMX), else int8 (x86), where the model's vectors stay those of float32
    (cosine ≥ 0.999 on average, ≥ 0.99 at worst, on fixed texts); float32 elsewhere.
    `batch_tokens` bounds a batch, padding included; auto is what a CPU's caches hold, or 32,768 on
    a GPU.
    """

    kind: Literal["sentence_transformer"]
    model: Annotated[HomeText, Field(min_length=1)]
    revision: Annotated[str, Field(min_length=1)] | None = None
    prompt: str = ""
    max_seq_length: Annotated[int, Field(ge=8, le=8192)] | None = None
    batch_tokens: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto"
    device: Annotated[str, Field(min_length=1)] = "auto"


class BagOptions(Options):
    """The vectors that the network learns for hashed n-grams, one for each bucket."""

    buckets: Annotated[int, Field(ge=16, lt=2**24)] = 262_144
    dimensions: Annotated[int, Field(ge=1, le=4096)] = 64
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2


class NgramOptions(BagOptions):
    """Hashed words and character n-grams, whose vectors are learned with the network.

    Nothing is fitted beforehand. Words are taken from the whole text, character n-grams from its
    first `char_length` characters, where the recipe puts the title. A text has room for `length`
    different ones; texts with more are cut, and counted.
    """

    kind: Literal["ngrams"]
    length: Annotated[int, Field(ge=1, le=4096)] = 256
    word_ngrams: Annotated[int, Field(ge=1, le=4)] = 2
    char_ngrams: tuple[int, int] | None = (3, 4)
    char_length: Annotated[int, Field(ge=1)] = 100

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.char_ngrams, least=2)
        return self


EncoderOptions = Annotated[
    LsaOptions | SentenceTransformerOptions | NgramOptions, Field(discriminator="kind")
]
EncoderName = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_]*", "made of letters, digits and _, and not begin with a digit"
    ),
]


class EmbeddingOptions(Options):
    """The encoders whose outputs the model sees side by side, by name, in order.

    An array is written, checked and resumed in chunks of `chunk_rows` catalogue rows. `workers` of
    them are encoded at a time, each in a process of its own: `auto` is one for each GPU, or for
    each machine that encodes on its CPU, whose cores the workers share. The `ray` engine has its
    workers on a cluster: the one at `ray_address`, else at RAY_ADDRESS, else one started here.
    Whatever the three are, vectors are equal up to rounding, and kept in the same place.
    """

    encoders: Annotated[dict[EncoderName, EncoderOptions], Field(min_length=1)]
    chunk_rows: Annotated[int, Field(ge=1)] = 2048
    engine: Literal["local", "ray"] = "local"
    workers: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    ray_address: Annotated[str, Field(min_length=1)] | None = None

    def with_vectors(self) -> list[str]:
        """The encoders whose vectors are there before training, in order."""
        return [name for name, each in self.encoders.items() if not isinstance(each, BagOptions)]

    @model_validator(mode="after")
    def _address_of_an_engine(self) -> Self:
        if self.ray_address is not None and self.engine != "ray":
            raise ValueError(f"ray_address={self.ray_address} needs embeddings.engine=ray")
        return self

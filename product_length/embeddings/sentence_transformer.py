"""Frozen sentence-transformers models (Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084).

Pooling, dense layers and normalisation are the model's own, as its `modules.json` says.
"""

import contextlib
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.devices import choose_device
from product_length.embeddings.batches import Batch, Features, tokenised_batches
from product_length.embeddings.config import SentenceTransformerOptions
from product_length.embeddings.int8 import CALIBRATION, int8_is_supported, quantise
from product_length.embeddings.library_noise import quiet_libraries
from product_length.embeddings.model_files import ModelFiles, find_model, first_line
from product_length.embeddings.precision import choose_batch_tokens, choose_precision, is_faithful
from product_length.embeddings.streams import run_batches
from product_length.embeddings.token_limits import positions_of, texts_cut
from product_length.errors import UserError
from product_length.shortage import memory_ran_out

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PROBE = ["", "Steel ruler, 30 cm x 2.5 cm", "cotton saree with blouse piece " * 12]


class SentenceTransformerEncoder:
    """An encoder that finds its model at once, and loads it when first asked for a vector."""

    dtype = "float16"
    bag = None

    def __init__(
        self, name: str, options: SentenceTransformerOptions, *, setting: str | None = None
    ) -> None:
        self.name = name
        self._options = options
        self._key = f"embeddings.encoders.{name}"
        self._setting = setting or f"{self._key}.model"
        self._files: ModelFiles = find_model(options.model, options.revision, self._setting)
        self._device = choose_device(options.device, f"{self._key}.device")
        self._precision = choose_precision(options.precision, self._device)
        if self._precision == "int8" and not (self._device.type == "cpu" and int8_is_supported()):
            raise UserError(
                f"{self._key}.precision=int8: only CPUs of x86 compute in it; use auto, or "
                f"{self._key}.device=cpu"
            )
        self._dimension: int | None = None

    @property
    def address(self) -> dict[str, Any]:
        """Digest of the model's files and how it is run; not where it lies."""
        return {
            "kind": "sentence_transformer",
            "weights": self._files.digest,
            "max_seq_length": self._options.max_seq_length,
            "prompt": self._options.prompt,
            "precision": self._precision,
        }

    @property
    def weights(self) -> str:
        """sha256 hex over the model's files."""
        return self._files.digest

    @property
    def dimension(self) -> int:
        """Width of a vector; loads the model unless `assume_dimension` set it."""
        if self._dimension is None:
            self._dimension = self._embed(["a"])[0].shape[1]
        return self._dimension

    @property
    def device(self) -> torch.device:
        """Where it runs; `cuda` without an index is any of them."""
        return self._device

    def assume_dimension(self, dimension: int) -> None:
        """Take the width as known (from an earlier load of the same weights)."""
        self._dimension = dimension

    def check(self) -> int:
        """Load the model twice; the width of its vectors.

        A weight that the files lack is set at random by the library, with a mere warning: then
        two loads give different vectors. Raises UserError.
        """
        with torch.random.fork_rng(devices=[]):
            loads = []
            for seed in (0, 1):
                torch.default_generator.manual_seed(seed)
                vars(self).pop("_model", None)
                loads.append(self._embed(_PROBE)[0])
        # Only float rounding may differ; a random layer moves vectors by their own size.
        if not np.allclose(loads[0], loads[1], rtol=0, atol=1e-3 * np.abs(loads[0]).max()):
            raise UserError(
                f"{self._setting}={self._options.model}: some of the model's weights are missing "
                "from its files (two loads give different vectors); get a complete copy"
            )
        self._dimension = loads[0].shape[1]
        return self._dimension

    def is_faithful(self) -> bool:
        """Whether the vectors are close enough to float32's; asked of `auto` on CPU only.

        A GPU's float16 is taken as it is, and so is what was asked for.
        """
        if not self._chosen_for_cpu or self._precision == "float32":
            return True
        exact = self._options.model_copy(update={"precision": "float32"})
        twin = type(self)(self.name, exact, setting=self._setting)
        return is_faithful(self._embed(CALIBRATION)[0], twin._embed(CALIBRATION)[0])

    def use_float32(self) -> None:
        """Compute in float32 instead of what `precision: auto` chose."""
        self._precision = "float32"
        vars(self).pop("_model", None)

    @property
    def _chosen_for_cpu(self) -> bool:
        return self._options.precision == "auto" and self._device.type == "cpu"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Vectors of the texts: float16 (texts, dimension), in the order given.

        Raises UserError when the device runs out of memory or a vector is not finite.
        """
        return self.encode_marked(texts)[0]

    def encode_marked(self, texts: Sequence[str]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        """`encode`, and which texts had more tokens than `max_seq_length`: bool (texts,)."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float16), np.zeros(0, dtype=np.bool_)
        vectors, cut = self._embed(texts)
        if vectors.shape[1] != self.dimension:
            raise UserError(
                f"{self._setting}={self._options.model}: gives vectors of width "
                f"{vectors.shape[1]}, where {self.dimension} is recorded for it"
            )
        with np.errstate(over="ignore"):
            half = vectors.astype(np.float16)
        if not np.isfinite(half).all():
            raise UserError(
                f"{self._key}: vectors that are not finite in precision {self._precision}; set "
                f"{self._key}.precision=float32, or choose another model"
            )
        return half, cut

    def state(self) -> dict[str, Any]:
        """The options, the digest of the model's files and the width; no weights."""
        return {
            "kind": "sentence_transformer",
            "name": self.name,
            "options": self._options.model_dump(mode="json"),
            "weights": self._files.digest,
            "dimension": self.dimension,
            "precision": self._precision,
        }

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Any],
        model: str | None = None,
        *,
        setting: str | None = None,
        device: str = "auto",
    ) -> Self:
        """The encoder of a checkpoint, on a device of this machine.

        Raises UserError when the model cannot be found or is another one.
        """
        changes: dict[str, Any] = {"device": device}
        if model is not None:
            changes |= {"model": model, "revision": None}
        options = SentenceTransformerOptions.model_validate(state["options"] | changes)
        encoder = cls(state["name"], options, setting=setting)
        if encoder.weights != state["weights"]:
            raise UserError(
                f"{encoder._setting}={options.model}: not the model that the checkpoint was "
                f"trained with (its files' digest is {encoder.weights[:12]}, the checkpoint's "
                f"{state['weights'][:12]}); point it at a copy of "
                f"{state['options']['model']} as it was then"
            )
        encoder.assume_dimension(state["dimension"])
        # int8 only for a network that was trained on it; float32 is nearest to all the others.
        if encoder._chosen_for_cpu and encoder._precision != state["precision"]:
            encoder.use_float32()
        return encoder

    def _embed(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Vectors float32 (texts, width) and which texts were cut: bool (texts,)."""
        model = self._model
        cut: set[str] = set()
        prompt = self._options.prompt
        budget = choose_batch_tokens(self._options.batch_tokens, self._device)

        def tokenise(some: list[str]) -> Features:
            features = model.preprocess(some, prompt=prompt or None)
            cut.update(texts_cut(some, features, model, prompt))
            return dict(features)

        def forward(batch: Batch) -> tuple[NDArray[np.int64], torch.Tensor]:
            rows, features = batch
            for name, value in features.items():
                if isinstance(value, torch.Tensor):
                    features[name] = value.to(self._device, non_blocking=True)
            return rows, model(features)["sentence_embedding"][:, : model.truncate_dim].float()

        left = getattr(model.tokenizer, "padding_side", "right") == "left"
        try:
            with contextlib.closing(tokenised_batches(texts, tokenise, budget, left=left)) as each:
                positions, found = zip(*run_batches(each, forward, self._device), strict=True)
            together = torch.cat(found).cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"{self._key}: {self._device} ran out of memory at batch_tokens={budget}; set a "
                f"smaller {self._key}.batch_tokens"
            ) from error
        ordered = np.empty_like(together)
        ordered[np.concatenate(positions)] = together
        marks = np.fromiter((text in cut for text in texts), dtype=np.bool_, count=len(texts))
        return ordered, marks

    @functools.cached_property
    def _model(self) -> "SentenceTransformer":
        try:
            with quiet_libraries():
                from sentence_transformers import SentenceTransformer

                model = SentenceTransformer(
                    str(self._files.folder), device="cpu", local_files_only=True
                )
            kind = "float32" if self._precision == "int8" else self._precision
            model = model.to(self._device, getattr(torch, kind)).eval()
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"{self._key}: {self._options.model} does not fit into the memory of "
                f"{self._device}; choose a smaller model, or {self._key}.device=cpu"
            ) from error
        except Exception as error:  # whatever the libraries raise on damaged or foreign files
            if memory_ran_out(error):
                raise
            raise UserError(
                f"{self._setting}={self._options.model}: cannot be loaded from "
                f"{self._files.folder} ({first_line(error)}); get a complete copy, or choose "
                "another model"
            ) from error
        self._limit_length(model)
        if self._precision == "int8":
            quantise(model, lambda: model.encode(CALIBRATION, show_progress_bar=False))
        return model

    def _limit_length(self, model: "SentenceTransformer") -> None:
        """Set the longest text, in tokens; the library's own default may exceed the model's."""
        positions = positions_of(model)
        wanted = self._options.max_seq_length
        if wanted is not None and positions is not None and wanted > positions:
            raise UserError(
                f"{self._key}.max_seq_length={wanted}: {self._options.model} reads at most "
                f"{positions} tokens"
            )
        limits = [limit for limit in (wanted or model.max_seq_length, positions) if limit]
        model.max_seq_length = min(limits) if limits else None

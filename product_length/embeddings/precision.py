"""In what numbers a sentence encoder computes, and how much of a batch at a time."""

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.embeddings.int8 import int8_is_supported
from product_length.embeddings.streams import share_threads

# What a thread has of a batch stays in an EPYC core's caches: 512 tokens were faster than 256, and
# as fast as 1,024 (MiniLM).
_TOKENS_PER_THREAD = 512
_TOKENS_ON_GPU = 32_768
_MEAN_COSINE, _LEAST_COSINE = 0.999, 0.99


def choose_precision(precision: str, device: torch.device) -> str:
    """`int8` or the name of a torch dtype; for `auto` what the hardware is fast in.

    On GPUs float16 before bfloat16: as fast, and the vectors are kept in float16, whose three more
    bits of mantissa bfloat16 would have lost. On CPUs bfloat16 only where AMX multiplies it: int8
    is 1.3 times as fast as AVX-512's bfloat16 (MiniLM, EPYC of 2022).
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "float16" if torch.cuda.get_device_capability(device) >= (7, 0) else "float32"
    if device.type != "cpu":
        return "float16" if device.type == "mps" else "float32"
    if getattr(torch.cpu, "_is_amx_tile_supported", bool)():
        return "bfloat16"
    return "int8" if int8_is_supported() else "float32"


def choose_batch_tokens(batch_tokens: int | str, device: torch.device) -> int:
    """Tokens in a batch, padding included."""
    if isinstance(batch_tokens, int):
        return batch_tokens
    if device.type != "cpu":
        return _TOKENS_ON_GPU
    _, threads = share_threads(device)
    return _TOKENS_PER_THREAD * threads


def is_faithful(vectors: NDArray[np.float32], reference: NDArray[np.float32]) -> bool:
    """Whether vectors, float32 (texts, width), are close enough to those of float32."""
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(reference, axis=1)
    cosines = (vectors * reference).sum(axis=1) / np.maximum(norms, 1e-30)
    return bool(cosines.mean() >= _MEAN_COSINE and cosines.min() >= _LEAST_COSINE)
